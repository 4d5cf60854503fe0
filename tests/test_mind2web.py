import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from screens import corners, draw_page, make_screens, reasons_of, screen_of, target_of

from somtom.schemas.clips import Clip
from somtom.schemas.reasons import DataError
from somtom.schemas.settings import ClipSettings
from somtom.sources.mind2web import Mind2WebSource
from somtom.sources.mind2web_page import make_screen, parse_candidates, parse_operation

WIDTH, HEIGHT = 640, 800
TASK = "11111111-aaaa"
HISTORY = ClipSettings(history=2)


def candidate(node: int, box: str, tag: str = "button", **more: Any) -> dict[str, Any]:
    attributes = {"backend_node_id": str(node), "bounding_box_rect": box, **more}
    return {"attributes": json.dumps(attributes), "backend_node_id": str(node), "tag": tag}


def target(node: int, box: str, **more: Any) -> dict[str, Any]:
    return {**candidate(node, box, **more), "is_original_target": True, "is_top_level_target": True}


PAGE = candidate(1, f"0,0,{WIDTH},{HEIGHT}", "html")
OTHERS = [
    PAGE,
    candidate(3, "10,10,100,40", "a"),
    candidate(4, "-1,-1,-1,-1"),
    candidate(5, "0,60,640,300", "div"),
]
HTML = """<html backend_node_id="1"><div backend_node_id="5"><text backend_node_id="6">Sign up</text>
<a backend_node_id="3"><text backend_node_id="7">Log</text> <span><text>in 🔑</text></span></a></div>
<button backend_node_id="2"/></html>"""


def step(
    uid: str, op: str = "CLICK", value: str = "", pos: object = None, neg: object = None, **more: Any
) -> dict[str, Any]:
    return {
        "action_uid": uid,
        "raw_html": "<html/>",
        "cleaned_html": HTML,
        "operation": {"op": "TYPE" if op == "TYPE" else "CLICK", "original_op": op, "value": value},
        "pos_candidates": [target(2, "200.5,100,100,50", aria_label="Search")] if pos is None else pos,
        "neg_candidates": OTHERS if neg is None else neg,
        **more,
    }


def task(*steps: Any, name: str = TASK, **more: Any) -> dict[str, Any]:
    return {
        "annotation_id": name,
        "website": "shop",
        "confirmed_task": "Find a lamp",
        "action_reprs": ["[button]  Search -> CLICK", "[textbox]  Name -> TYPE: 電燈", "[a]  Go -> CLICK"],
        "actions": list(steps),
        **more,
    }


def write_tasks(folder: Path, *tasks: Any, draw: bool = True, **settings: Any) -> Mind2WebSource:
    """Tasks as JSON, and for each of their steps a screenshot named as they usually are."""
    for one in tasks:
        for at in (
            one["actions"] if draw and isinstance(one, dict) and isinstance(one.get("actions"), list) else ()
        ):
            if isinstance(at, dict):
                draw_page(folder / f"images/{one['annotation_id']}-{at['action_uid']}.jpg", WIDTH, HEIGHT)
    (folder / "train_0.json").write_text(json.dumps(tasks), encoding="utf-8")
    return Mind2WebSource(
        path=str(folder / "images"), annotations=str(folder / "train_0.json"), dataset="web", **settings
    )


def screenshot(seed: int) -> dict[str, Any]:
    data = io.BytesIO()
    Image.fromarray(np.full((HEIGHT, WIDTH, 3), seed, np.uint8)).save(data, "PNG")
    return {"bytes": data.getvalue(), "path": None}


def row(name: str, index: object, seed: int = 0, **more: Any) -> dict[str, Any]:
    one = step(f"uid{index}")
    return {
        **one,
        "operation": json.dumps(one["operation"]),
        "pos_candidates": [json.dumps(value) for value in one["pos_candidates"]],
        "neg_candidates": [json.dumps(value) for value in one["neg_candidates"]],
        "website": "shop",
        "annotation_id": name,
        "confirmed_task": f"do {name}",
        "screenshot": screenshot(seed),
        "action_reprs": ["[button]  Search -> CLICK", "[textbox]  Name -> TYPE: x", "[a]  Go -> CLICK"],
        "target_action_index": index,
        **more,
    }


def write_rows(file: Path, *rows: dict[str, Any], row_group: int = 2) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(list(rows)), file, row_group_size=row_group)
    return file


def test_a_task_is_an_item_and_its_steps_are_samples(tmp_path: Path) -> None:
    made, rejects = make_screens(
        write_tasks(tmp_path, task(step("u0"), step("u1", "TYPE", "電燈"), step("u2", "HOVER"))), HISTORY
    )
    assert not rejects
    assert [(ref.uri, ref.position, ref.instruction, ref.group) for ref, _ in made] == [
        (TASK, number, "Find a lamp", "web/shop") for number in range(3)
    ]
    actions = [screen_of(clip).action for _, clip in made]
    assert [(one.kind, one.argument, one.targets) for one in actions] == [
        ("click", "", (0,)),
        ("type", "電燈", (0,)),
        ("hover", "", (0,)),
    ]
    assert corners(target_of(made[0][1])) == (200.5, 100.0, 300.5, 150.0)
    last = made[2][1]
    assert isinstance(last, Clip)
    assert [(one.t_s, one.text, one.known) for one in last.annotation.past] == [
        (-2.0, "click [button] Search", True),
        (-1.0, "type [textbox] Name: 電燈", True),
    ]
    assert len(last.history) == 2


def test_candidates_become_elements_with_their_texts_and_roles(tmp_path: Path) -> None:
    made, _ = make_screens(write_tasks(tmp_path, task(step("u0"))))
    said = [(one.text, one.role, one.actionable) for one in screen_of(made[0][1]).elements]
    assert said == [("Search", "button", True), ("Log in 🔑", "a", True), ("Sign up", "div", False)]


@pytest.mark.parametrize(
    ("op", "kind"),
    [("CLICK", "click"), ("TYPE", "type"), ("SELECT", "select"), ("HOVER", "hover"), ("ENTER", "enter")],
)
@pytest.mark.parametrize("as_json", [False, True])
def test_each_operation_has_its_action(op: str, kind: str, as_json: bool) -> None:
    operation = {"op": "CLICK", "original_op": op, "value": "x"}
    action = parse_operation(json.dumps(operation) if as_json else operation)
    assert (action.kind, action.argument) == (kind, "x" if kind in ("type", "select") else "")


@pytest.mark.parametrize(
    "operation", [None, "", "CLICK", [], {}, {"op": "FLY"}, {"op": 3, "original_op": None}, "{"]
)
def test_an_operation_of_another_form_is_rejected(operation: object) -> None:
    with pytest.raises(DataError, match="operation") as found:
        parse_operation(operation)
    assert found.value.reason == "bad_record"


def test_an_empty_or_hidden_target_is_rejected_and_other_steps_are_built(tmp_path: Path) -> None:
    steps = (
        step("u0", pos=[]),
        step("u1", pos=[target(2, "-1,-1,-1,-1")]),
        step("u2"),
        step("u3", pos=None, neg=[]),
    )
    made, _ = make_screens(write_tasks(tmp_path, task(*steps)))
    assert reasons_of(made) == ["no_target", "target_unmatched", "", ""]
    assert len(screen_of(made[3][1]).elements) == 1


@pytest.mark.parametrize(
    "broken",
    [
        {"pos_candidates": "all"},
        {"neg_candidates": 7},
        {"operation": {"op": "FLY"}},
        {"operation": None},
        {"confirmed_task": ""},
        {"confirmed_task": ["Find"]},
    ],
)
def test_a_broken_step_is_one_reject(tmp_path: Path, broken: dict[str, Any]) -> None:
    made, rejects = make_screens(write_tasks(tmp_path, task(step("u0", **broken), step("u1"))))
    assert not rejects
    assert reasons_of(made) == ["bad_record", ""]


def test_candidates_that_are_broken_are_left_out() -> None:
    deep = "[" * 900 + "]" * 900
    broken = [None, 3, "{", {}, {"attributes": "{"}, {"attributes": {"bounding_box_rect": [0, 0, 5, 5]}}]
    broken += [{"attributes": f'{{"backend_node_id": {deep}, "role": {deep}, "bounding_box_rect": {deep}}}'}]
    boxes = ["1,2,3", "a,b,c,d", "nan,0,5,5", "0,0,0,5", "0,0,inf,5", "1e400,0,1,1"]
    found = parse_candidates([*broken, *(candidate(9, box) for box in boxes)], is_target=False)
    assert [one.box for one in found] == [None] * (2 + len(boxes))


@pytest.mark.parametrize(
    ("size", "settings", "reason"),
    [
        ((WIDTH, HEIGHT), {}, ""),
        ((2 * WIDTH, 2 * HEIGHT), {}, "set scale, 2 would fit"),
        ((2 * WIDTH, 2 * HEIGHT), {"scale": 2.0}, ""),
        ((WIDTH, HEIGHT), {"scale": 2.0}, "set scale, 1 would fit"),
        ((WIDTH, HEIGHT // 2), {}, 'set page = "viewport"'),
        ((WIDTH, HEIGHT // 2), {"page": "viewport"}, ""),
        ((2 * WIDTH, HEIGHT), {}, ""),
        ((2 * WIDTH, HEIGHT // 2), {"page": "viewport"}, "set scale, 2 would fit"),
    ],
)
def test_the_scale_is_held_against_the_picture(
    size: tuple[int, int], settings: dict[str, Any], reason: str
) -> None:
    targets = parse_candidates([target(2, "200,100,100,50")], is_target=True)
    others = parse_candidates(OTHERS, is_target=False)
    how = {"scale": 1.0, "page": "full", **settings}
    if reason:
        with pytest.raises(DataError, match=reason) as found:
            make_screen(
                targets, others, parse_operation({"op": "CLICK"}), "", size, how["scale"], how["page"]
            )
        assert found.value.reason == "bad_box"
    else:
        screen = make_screen(
            targets, others, parse_operation({"op": "CLICK"}), "", size, how["scale"], how["page"]
        )
        scale = how["scale"]
        assert corners(screen.elements[0]) == (200 * scale, 100 * scale, 300 * scale, 150 * scale)


@given(html=st.text() | st.sampled_from([HTML[:n] for n in range(0, len(HTML), 7)]))
def test_no_page_however_broken_stops_a_step(html: str) -> None:
    targets = parse_candidates([target(2, "200,100,100,50")], is_target=True)
    others = parse_candidates(OTHERS, is_target=False)
    make_screen(targets, others, parse_operation({"op": "CLICK"}), html, (WIDTH, HEIGHT), 1.0, "full")


def test_steps_in_json_lines_are_gathered_to_their_task_and_numbered_by_what_went_before(
    tmp_path: Path,
) -> None:
    lines = []
    for uid, before in (("late", ["a", "b", "c"]), ("first", []), ("second", ["a"])):
        draw_page(tmp_path / f"images/{uid}/0.jpg", WIDTH, HEIGHT)
        lines.append({**step(uid), "annotation_id": TASK, "confirmed_task": "x", "previous_actions": before})
    (tmp_path / "queries.jsonl").write_text("\n".join(map(json.dumps, lines)))
    source = Mind2WebSource(
        path=str(tmp_path / "images"), annotations=str(tmp_path / "queries.jsonl"), image="{action_uid}/0.jpg"
    )
    made, _ = make_screens(source, HISTORY)
    assert [ref.position for ref, _ in made] == [0, 1, 3]
    past = [one.annotation.past for _, one in made if isinstance(one, Clip)]
    # Step 2 is not in the data set: nothing is known of it.
    assert [[(one.t_s, one.text) for one in steps] for steps in past] == [
        [],
        [(-1.0, "click [button] Search")],
        [(-2.0, "click [button] Search")],
    ]


def test_rows_of_a_task_are_gathered_from_several_parquet_files_in_any_order(tmp_path: Path) -> None:
    write_rows(
        tmp_path / "data/train-0.parquet",
        row("b", "1", 11),
        row("a", "2", 2),
        row("b", "0", 10),
        row("a", "0", 0),
    )
    write_rows(tmp_path / "data/train-1.parquet", row("c", "0", 20), row("a", "1", 1), row("b", "2", 12))
    made, rejects = make_screens(Mind2WebSource(path=str(tmp_path), dataset="web"), HISTORY)
    assert not rejects
    assert [(ref.uri, ref.position, ref.history) for ref, _ in made] == [
        *(("a", n, n) for n in range(3)),
        *(("b", n, n) for n in range(3)),
        ("c", 0, 0),
    ]
    for (ref, clip), seed in zip(made, [0, 1, 2, 10, 11, 12, 20], strict=True):
        assert isinstance(clip, Clip)
        assert (clip.frames == seed).all()
        assert [int(picture.flat[0]) for picture in clip.history] == [
            seed - back for back in range(ref.history, 0, -1)
        ]
        assert [one.text for one in clip.annotation.past] == [
            "click [button] Search",
            "type [textbox] Name: x",
        ][: ref.history]
        assert ref.instruction == f"do {ref.uri}"


def test_an_earlier_screenshot_that_is_gone_is_black_and_not_known(tmp_path: Path) -> None:
    source = write_tasks(tmp_path, task(step("u0"), step("u1"), step("u2")))
    (tmp_path / f"images/{TASK}-u1.jpg").unlink()
    made, _ = make_screens(source, HISTORY)
    assert reasons_of(made) == ["", "missing", ""]
    last = made[2][1]
    assert isinstance(last, Clip)
    assert [one.known for one in last.annotation.past] == [True, False]
    assert last.history[0].any() and not last.history[1].any()


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (task(step("u"), name="../x"), "bad_record"),
        (task(step("u"), name=""), "bad_record"),
        ({"actions": [step("u")]}, "bad_record"),
        (task(), "bad_record"),
        (task(name="t", actions={"0": 1}), "bad_record"),
        ("text", "bad_record"),
        (None, "bad_record"),
        (task(step("u")), "duplicate"),
        (task("no step", name="t"), "bad_record"),
        (task(step("gone"), name="t"), "missing"),
        (task(step("../../../x"), name="t"), "unsafe_path"),
        (task(step(7), name="t"), "bad_record"),  # type: ignore[arg-type]
    ],
)
def test_a_bad_record_is_one_reject_and_the_rest_is_built(tmp_path: Path, record: Any, reason: str) -> None:
    source = write_tasks(tmp_path, task(step("u0")))
    (tmp_path / "train_0.json").write_text(json.dumps([task(step("u0")), record]), encoding="utf-8")
    made, rejects = make_screens(source)
    assert rejects == {reason: 1}
    assert reasons_of(made) == [""]


@pytest.mark.parametrize("index", ["x", None, "-1", "1.5", "99999999"])
def test_a_row_without_a_number_in_its_task_is_one_reject(tmp_path: Path, index: object) -> None:
    file = write_rows(tmp_path / "x.parquet", row("a", "0"), row("a", index))
    made, rejects = make_screens(Mind2WebSource(path=str(file)))
    assert reasons_of(made) == [""]
    assert rejects == {"bad_record": 1}


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("operation", 3, "bad_record"),
        ("pos_candidates", "[]", "bad_record"),
        ("pos_candidates", [1, 2], "no_target"),
        ("neg_candidates", "x", "bad_record"),
        ("screenshot", b"bytes", "missing"),
        ("screenshot", {"bytes": b"no picture", "path": "a"}, "not_image"),
        ("screenshot", None, "missing"),
        ("confirmed_task", 5, "bad_record"),
    ],
)
def test_a_column_of_the_wrong_type_gives_a_reject(
    tmp_path: Path, column: str, value: object, reason: str
) -> None:
    file = write_rows(tmp_path / "x.parquet", {**row("a", "0"), column: value})
    made, rejects = make_screens(Mind2WebSource(path=str(file)))
    assert [*reasons_of(made), *rejects] == [reason]


def test_a_file_without_its_columns_and_one_cut_off_are_rejects_beside_a_whole_one(tmp_path: Path) -> None:
    data = write_rows(tmp_path / "a.parquet", row("a", "0")).read_bytes()
    (tmp_path / "b.parquet").write_bytes(data[: len(data) // 2])
    write_rows(tmp_path / "c.parquet", {"annotation_id": "c"})
    (tmp_path / "d.json").write_text("[" + json.dumps(task(step("u"), name="d"))[:-40])
    made, rejects = make_screens(Mind2WebSource(path=str(tmp_path)))
    assert reasons_of(made) == [""]
    assert rejects == {"unreadable": 1, "bad_record": 2}


@pytest.mark.parametrize(("name", "value"), [("scale", 0.0), ("scale", float("nan")), ("page", "whole")])
def test_settings_out_of_range_are_refused(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=name):
        Mind2WebSource(path="x", **{name: value})  # type: ignore[arg-type]


def test_the_real_step_is_read_as_it_is_written_from_json_and_parquet(test_data: Path) -> None:
    stored = json.loads((test_data / "ui/mind2web_seeact/queries.jsonl").read_text("utf-8"))
    expected = []
    for one in [*stored["pos_candidates"], *stored["neg_candidates"]]:
        x, y, width, height = map(float, json.loads(one["attributes"])["bounding_box_rect"].split(","))
        if (
            one["tag"] not in ("html", "body")
            and width > 0
            and height > 0
            and x + width >= 0
            and x < 1280
            and y < 7412
        ):
            expected.append((x, y, x + width, y + height))
    sources = [
        Mind2WebSource(path=str(test_data / "ui/mind2web_seeact"), image="0.jpg"),
        Mind2WebSource(path=str(next((test_data / "ui/layouts").glob("multimodal_mind2web*.parquet")))),
    ]
    for source in sources:
        made, rejects = make_screens(source)
        assert not rejects
        ((ref, clip),) = made
        screen = screen_of(clip)
        assert (ref.uri, ref.position, ref.instruction) == (
            stored["annotation_id"],
            2,
            stored["confirmed_task"],
        )
        assert isinstance(clip, Clip) and (clip.source_width, clip.source_height) == (1280, 7412)
        assert screen.action.kind == "click" and screen.action.targets == (0,)
        assert (target_of(clip).role, target_of(clip).text) == ("button", "Search")
        assert [corners(one) for one in screen.elements] == expected


def test_its_files_are_recognised(test_data: Path, tmp_path: Path) -> None:
    folder = test_data / "ui/mind2web_seeact"
    found = Mind2WebSource.recognise(str(folder))
    assert found is not None
    assert found.settings == {
        "path": str(folder),
        "annotations": str(folder / "queries.jsonl"),
        "image": "0.jpg",
    }
    parquet = next((test_data / "ui/layouts").glob("multimodal_mind2web*.parquet"))
    found = Mind2WebSource.recognise(str(parquet))
    assert found is not None and found.settings == {"path": str(parquet)}
    assert Mind2WebSource.recognise(str(test_data / "ui/webui")) is None
    write_tasks(tmp_path, task(step("u0")))
    found = Mind2WebSource.recognise(str(tmp_path))
    assert found is not None and found.settings["annotations"] == str(tmp_path / "train_0.json")
