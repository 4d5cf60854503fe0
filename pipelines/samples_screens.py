"""Made-up screenshots: dumps of pages with their boxes, and a file of instructions with their targets."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from somtom.pipelines.samples_pages import PAGES, THINGS, shop
from somtom.pipelines.samples_widgets import ELEMENTS, TEXTS, Page, Widget
from somtom.schemas.keys import generator_of

TASKS_A_PAGE = 3
# look of the target -> (what is asked for, what is done); {name} is the target's, {word} a word to enter
ASKED: dict[str, tuple[str, str]] = {
    "button": ('press "{name}"', "click"),
    "primary": ('press "{name}"', "click"),
    "icon": ('use the button "{name}"', "click"),
    "link": ('open "{name}"', "click"),
    "tab": ('go to the tab "{name}"', "click"),
    "field": ('enter "{word}" into "{name}"', "type"),
    "select": ('choose "{word}" for "{name}"', "select"),
    "checkbox": ('tick "{name}"', "click"),
    "switch": ('turn on "{name}"', "click"),
}


def write_screens(folder: Path, count: int, seed: int) -> list[Path]:
    """Write `count` pages under `folder`/screens, each a PNG and the JSON of its elements; return all files.

    screens/pages/NAME.png and .json are for the kind `dom`. screens/tasks.jsonl is for `ui-jsonl`: for each
    page instructions with their targets, and an episode of three steps, whose pictures are in screens/steps.
    The boxes are those that the pages were drawn from, so they are the truth, too.
    """
    root = folder / "screens"
    (root / "pages").mkdir(parents=True, exist_ok=True)
    (root / "steps").mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    records: list[dict[str, Any]] = []
    for index in range(count):
        draw = generator_of(f"{seed}-{index}", "sample page")
        layout = list(PAGES)[index % len(PAGES)]
        page = PAGES[layout](draw)
        image = root / "pages" / f"page_{index:03d}_{layout}.png"
        page.draw().save(image)
        dump = image.with_suffix(".json")
        dump.write_text(json.dumps(_dump(page, image.name), indent=1) + "\n", encoding="utf-8")
        written += [image, dump]
        records += _tasks(page, f"pages/{image.name}", draw)
    steps = _search(generator_of(str(seed), "sample steps"), root)
    written += [root / str(step["image"]) for step in steps]
    tasks = root / "tasks.jsonl"
    tasks.write_text("".join(json.dumps(one) + "\n" for one in [*records, *steps]), encoding="utf-8")
    return [*written, tasks]


def _dump(page: Page, image: str) -> dict[str, Any]:
    """What a browser would say of the page, in CSS pixels: see the kind `dom`."""
    elements: list[dict[str, Any]] = []
    for place, one in enumerate(page.widgets):
        if one.is_element:
            tag, role, kind = ELEMENTS[one.look]
            elements.append(
                {
                    "id": len(elements),
                    "tag": tag,
                    "role": role,
                    "type": kind,
                    "name": one.name,
                    "enabled": one.enabled,
                    "bbox_css": [one.x, one.y, one.width, one.height],
                    "visible_fraction": round(page.shown_share(place), 4),
                    "markable": page.is_markable(place),
                }
            )
    return {
        "image": image,
        "image_size": [page.width * page.ratio, page.height * page.ratio],
        "viewport": [page.width, page.height],
        "device_scale_factor": page.ratio,
        "full_page": False,
        "scroll": [0, 0],
        "url": f"https://{page.site}/",
        "title": page.title,
        "lang": "en",
        "elements": elements,
        "texts": [
            {"text": one.name, "bbox_css": [one.x, one.y, one.width, one.height]}
            for one in page.widgets
            if one.look in TEXTS
        ],
    }


def _tasks(page: Page, image: str, draw: np.random.Generator) -> list[dict[str, Any]]:
    """Ask for some of the page's elements, of different looks as far as there are."""
    shown = _shown(page)
    places = [int(place) for place in draw.permutation(len(shown))]
    firsts = {shown[place].look: place for place in reversed(places)}
    chosen = sorted(places, key=lambda place: firsts[shown[place].look] != place)[:TASKS_A_PAGE]
    records = []
    for place in chosen:
        asked, kind = ASKED[shown[place].look]
        word = THINGS[int(draw.integers(len(THINGS)))]
        instruction = asked.format(name=shown[place].name, word=word)
        argument = word if kind in ("type", "select") else ""
        records.append(_record(page, image, instruction, place, kind, argument))
    return records


def _search(draw: np.random.Generator, root: Path) -> list[dict[str, Any]]:
    """Search a shop in three steps: click the field, type into it, press enter."""
    page, word = shop(draw), THINGS[int(draw.integers(len(THINGS)))]
    target = next(place for place, one in enumerate(_shown(page)) if one.look == "field")
    views = (page, page.with_field("Search", "", True), page.with_field("Search", word, True))
    actions = (("click", ""), ("type", word), ("enter", ""))
    records = []
    for step, (view, (kind, argument)) in enumerate(zip(views, actions, strict=True)):
        image = f"steps/search_{step}.png"
        view.draw().save(root / image)
        on = None if kind == "enter" else target
        record = _record(view, image, f"search the store for a {word}", on, kind, argument)
        records.append(record | {"episode": "search", "step": step})
    return records


def _shown(page: Page) -> list[Widget]:
    return [one for place, one in enumerate(page.widgets) if one.is_element and page.is_markable(place)]


def _record(
    page: Page, image: str, instruction: str, target: int | None, kind: str, argument: str
) -> dict[str, Any]:
    """One line of tasks.jsonl; boxes are corners in pixels of the picture."""
    elements = [
        {"box": list(one.box(page.ratio)), "text": one.name, "role": one.role} for one in _shown(page)
    ]
    return {
        "image": image,
        "instruction": instruction,
        "elements": elements,
        "target": target,
        "action": {"kind": kind, "argument": argument},
    }
