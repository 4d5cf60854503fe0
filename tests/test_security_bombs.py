"""Small files that ask for much: each is refused before it is given what it asks for."""

import json
import resource
import struct
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import GifImagePlugin, Image

from somtom.pipelines.output import OutputError, read_config_tree
from somtom.schemas.check import check_dataset
from somtom.schemas.files import MOST_SMALL_BYTES
from somtom.schemas.parquet import MAX_GROUP_ROWS, read_rows
from somtom.schemas.reader import list_shards
from somtom.schemas.reasons import DataError
from somtom.schemas.record import load_json
from somtom.schemas.settings import ClipSettings
from somtom.sources.images import decode_image, image_size
from somtom.sources.texts import load_texts

DEEP = 100_000


@pytest.fixture
def little_memory() -> Iterator[None]:
    """What asks for more than 1.5 GiB beyond what is in use fails, instead of filling the machine."""
    status = Path("/proc/self/status").read_text()
    used = next(int(line.split()[1]) << 10 for line in status.splitlines() if line.startswith("VmData"))
    before = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (used + (3 << 29), before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_DATA, before)


def png(width: int, height: int, pixels: bytes = b"", *more: tuple[bytes, bytes]) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    rest = b"".join(chunk(*one) for one in (*more, (b"IDAT", zlib.compress(pixels)), (b"IEND", b"")))
    return b"\x89PNG\r\n\x1a\n" + head + rest


@pytest.mark.usefixtures("little_memory")
@pytest.mark.parametrize("size", [(60_000, 60_000), (2**31 - 1, 2**31 - 1), (2**31 - 1, 1)])
def test_a_picture_that_claims_to_be_huge_is_refused_by_its_header(size: tuple[int, int]) -> None:
    for read in (image_size, lambda data, clips: decode_image(data, clips, 512)):
        with pytest.raises(DataError) as caught:
            read(png(*size), ClipSettings())
        assert caught.value.reason in ("too_large", "undecodable")


@pytest.mark.usefixtures("little_memory")
def test_text_in_a_picture_that_inflates_is_refused() -> None:
    said = b"note\0\0" + zlib.compress(bytes(1 << 25), 1)
    data = png(64, 64, bytes(64 * 193), *[(b"zTXt", said)] * 40)
    with pytest.raises(DataError):
        decode_image(data, ClipSettings(), 512)


@pytest.mark.usefixtures("little_memory")
def test_pixels_that_inflate_beyond_the_picture_are_left_in_it() -> None:
    data = png(64, 64, bytes(1 << 27))
    rgb, size = decode_image(data, ClipSettings(), 512)
    assert size == (64, 64) and rgb.shape == (64, 64, 3)


def test_the_pictures_of_an_animation_are_not_counted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    frames = [Image.new("L", (64, 64), shade) for shade in range(3)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])

    def count(_: object) -> int:
        raise AssertionError("goes through the whole file")

    monkeypatch.setattr(GifImagePlugin.GifImageFile, "n_frames", property(count))
    with pytest.raises(DataError, match="animation"):
        decode_image((tmp_path / "a.gif").read_bytes(), ClipSettings(), 512)


@pytest.mark.parametrize("text", ["[" * DEEP, '{"a":' * DEEP, "[" * DEEP + "]" * DEEP, "9" * 10_000])
def test_json_that_is_nested_without_end_is_refused(text: str) -> None:
    with pytest.raises(DataError) as caught:
        load_json(text.encode())
    assert caught.value.reason == "bad_record"


BAD_TEXTS = {
    "nested.jsonl": b'{"video": "a", "text": "b"}\n' + b"[" * DEEP,
    "endless field.csv": b"video,text\na," + b"x" * 1_000_000,
    "number.jsonl": b'{"video": ' + b"9" * 10_000 + b"}",
}


@pytest.mark.parametrize("name", BAD_TEXTS)
def test_a_table_of_texts_that_cannot_be_read_is_one_data_error(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(BAD_TEXTS[name])
    with pytest.raises(DataError) as caught:
        load_texts(str(tmp_path / name))
    assert caught.value.reason == "bad_record"


@pytest.mark.parametrize("name", ["config.toml", "provenance.json", "counts.json", "wids.json"])
def test_nested_settings_and_tables_of_a_data_set_are_faults(small_dataset: Path, name: str) -> None:
    start = "a = " if name == "config.toml" else ""
    (small_dataset / "meta" / name).write_text(start + "[" * DEEP)
    assert any("meta" in line for line in check_dataset(small_dataset))
    if name == "config.toml":
        with pytest.raises(OutputError):
            read_config_tree(small_dataset)


@pytest.mark.usefixtures("little_memory")
@pytest.mark.parametrize("name", ["meta/wids.json", "meta/manifests/train-000000.json", "README.md"])
def test_a_file_of_meta_that_is_too_large_is_not_read(small_dataset: Path, name: str) -> None:
    with (small_dataset / name).open("r+b") as file:
        file.truncate(max(MOST_SMALL_BYTES + 1, 1 << 32))  # a sparse file takes no room
    assert list(check_dataset(small_dataset))
    if name.startswith("meta/wids"):
        with pytest.raises(DataError):
            list_shards(small_dataset)


def test_a_table_whose_rows_take_no_room_is_refused(tmp_path: Path) -> None:
    schema = pa.schema([pa.field("a", pa.int64(), nullable=False)])
    table = pa.table([np.zeros(MAX_GROUP_ROWS + 1, np.int64)], schema=schema)
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=2 * MAX_GROUP_ROWS)
    assert (tmp_path / "a.parquet").stat().st_size < 1 << 13
    with pytest.raises(DataError, match="rows in one group"):
        next(read_rows(tmp_path / "a.parquet", {"a": "int"}))


def test_the_limit_of_these_tests_holds(little_memory: None) -> None:
    with pytest.raises(MemoryError):
        np.ones(1 << 31, np.uint8)
    assert sys.getrecursionlimit() <= 10_000


def test_messages_of_bombs_are_short() -> None:
    tree = {str(number): 0 for number in range(100_000)}
    text = json.dumps(tree)[:-1] + ', "1": 0}'
    with pytest.raises(DataError) as caught:
        load_json(text.encode())
    assert len(caught.value.message) < 3000
