"""Image-text pairs in LLaVA's JSON: a record is a picture and the turns said about it, passed through."""

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from somtom.schemas.annotation import Annotation
from somtom.schemas.clips import Clip
from somtom.schemas.keys import digest, sample_key
from somtom.schemas.reasons import DataError, Reject
from somtom.schemas.record import storable_text
from somtom.schemas.refs import Item, ItemFacts, Ref, Scan
from somtom.schemas.settings import ClipSettings, ShotSettings
from somtom.sources.fingerprint import fingerprint
from somtom.sources.images import decode_image, image_size, read_image
from somtom.sources.listing import list_files
from somtom.sources.picture_records import picture_uri
from somtom.sources.places import Place, placed_records, read_placed
from somtom.sources.screens import NO_TIME
from somtom.sources.source import DataSetSettings, Found

PATTERNS = ("*.json", "*.jsonl", "*.ndjson")
SPEAKERS = ("human", "gpt")
MAX_TURNS = 1000
MAX_PEEKED = 100  # files looked into to recognise a folder
MAX_TEXT = 1 << 17  # characters of all turns together

Turns = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class LlavaSource(DataSetSettings):
    """Image-text pairs in LLaVA's JSON: {id, image, conversations: [{from, value}]}, a list or JSON lines."""

    kind: ClassVar[str] = "llava"

    images: str = ""  # the folder that the pictures' paths are in; "" = that of the JSON file

    @classmethod
    def recognise(cls, path: str) -> Found | None:
        """Look for `conversations` in the first records of each file; see `Source.recognise`."""
        try:
            files = list(list_files(path, include=PATTERNS))
        except (DataError, OSError):
            return None
        first = {one: pairs for one in files[:MAX_PEEKED] if (pairs := _first_pairs(one.locator))}
        if not first:
            return None
        file, records = next(iter(first.items()))
        found = sum(_is_there(cls(path), file.locator, one) for one in records)
        notes = [
            f"{len(first)} of {min(len(files), MAX_PEEKED)} JSON files looked into hold image-text pairs, "
            f"such as {file.uri}",
            f"pictures of {found} of its first {len(records)} records found"
            + ("" if found else ": set images to their folder"),
        ]
        if len(first) == 1:
            return Found({"path": file.locator}, tuple(notes))
        if len(first) < min(len(files), MAX_PEEKED):
            notes.append("the others would be rejected: give a glob, or move them")
        return Found({"path": path}, tuple(notes))

    def items(self, index: int) -> Iterator[Item]:
        """List the records of each file, in its order; see `Source.items`."""
        for listed in list_files(self.path, include=PATTERNS):
            try:
                for number, (place, record) in enumerate(placed_records(listed.locator), start=1):
                    uri = f"{listed.uri}#row={number}"
                    if place is None:
                        yield _unusable(index, uri, listed.locator, "bad_record", str(record))
                    else:
                        yield Item(index, uri, listed.locator, json.dumps([place.at, place.size]))
            except DataError as error:
                yield _unusable(index, listed.uri, listed.locator, error.reason, error.message)

    def scan(self, item: Item, shots: ShotSettings, clips: ClipSettings, run_length: int) -> Scan:
        """Check a record and its picture's header; see `Source.scan`."""
        facts = ItemFacts(uri=item.uri)
        try:
            record = _read_record(item.locator, item.payload)
            turns, image = turns_of(record), image_of(record)
            locator = self._picture(item.locator, image)
            width, height = image_size(read_image(locator), clips)
            stamp = fingerprint(locator)
        except DataError as error:
            return Scan(facts, reject=Reject(self.name, item.uri, "", "scan", error.reason, error.message))
        ref = Ref(
            key=sample_key(self.kind, self.name, item.uri, "", NO_TIME),
            source=item.source,
            kind=self.kind,
            dataset=self.name,
            uri=item.uri,
            locator=item.locator,
            fingerprint=stamp,
            licence=self.licence,
            group=f"{self.name}/{image}",
            run=0,
            position=0,
            start_s=NO_TIME,
            end_s=NO_TIME,
            step_s=NO_TIME,
            fps=NO_TIME,
            frames=(0,),
            split=self.split,
            # What is said is part of what was planned, though it is read again.
            payload=json.dumps({"place": json.loads(item.payload), "said": digest(turns)}),
            weight=self.weight,
        )
        return Scan(ItemFacts(item.uri, digest(stamp, turns), width, height, frames=1), refs=(ref,))

    def read(self, refs: Sequence[Ref], clips: ClipSettings) -> Iterator[tuple[Ref, Clip | DataError]]:
        """Decode the pictures; see `Source.read`."""
        for ref in refs:
            try:
                yield ref, self._read(ref, clips)
            except DataError as error:
                yield ref, error

    def _read(self, ref: Ref, clips: ClipSettings) -> Clip:
        planned = json.loads(ref.payload)
        record = _read_record(ref.locator, json.dumps(planned["place"]))
        turns = turns_of(record)
        locator = self._picture(ref.locator, image_of(record))
        if digest(turns) != planned["said"] or fingerprint(locator) != ref.fingerprint:
            raise DataError("changed_input", f"{ref.uri} changed after it was planned: plan again")
        rgb, (width, height) = decode_image(read_image(locator), clips, clips.short_side)
        return Clip(
            frames=rgb[None],
            times_s=np.array([NO_TIME]),
            source_width=width,
            source_height=height,
            annotation=Annotation(turns=turns),
        )

    def _picture(self, table: str, image: str) -> str:
        """Locator of a picture by its path in a record of the file `table`."""
        folder = self.images.rstrip("/") or ("/" if self.images else table.rpartition("/")[0])
        return f"{folder}/{image}" if folder else image


def image_of(record: Mapping[str, object]) -> str:
    """The path of a record's one picture, relative and inside of its folder.

    Raises:
        DataError: `unsupported`: it has none, or several, or a video; `bad_record`, `unsafe_path`.
    """
    image = record.get("image")
    if isinstance(image, list) and len(image) == 1:
        image = image[0]
    if not image or isinstance(image, list):
        what = f"{len(image)} pictures" if isinstance(image, list) and image else "no picture"
        raise DataError("unsupported", f"it has {what}: records of one picture are read")
    return picture_uri(image)


def turns_of(record: Mapping[str, object]) -> Turns:
    """What is said about a record's picture: human and gpt in turn, the text as it is.

    Raises:
        DataError: `bad_record`.
    """
    said = record.get("conversations")
    if not isinstance(said, list) or not said:
        raise DataError("bad_record", "it has no list of conversations")
    if len(said) % 2 or len(said) > MAX_TURNS:
        raise DataError("bad_record", f"it has {len(said)} turns: an even number up to {MAX_TURNS} is read")
    turns = []
    for number, turn in enumerate(said):
        speaker, text = (turn.get("from"), turn.get("value")) if isinstance(turn, dict) else (None, None)
        if speaker != SPEAKERS[number % 2]:
            raise DataError(
                "bad_record",
                f"turn {number + 1} is of {str(speaker)[:40]!r}: {SPEAKERS[number % 2]} must speak there",
            )
        if not isinstance(text, str) or not text.strip():
            raise DataError("bad_record", f"turn {number + 1} has no text")
        turns.append((speaker, storable_text(text)))
    characters = sum(len(text) for _, text in turns)
    if characters > MAX_TEXT:
        raise DataError("bad_record", f"its turns have {characters} characters, more than {MAX_TEXT}")
    return tuple(turns)


def _read_record(locator: str, payload: str) -> Mapping[str, object]:
    says = json.loads(payload)
    if isinstance(says, dict):
        raise DataError(says["reason"], says["message"])
    return next(read_placed(locator, [Place(*says)]))


def _first_pairs(locator: str) -> list[Mapping[str, object]]:
    """Those of a file's first records that hold a conversation; none where it is of another kind."""
    try:
        first = [record for _, record in itertools.islice(placed_records(locator), 20)]
    except (DataError, OSError):
        return []
    return [one for one in first if isinstance(one, Mapping) and "conversations" in one]


def _unusable(index: int, uri: str, locator: str, reason: str, message: str) -> Item:
    return Item(index, uri, locator, json.dumps({"reason": reason, "message": message}))


def _is_there(source: LlavaSource, table: str, record: Mapping[str, object]) -> bool:
    try:
        image_size(read_image(source._picture(table, image_of(record))), ClipSettings())
    except (DataError, OSError):
        return False
    return True
