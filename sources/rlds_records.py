"""Where the episodes of an RLDS shard lie, and the records that it should hold and lacks."""

import contextlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

import google_crc32c

from somtom.schemas.keys import digest
from somtom.schemas.reasons import DataError
from somtom.sources.files import open_binary
from somtom.sources.rlds_layout import Shard
from somtom.sources.tfrecord import Span, compression_of, stored_checksum, stream_records, walk_records


@dataclass(frozen=True)
class Place:
    """Where an episode's record is: at `span` of the shard, or the `number`-th of a compressed one."""

    locator: str
    number: int
    span: Span | None

    @contextlib.contextmanager
    def opened(self) -> Iterator[tuple[IO[bytes], Span]]:
        """Give a file that holds the record's payload, and where; a compressed one is inflated and checked.

        Raises:
            DataError: `missing`, `unreadable`, `changed_input`.
            OSError: the store failed.
        """
        with open_binary(self.locator) as file:
            if self.span is not None:
                yield file, self.span
                return
            for number, payload in enumerate(stream_records(file)):
                if number == self.number:
                    if isinstance(payload, DataError):
                        raise payload
                    yield io.BytesIO(payload), Span(0, len(payload))
                    return
        raise DataError("unreadable", f"the shard holds no record {self.number}: fetch it again")

    def stamp(self, file: IO[bytes], span: Span) -> str:
        """Hash what tells the record from others and from itself after a change; of what `opened` gave.

        Raises:
            DataError: `unreadable`: the file ends within the record.
        """
        if self.span is not None:
            return digest(self.number, span.offset, span.length, stored_checksum(file, span))
        file.seek(span.offset)
        return digest(self.number, span.length, int(google_crc32c.value(file.read(span.length))))


def list_episodes(shard: Shard, locator: str) -> Iterator[dict[str, object]]:
    """What each item of a shard carries: where its record lies, or why it is lost.

    There are as many as dataset_info.json counts, or as the shard holds where these are more; one more where
    the shard is damaged and nobody counted.
    """
    found, lost = (
        0,
        DataError(
            "unreadable", f"the shard holds fewer records than the {shard.episodes} of dataset_info.json"
        ),
    )
    least = shard.episodes
    try:
        with open_binary(locator) as file:
            if compression_of(file):
                # Counting them would inflate the file: they are found missing when they are scanned.
                for number in range(max(shard.episodes, 0)):
                    yield {"number": number}
                return
            for span in walk_records(file):
                yield {"number": found, "at": span.offset, "size": span.length}
                found += 1
    except DataError as error:
        lost, least = error, max(least, found + 1)
        if error.reason == "missing":
            lost = DataError("missing", f"{shard.name} is not there: fetch it, or leave out its split")
    for _ in range(found, least):
        yield {"reason": lost.reason, "message": lost.message}
