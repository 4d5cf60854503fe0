"""One sample of a data set and the tar members it is made of."""

import io
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from somtom.schemas.keys import KEY_PATTERN
from somtom.schemas.reasons import DataError
from somtom.schemas.record import Record, parse_record, record_json

JSON, MARKED, CLEAN, TRACES = "json", "jpg", "clean.jpg", "traces.npy"
FIRST_MEMBERS = (JSON, MARKED, CLEAN, TRACES)


def extra_names(history: int, cameras: int) -> tuple[str, ...]:
    """Name the further members of a sample, in order.

    >>> extra_names(2, 1)
    ('h00.jpg', 'h01.jpg', 'cam1.jpg')
    """
    names = [f"h{number:02d}.jpg" for number in range(history)]
    return (*names, *(f"cam{number}.jpg" for number in range(1, cameras + 1)))


@dataclass(frozen=True)
class Sample:
    """One sample as it is written.

    Args:
        key: the sample's key, equal to the record's `id`.
        record: values of the fields of `record.RECORD`; defaults may be left out when writing.
        marked_jpeg, clean_jpeg: the picture with and without marks, of one size.
        traces: (T, K, 3) float32: x, y in pixels of the picture, visible 0 or 1; `[:, k]` is `marks[k]`.
        extra: further members (suffix, bytes), such as ("h00.jpg", ...), ("cam1.jpg", ...), in order.
    """

    key: str
    record: Record
    marked_jpeg: bytes
    clean_jpeg: bytes
    traces: NDArray[np.float32]
    extra: tuple[tuple[str, bytes], ...] = ()

    def __post_init__(self) -> None:
        if not KEY_PATTERN.fullmatch(self.key) or self.record.get("id") != self.key:
            raise ValueError(f"{self.key}: a key is 1 to 80 of [a-z0-9_-] and the record's id")
        if self.traces.ndim != 3 or self.traces.shape[2] != 3 or self.traces.dtype != np.float32:
            got = f"{self.traces.shape} {self.traces.dtype}"
            raise ValueError(f"{self.key}: traces must be (T, K, 3) float32, got {got}")


def sample_members(sample: Sample) -> list[tuple[str, bytes]]:
    """Encode the sample to its tar members (name, bytes) in the contract's order."""
    members = [
        (JSON, record_json(sample.record)),
        (MARKED, sample.marked_jpeg),
        (CLEAN, sample.clean_jpeg),
        (TRACES, encode_traces(sample.traces)),
        *sample.extra,
    ]
    return [(f"{sample.key}.{suffix}", data) for suffix, data in members]


def load_sample(members: Mapping[str, bytes]) -> Sample:
    """Decode what `tar.read_shard` gives for one key (suffix -> bytes).

    Raises:
        DataError: `bad_record`: a member is missing or malformed.
    """
    missing = [suffix for suffix in FIRST_MEMBERS if suffix not in members]
    if missing:
        raise DataError("bad_record", f"a sample lacks its member {missing[0]}")
    record = parse_record(members[JSON])
    traces = decode_traces(members[TRACES])
    extra = tuple((suffix, data) for suffix, data in members.items() if suffix not in FIRST_MEMBERS)
    try:
        return Sample(str(record["id"]), record, members[MARKED], members[CLEAN], traces, extra)
    except ValueError as error:
        raise DataError("bad_record", str(error)) from error


def encode_traces(traces: NDArray[np.float32]) -> bytes:
    """Write the array as .npy, version 1.0, little endian, in C order."""
    buffer = io.BytesIO()
    array = np.ascontiguousarray(traces, dtype="<f4")
    np.lib.format.write_array(buffer, array, version=(1, 0), allow_pickle=False)
    return buffer.getvalue()


def decode_traces(data: bytes) -> NDArray[np.float32]:
    """Read what `encode_traces` wrote; the header is held against the bytes before anything is allocated.

    Raises:
        DataError: `bad_record`.
    """
    buffer = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(buffer)
        if version != (1, 0):
            raise ValueError(f"version {version}")
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(buffer)
    except ValueError as error:
        raise DataError("bad_record", f"traces.npy has a bad header: {error}") from error
    # Python's integers, not NumPy's: a hostile shape must not overflow to a small product.
    fits = len(shape) == 3 and shape[2] == 3 and shape[0] * shape[1] * 12 == len(data) - buffer.tell()
    if fortran or dtype != np.dtype("<f4") or not fits or min(shape) < 0:
        raise DataError(
            "bad_record",
            f"traces.npy must be (T, K, 3) float32 in C order, got {shape} {dtype} in {len(data)} bytes",
        )
    flat = np.frombuffer(data, dtype="<f4", offset=buffer.tell())
    return flat.reshape(shape).astype(np.float32)
