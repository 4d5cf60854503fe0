import json
from collections.abc import Callable
from pathlib import Path

import pytest

from somtom.schemas.check import check_dataset
from somtom.schemas.tar import BLOCK, RECORD_BYTES

SHARD = "shards/train-000000.tar"

Members = list[tuple[str, bytes]]
Repack = Callable[[Path, Callable[[Members], Members]], None]


def shard_faults(folder: Path) -> list[str]:
    """What is said of the tars; that the tables do not know the broken one is another matter."""
    return [line for line in check_dataset(folder) if line.startswith("shards/")]


def set_header(at: int, value: bytes, fix_sum: bool = True) -> Callable[[bytes], bytes]:
    def change(data: bytes) -> bytes:
        header = bytearray(data[:BLOCK])
        header[at : at + len(value)] = value
        if fix_sum:
            header[148:156] = b"%06o\0 " % (sum(header) - sum(header[148:156]) + 8 * 0x20)
        return bytes(header) + data[BLOCK:]

    return change


BROKEN_TARS: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "mtime": (set_header(136, b"14000000000\0"), "is not ours: mtime, checksum"),
    "mode": (set_header(100, b"0000755\0"), "is not ours: mode, checksum"),
    "owner": (set_header(265, b"me"), "is not ours: checksum, owner"),
    "uid": (set_header(108, b"0001750\0"), "is not ours: uid, checksum"),
    "pax": (set_header(156, b"x"), "only regular files are allowed"),
    "checksum": (set_header(136, b"1", fix_sum=False), "wrong header checksum"),
    "gnu": (set_header(257, b"ustar  \0"), "no USTAR header"),
    "cut": (lambda data: data[:BLOCK], "the file ends before"),
    "no end": (
        lambda data: data.rstrip(b"\0") + bytes(-len(data.rstrip(b"\0")) % BLOCK),
        "its closing zeros",
    ),
    "short end": (lambda data: data[:-BLOCK], "must end in two zero blocks"),
    "long end": (lambda data: data + bytes(3 * RECORD_BYTES), "must end in two zero blocks"),
    "junk": (lambda data: data[:-1] + b"x", "only zeros may stand"),
    "empty": (lambda data: bytes(RECORD_BYTES), "the shard is empty"),
}


@pytest.mark.parametrize("name", BROKEN_TARS)
def test_a_tar_that_breaks_the_form_is_one_fault(small_dataset: Path, name: str) -> None:
    change, said = BROKEN_TARS[name]
    path = small_dataset / SHARD
    path.write_bytes(change(path.read_bytes()))

    lines = shard_faults(small_dataset)

    assert said in lines[0], lines
    assert len(lines) == (2 if name in ("pax", "checksum", "gnu", "cut") else 1), (
        lines
    )  # nothing was readable


STARTS = "members must start with json, jpg, clean.jpg, traces"
BROKEN_MEMBERS: dict[str, tuple[Callable[[Members], Members], str]] = {
    "upper case": (lambda m: [m[0], (m[1][0].replace("jpg", "JPG"), m[1][1]), *m[2:]], "be lower-case"),
    "missing": (lambda m: m[:-1], STARTS),
    "order": (lambda m: [m[0], m[2], m[1], *m[3:]], STARTS),
    "more": (lambda m: [*m, (m[-1][0].replace("traces.npy", "cls"), b"1")], "further members must be"),
    "not the first's": (
        lambda m: [*m, (m[-1][0].replace("traces.npy", "cam1.jpg"), m[1][1])],
        "are not those of the first",
    ),
    "twice": (lambda m: [*m, m[-1]], "stands there twice"),
    "apart": (lambda m: [*m[1:4], *m[4:], m[0]], "its members are not adjacent"),
    "key": (
        lambda m: [(name.replace("video-", "VIDEO-"), data) for name, data in m],
        "a key must be 1 to 80 of",
    ),
}


@pytest.mark.parametrize("name", BROKEN_MEMBERS)
def test_members_that_break_a_rule_are_named(small_dataset: Path, repack: Repack, name: str) -> None:
    change, said = BROKEN_MEMBERS[name]
    repack(small_dataset / SHARD, change)

    assert any(said in line for line in shard_faults(small_dataset))


def test_a_key_in_two_shards_is_a_fault(small_dataset: Path) -> None:
    (small_dataset / "shards/train-000007.tar").write_bytes((small_dataset / SHARD).read_bytes())

    lines = shard_faults(small_dataset)

    assert sum("the key stands in train-000000 too" in line for line in lines) == 3


@pytest.mark.parametrize(("name", "value"), [("group", "a.mp4"), ("fingerprint", f"{ord('a'):032x}")])
def test_a_group_or_the_same_bytes_in_two_splits_are_a_fault(
    small_dataset: Path, repack: Repack, name: str, value: str
) -> None:
    def move(members: Members) -> Members:
        record = json.loads(members[0][1])
        record["source"][name] = value
        return [(members[0][0], json.dumps(record, separators=(",", ":")).encode()), *members[1:]]

    repack(small_dataset / "shards/val-000000.tar", move)

    (line,) = shard_faults(small_dataset)

    assert f"its {name} '{value}' stands in train too" in line
