"""Rico: screenshots of Android apps, each with its view hierarchy, and the icon labels of rico_semantics."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from somtom.schemas.annotation import Element, Screen
from somtom.schemas.check_sample import is_safe_uri
from somtom.schemas.reasons import DataError
from somtom.schemas.refs import Item
from somtom.sources.annotation_files import read_records
from somtom.sources.boxes import four_numbers
from somtom.sources.files import is_remote, local_path
from somtom.sources.fingerprint import fingerprint
from somtom.sources.images import read_image
from somtom.sources.json_files import read_json
from somtom.sources.listing import list_files
from somtom.sources.screens import ScreenEpisode, ScreenSource
from somtom.sources.source import Found
from somtom.sources.view_hierarchy import (
    View,
    is_edit,
    parse_box,
    plain_text,
    role_of,
    to_elements,
    walk_tree,
)

SPACE = (
    1440,
    2560,
)  # width and height of the screen, held upright, that bounds are in whatever the picture's size
MAX_STRETCH = 0.03  # share by which a picture's proportions may differ from the screen's
MAX_ICONS = 2_000
ID = re.compile(r"[0-9]{1,12}")


@dataclass(frozen=True, kw_only=True)
class RicoSource(ScreenSource):
    """Rico's `combined` folder, <id>.jpg and <id>.json of each screen, or others named by their templates."""

    kind: ClassVar[str] = "rico"

    picture: str = "{id}.jpg"  # where in `path` a screen's picture lies
    hierarchy: str = "{id}.json"  # where in `path` its view hierarchy lies; "" = it is not read
    semantics: str = ""  # a file of rico_semantics: its screens are the ones read, its icons are added
    details: str = ""  # ui_details.csv, the app that each screen is of; "" = taken from the view hierarchy

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("picture", "hierarchy"):
            template = getattr(self, name)
            if template.count("{id}") != 1 and (template or name == "picture"):
                raise ValueError(f'{name} must hold one "{{id}}", got {template!r}')
            if template and not is_safe_uri(template):
                raise ValueError(f"{name} must stay in path, got {template!r}")
        if not (self.hierarchy or self.semantics):
            raise ValueError(
                "one of hierarchy and semantics must be given: nothing else tells what is on a screen"
            )

    @classmethod
    def recognise(cls, path: str) -> Found | None:
        """A folder of numbered pictures with view hierarchies or with a file of rico_semantics."""
        root = path.rstrip("/")
        for folder in (root, f"{root}/combined"):
            names = _names(folder)
            pictures = [name for name in sorted(names) if re.fullmatch(r"[0-9]+\.jpg", name)]
            with_tree = [name for name in pictures if name.replace(".jpg", ".json") in names]
            if with_tree and _is_hierarchy(f"{folder}/{with_tree[0].replace('.jpg', '.json')}"):
                return Found({"path": folder}, (f"{len(with_tree)} screens of Rico with view hierarchies",))
            semantics = [name for name in sorted(names) if re.fullmatch(r"rico_semantics\w*\.json", name)]
            if pictures and semantics:
                note = f"{len(pictures)} screens of Rico, with icons in {' or '.join(semantics)}"
                found = {"path": folder, "semantics": f"{folder}/{semantics[0]}", "hierarchy": ""}
                return Found(dict(found), (note,))
        return None

    def items(self, index: int) -> Iterator[Item]:
        """List the screens: of `semantics` if it is given, else those of which a file is there."""
        if not is_remote(self.path) and not local_path(self.path).is_dir():
            raise DataError("missing", f"path {self.path!r} is no folder")
        apps = self._apps()
        said = list(self._listed() if self.semantics else self._found())
        for uri, payload in sorted(said, key=lambda one: one[0]):
            if payload.get("id") in apps:
                payload["app"] = apps[str(payload["id"])]
            yield Item(index, uri, self._inside(uri), json.dumps(payload))

    def open(self, uri: str, locator: str, payload: str) -> ScreenEpisode:
        """Read a screen's annotations; see `ScreenSource.open`."""
        said = json.loads(payload)
        if "fault" in said:
            raise DataError("bad_record", said["fault"])
        tree: object = None
        if self.hierarchy:
            try:
                tree = read_json(self._inside(self.hierarchy.replace("{id}", said["id"])))
            except DataError as error:
                if error.reason != "missing" or "icons" not in said:
                    raise
        return _RicoScreen(locator, said, tree)

    def _inside(self, uri: str) -> str:
        return f"{self.path.rstrip('/') or '/'}/{uri}"

    def _found(self) -> Iterator[tuple[str, dict[str, object]]]:
        patterns = [
            re.compile(re.escape(template).replace(re.escape("{id}"), f"({ID.pattern})"))
            for template in (self.picture, self.hierarchy)
        ]
        files = list(list_files(self.path))
        ids = {found[1] for pattern in patterns for file in files if (found := pattern.fullmatch(file.uri))}
        if not ids:
            raise DataError("missing", f"nothing in {self.path!r} is named like {self.picture!r}")
        yield from ((self.picture.replace("{id}", one), {"id": one}) for one in ids)

    def _listed(self) -> Iterator[tuple[str, dict[str, object]]]:
        for number, record in enumerate(
            read_records(self.semantics, ("screen_id", "screen_elements")), start=1
        ):
            fault = record if isinstance(record, str) else ""
            if not isinstance(record, str):
                name, icons = str(record["screen_id"]), record["screen_elements"]
                if ID.fullmatch(name) and isinstance(icons, list) and len(icons) <= MAX_ICONS:
                    yield self.picture.replace("{id}", name), {"id": name, "icons": icons}
                    continue
                fault = (
                    f"needs a number as screen_id ({name[:40]!r}) and a list of up to {MAX_ICONS} elements"
                )
            yield f"semantics#entry={number}", {"fault": f"entry {number} of the semantics: {fault}"}

    def _apps(self) -> dict[str, str]:
        if not self.details:
            return {}
        columns = ("UI Number", "App Package Name")
        records = read_records(self.details, columns)
        return {
            str(one[columns[0]]): plain_text(one[columns[1]]) for one in records if not isinstance(one, str)
        }


class _RicoScreen(ScreenEpisode):
    count = 1
    is_trajectory = False

    def __init__(self, locator: str, said: Mapping[str, object], tree: object) -> None:
        self._locator, self._said, self._tree = locator, said, tree
        activity = tree.get("activity_name") if isinstance(tree, dict) else None
        package = plain_text(activity).partition("/")[0]
        self.group = plain_text(said.get("app")) or package or f"screen {said['id']}"

    def instruction(self, step: int) -> str:
        """Nothing is asked for."""
        return ""

    def picture(self, step: int) -> bytes:
        """The screenshot; some are PNG under the name of a JPEG."""
        return read_image(self._locator)

    def fingerprint(self, step: int) -> str:
        """The screenshot's."""
        return fingerprint(self._locator)

    def screen(self, step: int, width: int, height: int) -> Screen:
        """Views first, then icons."""
        icons = self._said.get("icons", [])
        elements = [] if self._tree is None else self._views(width, height)
        elements += [_icon(one, width, height) for one in (icons if isinstance(icons, list) else [])]
        return Screen(tuple(elements))

    def _views(self, width: int, height: int) -> list[Element]:
        across, down = SPACE if height >= width else SPACE[::-1]
        scale_x, scale_y = width / across, height / down
        if abs(scale_x / scale_y - 1) > MAX_STRETCH:
            raise DataError(
                "bad_box",
                f"the picture is {width}x{height}, the view hierarchy is of a {across}x{down} screen",
            )
        return to_elements(self._parsed, scale_x, scale_y, width, height)

    @cached_property
    def _parsed(self) -> list[View]:
        return [_view(node) for node in walk_tree(_root_of(self._tree))]


def _root_of(tree: object) -> object:
    """The outermost view: Rico's own files have it in an activity, those with semantic labels are it."""
    if not isinstance(tree, dict):
        raise DataError("bad_record", f"a view hierarchy must be an object, is {type(tree).__name__}")
    activity = tree.get("activity", tree)
    return activity.get("root") if isinstance(activity, dict) and activity is not tree else activity


def _view(node: Mapping[str, object]) -> View:
    role = role_of(node.get("class"))
    clickable = any(node.get(name) is True for name in ("clickable", "long-clickable")) or is_edit(role)
    return View(
        parse_box(node.get("bounds")),
        plain_text(node.get("text"), node.get("content-desc")),
        role_of(node.get("componentLabel")) or role,
        clickable and node.get("enabled") is not False,
        node.get("visible-to-user") is not False and node.get("visibility", "visible") == "visible",
    )


def _icon(icon: object, width: int, height: int) -> Element:
    """One element of rico_semantics: edges in shares of the picture, and a label ICON_<form>:<meaning>."""
    if not isinstance(icon, dict):
        raise DataError("bad_record", f"an icon must be an object, is {type(icon).__name__}")
    x0, y0, x1, y1 = four_numbers([icon.get(name) for name in ("xmin", "ymin", "xmax", "ymax")])
    if not (-0.01 <= x0 < x1 <= 1.01 and -0.01 <= y0 < y1 <= 1.01):
        raise DataError(
            "bad_box", f"an icon's edges must be shares of the picture, are {x0}, {y0}, {x1}, {y1}"
        )
    form, _, meaning = plain_text(icon.get("label")).partition(":")
    text = "" if meaning in ("", "OTHER") else meaning.replace("_", " ").lower()
    return Element(x0 * width, y0 * height, x1 * width, y1 * height, text, form)


def _names(folder: str) -> set[str]:
    try:
        return {listed.uri for listed in list_files(f"{folder}/*", include=("*.jpg", "*.json"))}
    except (DataError, OSError):
        return set()


def _is_hierarchy(locator: str) -> bool:
    try:
        tree = read_json(locator)
    except (DataError, OSError):
        return False
    return isinstance(tree, dict) and ("activity_name" in tree or "bounds" in tree)
