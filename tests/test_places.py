import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from screens import draw_page, make_screens

from somtom.schemas.reasons import DataError
from somtom.sources.mind2web import Mind2WebSource
from somtom.sources.places import Place, first_records, placed_records, read_placed, table_locator
from somtom.sources.screenspot import ScreenSpotSource
from somtom.sources.seeclick import SeeClickSource

leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
values = st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8)
records = st.lists(st.dictionaries(st.text(), values, max_size=3), max_size=6)

# Names that the kinds look for, with values of any type under them.
NAMES = (
    *(
        "img_filename",
        "url",
        "elements",
        "instruction",
        "bbox",
        "data_type",
        "image",
        "img_size",
        "application",
    ),
    *("annotation_id", "actions", "action_uid", "confirmed_task", "website", "operation", "pos_candidates"),
    *(
        "neg_candidates",
        "cleaned_html",
        "target_action_index",
        "previous_actions",
        "action_reprs",
        "file_name",
    ),
)
likely = st.sampled_from(["page.png", "t1", "CLICK", '{"op": "CLICK"}', [0.1, 0.1, 0.5, 0.5], 0, [{}], {}])
hostile = st.lists(
    st.dictionaries(st.sampled_from(NAMES), likely | values, min_size=4) | values, min_size=1, max_size=4
)


def write(path: Path, some: list[Any], **how: Any) -> str:
    if path.suffix == ".jsonl":
        path.write_text("\n".join(json.dumps(one) for one in some), encoding="utf-8")
    else:
        path.write_text(json.dumps(some, **how), encoding="utf-8")
    return str(path)


@given(some=records, ascii_only=st.booleans(), indent=st.none() | st.integers(0, 3))
def test_each_record_of_an_array_is_read_again_at_its_place(
    tmp_path_factory: pytest.TempPathFactory, some: list[dict[str, Any]], ascii_only: bool, indent: int | None
) -> None:
    path = tmp_path_factory.mktemp("places") / "x.json"
    ascii_only = ascii_only or any("\ud800" <= letter <= "\udfff" for letter in repr(some))
    locator = write(path, some, ensure_ascii=ascii_only, indent=indent)
    found = list(placed_records(locator))
    assert [record for _, record in found] == some
    places = [place for place, _ in found if place is not None]
    assert list(read_placed(locator, reversed(places))) == some[::-1]
    assert list(first_records(locator, 2)) == some[:2]


@given(some=records, mark=st.booleans())
def test_each_line_is_read_again_at_its_place(
    tmp_path_factory: pytest.TempPathFactory, some: list[dict[str, Any]], mark: bool
) -> None:
    path = tmp_path_factory.mktemp("places") / "x.jsonl"
    locator = write(path, some)
    path.write_bytes((b"\xef\xbb\xbf" if mark else b"") + path.read_bytes().replace(b"\n", b"\r\n\n"))
    places = [place for place, _ in placed_records(locator) if place is not None]
    assert list(read_placed(locator, places)) == some


def test_places_hold_across_the_chunks_that_a_file_is_read_in(tmp_path: Path) -> None:
    some = [{"text": "é電🙂" * length} for length in (1, 70_000, 3, 200_000, 5)]
    locator = write(tmp_path / "x.json", some, ensure_ascii=False)
    places = [place for place, _ in placed_records(locator) if place is not None]
    assert list(read_placed(locator, places)) == some


@given(cut=st.integers(0, 80))
def test_a_file_cut_off_anywhere_gives_whole_records_and_one_fault(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    path = tmp_path_factory.mktemp("places") / "x.json"
    some = [{"n": number, "text": "é"} for number in range(3)]
    write(path, some, ensure_ascii=False)
    data = path.read_bytes()
    path.write_bytes(data[: min(cut, len(data) - 1)])
    try:
        found = [record for _, record in placed_records(str(path))]
    except DataError as error:
        assert error.reason == "bad_record"
    else:
        assert found[:-1] == some[: len(found) - 1]
        assert isinstance(found[-1], str)


def test_a_place_that_holds_no_record_any_more_is_told(tmp_path: Path) -> None:
    locator = write(tmp_path / "x.json", [{"a": 1}, [2]])
    for place in (Place(2, 5), Place(1000, 5), Place(11, 3)):
        with pytest.raises(DataError) as found:
            list(read_placed(locator, [place]))
        assert found.value.reason == "changed_input"


@pytest.mark.parametrize(
    ("path", "uri", "locator"),
    [
        ("/d", "a/x.json", "/d/a/x.json"),
        ("/d/", "x.json", "/d/x.json"),
        ("/d/x.json", "x.json", "/d/x.json"),
        ("/d/*.parquet", "x.parquet", "/d/x.parquet"),
        ("/d/*/x.json", "a/x.json", "/d/a/x.json"),
        ("gs://b/d/x.jsonl", "x.jsonl", "gs://b/d/x.jsonl"),
        ("gs://b/d", "a/x.parquet", "gs://b/d/a/x.parquet"),
        ("x.json", "x.json", "x.json"),
    ],
)
def test_a_table_is_found_again_by_its_uri(path: str, uri: str, locator: str) -> None:
    assert table_locator(path, uri) == locator


@given(some=hostile)
def test_records_with_values_of_any_type_give_samples_or_rejects(
    tmp_path_factory: pytest.TempPathFactory, some: list[Any]
) -> None:
    folder = tmp_path_factory.mktemp("hostile")
    draw_page(folder / "images/page.png", 64, 48)
    locator = write(folder / "x.json", some)
    for kind in (SeeClickSource, ScreenSpotSource, Mind2WebSource):
        source = kind(path=str(folder / "images"), annotations=locator)
        made, rejects = make_screens(source)
        assert len(made) + rejects.total() >= 1
        kind.recognise(str(folder))


@pytest.mark.parametrize("depth", [65, 200, 960, 980, 990, 5000])
@pytest.mark.parametrize("kind", [SeeClickSource, ScreenSpotSource, Mind2WebSource])
def test_values_nested_as_deep_as_can_be_read_stop_nothing(tmp_path: Path, depth: int, kind: Any) -> None:
    draw_page(tmp_path / "images/page.png", 64, 48)
    deep = "[" * depth + "]" * depth
    record = (
        f'{{"img_filename": "page.png", "instruction": "x", "bbox": {deep}, "annotation_id": "t",'
        f' "action_uid": "u", "previous_actions": [], "confirmed_task": "x", "pos_candidates": {deep}}}'
    )
    (tmp_path / "x.json").write_text(f"[{record}]")
    made, rejects = make_screens(kind(path=str(tmp_path / "images"), annotations=str(tmp_path / "x.json")))
    assert len(made) + rejects.total() == 1
