"""Tables of annotations: every record is a row or one reject, whatever is in the file."""

import io
import json
import math
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from somtom.schemas.reasons import DataError
from somtom.sources import json_stream
from somtom.sources.annotation_files import MAX_LINE, Record, read_records
from somtom.sources.annotations import (
    BadRow,
    Row,
    fill,
    make_row,
    parse_seconds,
    row_items,
    row_of,
)
from somtom.sources.json_stream import JsonStream, JsonStreamError

ROW = {"video": "a.mp4", "start_s": 1.5, "stop_s": 2.5, "text": "öffne 门 / افتح الباب"}
COLUMNS = tuple(ROW)


def records(path: Path, content: bytes) -> list[Record]:
    path.write_bytes(content)
    return list(read_records(str(path), COLUMNS))


def texts(path: Path, content: bytes) -> list[object]:
    return [one if isinstance(one, str) else one["text"] for one in records(path, content)]


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl", "ndjson", "json", "parquet"])
def test_every_kind_of_table_says_the_same(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    if suffix == "parquet":
        pq.write_table(pa.Table.from_pylist([{**ROW, "more": 1}] * 3), path)
        content = path.read_bytes()
    elif suffix == "json":
        content = json.dumps([ROW] * 3).encode()
    elif suffix in ("csv", "tsv"):
        mark = "," if suffix == "csv" else "\t"
        lines = [mark.join(COLUMNS), *[mark.join(str(value) for value in ROW.values())] * 3]
        content = "\r\n".join(lines).encode()
    else:
        content = "\n".join([json.dumps(ROW)] * 3).encode()
    given_ = records(path, content)
    assert len(given_) == 3
    for number, record in enumerate(given_, start=1):
        assert not isinstance(record, str)
        row = make_row(number, record["video"], record["start_s"], record["stop_s"], record["text"])
        assert row == Row(number, "a.mp4", 1.5, 2.5, str(ROW["text"]))


def test_a_bom_crlf_and_blank_lines_are_nothing_and_broken_lines_one_record_each(tmp_path: Path) -> None:
    csv = b"\xef\xbb\xbfvideo,start_s,stop_s,text\r\na,0,1,one\r\n\r\na,0,1\r\n"
    csv += b'a,0,1,"two, and\n more"\r\na,0,1,x,y\r\n'
    assert texts(tmp_path / "a.csv", csv) == [
        "one",
        "3 values under a header of 4",
        "two, and\n more",
        "5 values under a header of 4",
    ]
    good = json.dumps(ROW).encode()
    lines = b"\xef\xbb\xbf" + b"\r\n".join(
        [good, b"", b"{broken", b"[1]", b'{"video": "a"}', b"[" * 9000, good]
    )
    found = texts(tmp_path / "a.jsonl", lines)
    assert (found[0], found[-1]) == (ROW["text"], ROW["text"])
    assert [str(one)[:14] for one in found[1:-1]] == [
        "not valid JSON",
        "must be an obj",
        "there is no 's",
        "not valid JSON",
    ]


def test_a_line_without_end_is_one_broken_record_and_not_held_in_memory(tmp_path: Path) -> None:
    good = json.dumps(ROW).encode()
    found = texts(tmp_path / "a.jsonl", good + b"\n" + b'"' + b"x" * (3 * MAX_LINE) + b"\n" + good)
    assert [found[0], found[2]] == [ROW["text"]] * 2
    assert len(found) == 3
    csv = b"video,start_s,stop_s,text\na,0,1,one\na,0,1," + b"x" * (3 * MAX_LINE) + b"\na,0,1,two\n"
    found = texts(tmp_path / "a.csv", csv)
    assert [found[0], found[-1]] == ["one", "two"]
    assert "not valid CSV" in str(found[1])


def test_a_json_array_that_is_cut_off_gives_what_is_whole_and_one_fault(tmp_path: Path) -> None:
    found = texts(tmp_path / "a.json", json.dumps([ROW, ROW, ROW]).encode()[:-20])
    assert found[:2] == [ROW["text"]] * 2
    assert len(found) == 3
    assert "broken from here on" in str(found[2])


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", b"video,start,stop_s,text\n", "did you mean 'start'"),
        ("a.csv", b"", "it is empty"),
        ("a.json", b"{}", "expected '\\['"),
        ("a.json", b"", "cut off"),
        ("a.parquet", b"PAR1 and no more", "cannot be read"),
        ("a.xlsx", b"PK", "is no table"),
    ],
)
def test_a_file_of_another_kind_is_one_clear_error(
    tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    with pytest.raises(DataError, match=said):
        records(tmp_path / name, content)
    with pytest.raises(DataError, match="missing"):
        list(read_records(str(tmp_path / "gone.csv"), COLUMNS))


@given(st.binary(max_size=200), st.sampled_from(["csv", "tsv", "jsonl", "json", "parquet"]), st.booleans())
def test_any_bytes_are_records_or_one_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, suffix: str, headed: bool
) -> None:
    heads = {"csv": b"video,start_s,stop_s,text\n", "tsv": b"video\tstart_s\tstop_s\ttext\n", "json": b"["}
    path = tmp_path_factory.getbasetemp() / f"any.{suffix}"
    path.write_bytes((heads.get(suffix, b"") if headed else b"") + content)
    try:
        for record in read_records(str(path), COLUMNS):
            assert isinstance(record, str) or set(COLUMNS) <= set(record)
    except DataError as error:
        assert error.reason == "bad_record"


def test_times_are_seconds_or_clock_times() -> None:
    times = {"00:00:01.89": 1.89, "01:02:03": 3723.0, "27:48.25": 1668.25, " 7 ": 7.0, 7: 7.0, 0.0004: 0.0}
    assert {text: parse_seconds(text) for text in times} == times
    texts_ = ("", "1:2:3:4", "-1", "1e999", "nan", "inf", "\u0663", "12,5")
    for wrong in (*texts_, None, True, -0.1, math.nan, 1e9, 10**400, [1]):
        with pytest.raises(DataError, match="is no time"):
            parse_seconds(wrong)


@given(st.floats(0, 1e6))
def test_a_number_reads_the_same_as_text(seconds: float) -> None:
    assert parse_seconds(str(seconds)) == parse_seconds(seconds) == round(seconds, 3)


@given(st.floats(0, 1e5))
def test_a_clock_time_reads_as_its_seconds(seconds: float) -> None:
    hundredths = round(seconds * 100)
    minutes, rest = divmod(hundredths, 6000)
    hours, minutes = divmod(minutes, 60)
    text = f"{hours:02d}:{minutes:02d}:{rest // 100:02d}.{rest % 100:02d}"
    assert parse_seconds(text) == pytest.approx(hundredths / 100, abs=1e-9)


@pytest.mark.parametrize(
    ("video", "start", "stop", "text", "reason"),
    [
        ("../a.mp4", 0, 1, "x", "unsafe_path"),
        ("/etc/passwd", 0, 1, "x", "unsafe_path"),
        ("b/../../a.mp4", 0, 1, "x", "unsafe_path"),
        ("gs://else/a.mp4", 0, 1, "x", "unsafe_path"),
        ("C:\\a.mp4", 0, 1, "x", "unsafe_path"),
        ("a\0.mp4", 0, 1, "x", "bad_record"),
        ("n" * 300, 0, 1, "x", "bad_record"),
        ("", 0, 1, "x", "bad_record"),
        (None, 0, 1, "x", "bad_record"),
        ("a.mp4", "soon", 1, "x", "bad_record"),
        ("a.mp4", 2, 1, "x", "bad_record"),
        ("a.mp4", 0, 1, "  ", "bad_record"),
        ("a.mp4", 0, 1, None, "bad_record"),
        ("a.mp4", 0, 1, "\udcff", "bad_record"),
        ("\udcff.mp4", 0, 1, "x", "bad_record"),
        ("a.mp4", 0, 1, "x" * 20_000, "bad_record"),
    ],
)
def test_what_is_wrong_with_a_row_is_its_reason(
    video: object, start: object, stop: object, text: object, reason: str
) -> None:
    row = make_row(3, video, start, stop, text)
    assert isinstance(row, BadRow)
    assert (row.number, row.reason) == (3, reason)


def test_a_template_takes_names_and_nothing_else() -> None:
    assert fill("{a}/x{b}.mp4", {"a": "P01", "b": 7}) == "P01/x7.mp4"
    for record in ({"a": "P01"}, {"a": "", "b": 1}, {"a": "P", "b": True}, {"a": "P", "b": 1.5}):
        with pytest.raises(DataError, match="must name the video"):
            fill("{a}/{b}", record)
    with pytest.raises(DataError, match="must name the video"):
        fill("{a.__class__}", {"a": "x"})


def test_items_keep_their_names_when_rows_move_and_equal_rows_share_one() -> None:
    rows: list[Row | BadRow] = [
        Row(1, "b.mp4", 1.0, 2.0, "x"),
        Row(2, "a.mp4", 1.0, 2.0, "y"),
        BadRow(3, "bad_record", "why"),
        Row(4, "a.mp4", 1.0, 2.0, "x"),
        Row(5, "a.mp4", 0.0, math.inf, "all"),
        Row(6, "a.mp4", 1.0, 2.0, "x"),
    ]
    items = list(row_items(rows, 4, "there/t.csv", lambda uri: f"/root/{uri}"))
    assert [item.uri for item in items] == [
        "a.mp4",
        "a.mp4#t=1.000,2.000",
        "a.mp4#t=1.000,2.000",
        "a.mp4#t=1.000,2.000&n=2",
        "b.mp4#t=1.000,2.000",
        "t.csv#row=3",
    ]
    assert {item.source for item in items} == {4}
    assert (items[0].locator, items[-1].locator) == ("/root/a.mp4", "there/t.csv")
    assert [row_of(item) for item in items] == [rows[k] for k in (4, 3, 5, 1, 0, 2)]
    moved = row_items(reversed(rows), 4, "there/t.csv", lambda uri: f"/root/{uri}")
    assert [item.uri for item in moved] == [item.uri for item in items]


WORDS = st.text(st.characters(codec="utf-8"))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=6,
)


class Dripping(io.BytesIO):
    """Gives a few bytes a read, so that every token is cut somewhere."""

    def read(self, size: int | None = -1) -> bytes:
        return super().read(3)


@given(st.lists(JSON, max_size=5), st.sampled_from([None, 2]))
def test_a_stream_gives_what_the_whole_file_holds(values: list[object], indent: int | None) -> None:
    content = json.dumps(values, indent=indent, ensure_ascii=False).encode()
    assert list(JsonStream(Dripping(content)).elements()) == values
    members = {str(number): value for number, value in enumerate(values)}
    content = json.dumps(members, indent=indent, ensure_ascii=False).encode("utf-8-sig")
    assert dict(JsonStream(Dripping(content)).members()) == members


@given(st.binary(max_size=60), st.sampled_from([b"[", b'{"a": ', b'[{"a": 1}, ', b""]))
def test_any_bytes_end_a_stream_in_one_way(tail: bytes, head: bytes) -> None:
    for read in (JsonStream.elements, JsonStream.members):
        try:
            list(read(JsonStream(io.BytesIO(head + tail))))
        except JsonStreamError as error:
            assert "\n" not in str(error)


def test_an_element_without_end_is_refused_before_it_fills_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_stream, "MAX_VALUE", 1 << 20)
    read = 0

    class Endless(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            nonlocal read
            assert size is not None
            read += size
            return b"x" * size if read > size else b'["' + b"x" * (size - 2)

    with pytest.raises(JsonStreamError, match="no element of up to"):
        list(JsonStream(Endless()).elements())
    assert read < 8 << 20
