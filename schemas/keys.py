"""Keys, seeds and digests: hashes that are the same on every machine."""

import hashlib
import json
import re

import numpy as np

KEY_PATTERN = re.compile(r"[a-z0-9_-]{1,80}")


def digest(*parts: object) -> str:
    """Hash the parts (strings, numbers, and lists and dicts of them) to 32 hex digits.

    >>> digest("a", 1) == digest("a", 1), digest("a", "1") == digest("a", 1)
    (True, False)
    """
    text = json.dumps(parts, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def sample_key(kind: str, dataset: str, uri: str, camera: str, start_s: float) -> str:
    """Make the key of the sample that starts at `start_s` seconds in `uri` (relative to the data set).

    >>> sample_key("video", "kitchen", "a/b.mp4", "", 1.5)[:6]
    'video-'
    """
    start_us = round(start_s * 1e6)
    stem = re.sub(r"[^a-z0-9]+", "-", kind.lower()).strip("-")[:20] or "x"
    return f"{stem}-{digest(dataset, uri, camera, start_us)[:24]}"


def seed_of(key: str, purpose: str) -> int:
    """Derive a 63-bit seed from a sample's key; each purpose has a stream of its own."""
    return int(digest(key, purpose)[:16], 16) >> 1


def generator_of(key: str, purpose: str) -> np.random.Generator:
    """Make the random generator that `purpose` uses for the sample `key`."""
    return np.random.Generator(np.random.PCG64(seed_of(key, purpose)))
