"""Reads the clips of a shard, run by run, also from a store that stumbles."""

from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import TypeAlias

from somtom.schemas.clips import Clip
from somtom.schemas.reasons import DataError
from somtom.schemas.refs import Ref
from somtom.schemas.settings import ClipSettings
from somtom.sources.source import Source
from somtom.transforms.logs import take_clip
from somtom.transforms.retry import MACHINE, why_unread, with_retries

ReadClip: TypeAlias = tuple[Ref, Clip | DataError]


def read_refs(
    refs: Sequence[Ref], sources: Sequence[Source], settings: ClipSettings, left_out: Mapping[str, DataError]
) -> Generator[ReadClip, None, None]:
    """Read the refs of a shard, in order; those of the keys `left_out` are not touched."""
    for run in runs_of(refs):
        wanted = [ref for ref in run if ref.key not in left_out]
        decoded = read_run(wanted, sources[run[0].source], settings)
        for ref in run:
            take_clip(ref)
            if ref.key in left_out:
                yield ref, left_out[ref.key]
                continue
            got, clip = next(decoded)
            if got.key != ref.key:
                raise RuntimeError(f"{ref.kind}: read {got.key} where {ref.key} was due")
            yield got, clip


def read_run(refs: Sequence[Ref], source: Source, settings: ClipSettings) -> Iterator[ReadClip]:
    """Read the refs of one run; a store that fails for a moment is asked again for the refs still due."""
    due = list(refs)
    reading = source.read(tuple(due), settings)

    def advance() -> ReadClip:
        nonlocal reading
        try:
            return next(reading)
        except OSError:
            reading = source.read(tuple(due), settings)
            raise

    while due:
        try:
            got = with_retries(advance, due[0].uri)
        except FileNotFoundError:
            gone = DataError("missing", "the file is not there any more; was it moved since it was planned?")
            yield from ((ref, gone) for ref in due)
            return
        except OSError as error:
            if error.errno in MACHINE:
                raise
            broken = DataError("io_error", why_unread(error))
            yield from ((ref, broken) for ref in due)
            return
        due.pop(0)
        yield got


def runs_of(refs: Sequence[Ref]) -> list[tuple[Ref, ...]]:
    """Split a shard's refs into runs: neighbours that are read in one pass."""
    runs: list[list[Ref]] = []
    for ref in refs:
        if runs and _run(runs[-1][-1]) == _run(ref):
            runs[-1].append(ref)
        else:
            runs.append([ref])
    return [tuple(run) for run in runs]


def _run(ref: Ref) -> tuple[object, ...]:
    return (ref.source, ref.uri, ref.camera, ref.run)
