"""Made-up pages: every element is drawn in its box, and what is asked for has one target."""

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from somtom.pipelines.samples_pages import PAGES
from somtom.pipelines.samples_pairs import draw_picture, write_pairs
from somtom.pipelines.samples_scene import COLOURS
from somtom.pipelines.samples_screens import write_screens
from somtom.pipelines.samples_widgets import GROUND, Page
from somtom.schemas.keys import generator_of

LAYOUTS = pytest.mark.parametrize("layout", PAGES)


@pytest.fixture(scope="module")
def screens(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("samples")
    write_screens(folder, len(PAGES), 2)
    return folder / "screens"


def page_of(layout: str, seed: int = 0) -> Page:
    return PAGES[layout](generator_of(str(seed), "test"))


def tasks_of(screens: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (screens / "tasks.jsonl").read_text().splitlines()]


@LAYOUTS
def test_every_element_that_can_be_marked_is_drawn_in_its_box(layout: str) -> None:
    page = page_of(layout)
    without = Page(page.site, page.title, page.width, page.height, page.ratio, page.accent)
    for place, one in enumerate(page.widgets):
        if one.is_element and page.is_markable(place):
            without.widgets = page.widgets[:place] + page.widgets[place + 1 :]
            changed = np.any(np.asarray(page.draw()) != np.asarray(without.draw()), axis=2)
            ys, xs = np.nonzero(changed)
            x0, y0, x1, y1 = one.box(page.ratio)
            assert xs.min() >= x0 - 1 and xs.max() < x1 + 1, one.name
            assert ys.min() >= y0 - 1 and ys.max() < y1 + 1, one.name
        if place > 40:
            break  # the rows of a long table are alike


@LAYOUTS
def test_names_of_a_pages_elements_differ(layout: str) -> None:
    for seed in range(5):
        page = page_of(layout, seed)
        names = [
            one.name for place, one in enumerate(page.widgets) if one.is_element and page.is_markable(place)
        ]
        assert len(set(names)) == len(names) and all(names)


def test_the_pages_are_varied(screens: Path) -> None:
    dumps = [json.loads(path.read_text()) for path in sorted((screens / "pages").glob("*.json"))]
    markable = {dump["image"]: sum(one["markable"] for one in dump["elements"]) for dump in dumps}
    assert max(markable.values()) > 100
    assert {dump["device_scale_factor"] for dump in dumps} == {1, 2}
    assert any(dump["viewport"][0] < dump["viewport"][1] for dump in dumps)
    assert len({dump["url"] for dump in dumps}) >= 5
    for dump in dumps:
        picture = Image.open(screens / "pages" / dump["image"])
        assert list(picture.size) == dump["image_size"]


def test_under_a_dialog_nothing_can_be_marked() -> None:
    page = page_of("dialog")
    under = next(place for place, one in enumerate(page.widgets) if one.look == "shade")
    assert not any(page.is_markable(place) for place in range(under))
    elements = [place for place in range(under, len(page.widgets)) if page.widgets[place].is_element]
    assert elements and all(map(page.is_markable, elements))


def test_what_lies_below_the_view_or_under_a_bar_cannot_be_marked() -> None:
    page = page_of("article")
    hidden = [one for place, one in enumerate(page.widgets) if one.is_element and not page.is_markable(place)]
    assert hidden and all(one.y + one.height / 2 > 672 for one in hidden)


def test_instructions_name_their_target(screens: Path) -> None:
    records = tasks_of(screens)
    single = [record for record in records if "episode" not in record]
    assert len(single) == 3 * len(PAGES)
    for record in single:
        target = record["elements"][record["target"]]
        assert f'"{target["text"]}"' in record["instruction"]
        if record["action"]["kind"] in ("type", "select"):
            assert record["action"]["argument"] in record["instruction"]
    assert {record["action"]["kind"] for record in single} >= {"click", "type"}


def test_the_steps_of_the_episode_follow_from_each_other(screens: Path) -> None:
    steps = [record for record in tasks_of(screens) if "episode" in record]
    assert [step["action"]["kind"] for step in steps] == ["click", "type", "enter"]
    assert [step["step"] for step in steps] == [0, 1, 2]
    x0, y0, x1, y1 = map(int, steps[0]["elements"][steps[0]["target"]]["box"])
    views = [np.asarray(Image.open(screens / step["image"])) for step in steps]
    for before, after in itertools.pairwise(views):
        ys, xs = np.nonzero((before != after).any(axis=2))
        assert xs.min() >= x0 and xs.max() < x1 and ys.min() >= y0 and ys.max() < y1


def test_the_same_seed_gives_the_same_pages_and_another_one_does_not(screens: Path, tmp_path: Path) -> None:
    for path in write_screens(tmp_path / "again", len(PAGES), 2):
        assert path.read_bytes() == (screens.parent / path.relative_to(tmp_path / "again")).read_bytes()
    other, *_ = write_screens(tmp_path / "other", 1, 3)
    assert other.read_bytes() != (screens.parent / other.relative_to(tmp_path / "other")).read_bytes()


def test_an_empty_page_is_its_ground() -> None:
    picture = np.asarray(Page("a.example", "", 30, 20, 2, (0, 0, 0)).draw())
    assert picture.shape == (40, 60, 3) and (picture == GROUND).all()


@pytest.mark.parametrize("seed", range(5))
def test_shapes_of_a_pair_fill_their_boxes(seed: int) -> None:
    picture, drawn = draw_picture(generator_of(str(seed), "test"), 320, 240)
    for one in drawn:
        part = picture[one.y0 : one.y1, one.x0 : one.x1].astype(float)
        off = np.abs(part - np.array(COLOURS[one.colour])).max(axis=2)
        full = off < 3
        assert full.any(axis=0).mean() > 0.9 and full.any(axis=1).mean() > 0.9
        assert 0 <= one.x0 < one.x1 <= 320 and 0 <= one.y0 < one.y1 <= 240


def test_answers_of_the_pairs_are_true(tmp_path: Path) -> None:
    write_pairs(tmp_path, 6, 1)
    truth = json.loads((tmp_path / "truth/pairs.json").read_text())
    records = json.loads((tmp_path / "pairs/pairs.json").read_text())
    assert len(records) == 6
    for record in records:
        width, height = Image.open(tmp_path / "pairs" / record["image"]).size
        asked, said = (turn["value"] for turn in record["conversations"][:2])
        objects = {one["name"]: one for one in truth[record["id"]]}
        named = [one for name, one in objects.items() if name in said or name in asked]
        if "bounding box" in asked:
            side, (one,) = max(width, height), named
            box = np.array(json.loads(said)) * side
            shift = np.array([(side - width) / 2, (side - height) / 2] * 2)
            assert box - shift == pytest.approx(
                [one[name] for name in ("x0", "y0", "x1", "y1")], abs=0.006 * side
            )
        elif "further" in asked:
            (winner,) = [one for name, one in objects.items() if name in said]
            (loser,) = [one for one in named if one is not winner]
            axis = "y" if "up" in asked else "x"
            assert winner[f"{axis}0"] + winner[f"{axis}1"] < loser[f"{axis}0"] + loser[f"{axis}1"]
        else:
            assert len(named) == len(objects)
