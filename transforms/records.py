"""Parts of the record that are the same for every task."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from somtom.schemas.picture_hash import picture_hash
from somtom.schemas.record import Record
from somtom.schemas.refs import Ref
from somtom.schemas.sample import extra_names
from somtom.schemas.tracks_table import StoredClip


def source_record(ref: Ref, picture: NDArray[np.uint8]) -> Record:
    """Where the sample comes from, and what its clean picture looks like: the record's `source`."""
    return {
        "kind": ref.kind,
        "dataset": ref.dataset,
        "uri": ref.uri,
        "fingerprint": ref.fingerprint,
        "picture_hash": picture_hash(picture),
        "licence": ref.licence,
        "group": ref.group,
        "camera": ref.camera,
        "start_s": ref.start_s,
        "end_s": ref.end_s,
        "fps": ref.fps,
        "step_s": ref.step_s,
        "weight": ref.weight,
    }


def history_record(clip: StoredClip, texts: Sequence[str] = ()) -> list[Record]:
    """What happened before: the record's `history`; `texts` stand in for those of the annotation."""
    past = clip.annotation.past
    said = texts or [step.text for step in past]
    return [
        {"t_s": step.t_s, "action_text": text, "known": step.known}
        for step, text in zip(past, said, strict=True)
    ]


def extra_members(clip: StoredClip) -> tuple[tuple[str, bytes], ...]:
    """The sample's further members: history pictures, then further cameras."""
    history = len(clip.annotation.past)
    names = extra_names(history, len(clip.extra_jpegs) - history)
    return tuple(zip(names, clip.extra_jpegs, strict=True))
