import hashlib
import os
import resource
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from somtom.schemas.files import is_temporary, sweep_temporaries, whole_file
from somtom.schemas.reasons import DataError
from somtom.schemas.sample import Sample, decode_traces, encode_traces, load_sample, sample_members
from somtom.schemas.tar import MTIME_S, ShardWriter, member_header, parse_header, read_shard


def make_sample(key: str, extra: tuple[tuple[str, bytes], ...] = (), marks: int = 2) -> Sample:
    record: dict[str, Any] = {
        "id": key,
        "split": "train",
        "task": "som",
        "width": 64,
        "height": 48,
        "source": {"kind": "video", "dataset": "d", "uri": "a.mp4", "group": "g"},
    }
    traces = np.arange(3 * marks * 3, dtype=np.float32).reshape(3, marks, 3)
    return Sample(key, record, b"marked " + key.encode(), b"clean" * 200, traces, extra)


def write(path: Path, *samples: Sample) -> ShardWriter:
    with ShardWriter(path) as writer:
        for sample in samples:
            writer.write(sample)
    return writer


def test_samples_read_back_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "train-000000.tar"
    extra = (("h00.jpg", b"h"), ("cam1.jpg", b""))
    samples = [make_sample("a", extra), make_sample("b-1", extra, marks=0)]

    write(path, *samples)

    for (key, members), sample in zip(read_shard(path), samples, strict=True):
        again = load_sample(members)
        assert key == again.key == sample.key
        assert sample_members(again) == sample_members(sample)
        assert again.traces.shape == sample.traces.shape


def test_python_s_tarfile_reads_the_same(tmp_path: Path) -> None:
    path = tmp_path / "train-000000.tar"
    write(path, make_sample("a"), make_sample("b"))

    with tarfile.open(path) as tar:
        infos = tar.getmembers()
        contents = [(info.name, tar.extractfile(info).read()) for info in infos]  # type: ignore[union-attr]

    assert contents == sample_members(make_sample("a")) + sample_members(make_sample("b"))
    assert [info.name for info in infos[:4]] == ["a.json", "a.jpg", "a.clean.jpg", "a.traces.npy"]
    assert {(i.mtime, i.uid, i.gid, i.uname, i.mode) for i in infos} == {(MTIME_S, 0, 0, "", 0o644)}
    assert not any(info.pax_headers for info in infos)
    assert path.stat().st_size % 10_240 == 0


def test_the_same_samples_give_the_same_bytes_and_the_digests_are_theirs(tmp_path: Path) -> None:
    first = write(tmp_path / "1.tar", make_sample("a"), make_sample("b"))
    write(tmp_path / "2.tar", make_sample("a"), make_sample("b"))

    data = (tmp_path / "1.tar").read_bytes()

    assert data == (tmp_path / "2.tar").read_bytes()
    assert (first.samples, first.size_bytes) == (2, len(data))
    assert first.sha256 == hashlib.sha256(data).hexdigest()
    assert first.md5 == hashlib.md5(data).hexdigest()


@given(st.text("abcdefghijklmnopqrstuvwxyz0123456789_-.", min_size=1, max_size=100), st.integers(0, 1 << 30))
def test_a_header_is_the_one_tarfile_would_read(name: str, size_bytes: int) -> None:
    header = member_header(name, size_bytes)

    info = tarfile.TarInfo.frombuf(header, "ascii", "strict")

    assert (info.name, info.size, info.type) == (name, size_bytes, tarfile.REGTYPE)
    assert parse_header(header, 0).name == name


def test_names_over_100_bytes_are_refused() -> None:
    with pytest.raises(ValueError, match="1 to 100 bytes"):
        member_header("a" * 101, 0)


def test_an_error_leaves_neither_a_shard_nor_a_temporary(tmp_path: Path) -> None:
    with pytest.raises(KeyError), ShardWriter(tmp_path / "train-000000.tar") as writer:
        writer.write(make_sample("a"))
        raise KeyError

    assert list(tmp_path.iterdir()) == []


def test_a_shard_without_samples_leaves_no_file_and_removes_an_old_one(tmp_path: Path) -> None:
    path = tmp_path / "train-000000.tar"
    path.write_bytes(b"old")

    writer = write(path)

    assert writer.samples == 0
    assert not path.exists()


def test_a_key_cannot_be_written_twice(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="written twice"):
        write(tmp_path / "t.tar", make_sample("a"), make_sample("a"))


def test_all_samples_of_a_shard_have_the_same_members(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"h00\.jpg"):
        write(tmp_path / "t.tar", make_sample("a"), make_sample("b", (("h00.jpg", b""),)))


def test_two_writers_of_one_shard_do_not_meet(tmp_path: Path) -> None:
    path = tmp_path / "t.tar"
    with ShardWriter(path) as first, ShardWriter(path) as second:
        first.write(make_sample("a"))
        second.write(make_sample("a"))
        assert len(list(tmp_path.iterdir())) == 2

    assert [key for key, _ in read_shard(path)] == ["a"]


def test_temporaries_are_hidden_and_swept(tmp_path: Path) -> None:
    with whole_file(tmp_path / "sub" / "x.tar") as file:
        file.write(b"abc")
        (left,) = (tmp_path / "sub").iterdir()
        assert left.name.startswith(".") and is_temporary(left.name)
        os.link(left, left.with_name(left.name.replace(".x.tar.", ".y.tar.")))  # a process that died

    assert sweep_temporaries(tmp_path) == 1
    assert [path.name for path in (tmp_path / "sub").iterdir()] == ["x.tar"]


@pytest.mark.parametrize("write_bytes", [400_000, 3_000_000])
def test_a_disk_that_fills_up_is_an_error_and_leaves_nothing(tmp_path: Path, write_bytes: int) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, before[1]))
    try:
        with pytest.raises(OSError, match="File too large"), whole_file(tmp_path / "t.tar") as file:
            file.write(bytes(write_bytes))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert list(tmp_path.iterdir()) == []


def broken_tar(data: bytes, change: str) -> bytes:
    header = bytearray(data[:512])
    if change == "cut":
        return data[: 512 + 100]
    if change == "no end":
        return data[: 512 + 1024]  # the first member alone
    if change == "huge":
        header[124:136] = b"77777777777\0"
    if change == "base 256":
        header[124] = 0x80
    if change == "pax":
        header[156:157] = b"x"
    if change == "link":
        header[156:157] = b"2"
    if change == "prefix":
        header[345:348] = b"../"
    if change == "magic":
        header[257:265] = b"ustar  \0"
    if change != "checksum":
        total = sum(header) - sum(header[148:156]) + 8 * 0x20
        header[148:156] = b"%06o\0 " % total
    else:
        header[0:1] = b"z"
    return bytes(header) + data[512:]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("cut", "file ends before"),
        ("no end", "without its closing zeros"),
        ("huge", "bytes"),
        ("base 256", "no octal number"),
        ("pax", "type b'x'"),
        ("link", "type b'2'"),
        ("prefix", "only regular files"),
        ("magic", "no USTAR header"),
        ("checksum", "wrong header checksum"),
    ],
)
def test_a_hostile_tar_is_one_data_error(tmp_path: Path, change: str, said: str) -> None:
    path = tmp_path / "t.tar"
    write(path, make_sample("a"))
    path.write_bytes(broken_tar(path.read_bytes(), change))

    with pytest.raises(DataError, match=said):
        list(read_shard(path))


@given(st.integers(0, 5), st.integers(0, 5))
def test_traces_read_back(frames: int, marks: int) -> None:
    traces = np.random.default_rng(frames).random((frames, marks, 3), dtype=np.float32)

    again = decode_traces(encode_traces(traces))

    assert again.dtype == np.float32
    np.testing.assert_array_equal(again, traces)


@pytest.mark.parametrize(
    "array", [np.zeros((2, 3), "<f4"), np.zeros((2, 2, 3), "<f8"), np.zeros((1, 1, 2), "<f4")]
)
def test_arrays_of_another_form_are_refused(tmp_path: Path, array: Any) -> None:
    np.save(tmp_path / "a.npy", array)

    with pytest.raises(DataError, match=r"must be \(T, K, 3\) float32"):
        decode_traces((tmp_path / "a.npy").read_bytes())


def test_a_sample_whose_id_is_no_key_is_one_data_error(tmp_path: Path) -> None:
    members = {name.partition(".")[2]: data for name, data in sample_members(make_sample("a"))}
    members["json"] = members["json"].replace(b'"id":"a"', b'"id":"../a"')

    with pytest.raises(DataError, match="bad_record"):
        load_sample(members)


def test_an_array_whose_header_promises_more_than_the_bytes_is_refused() -> None:
    data = encode_traces(np.zeros((2, 2, 3), np.float32))

    for damaged in (data[:-1], data.replace(b"(2, 2, 3)", b"(9, 9, 3)"), data[:40], b"", b"x" * 200):
        with pytest.raises(DataError, match="bad_record"):
            decode_traces(damaged)
