"""WebUI: crawled web pages, each seen on several devices, with the boxes and names of their elements.

A page is a folder of files {device}-screenshot.webp, -axtree.json.gz, -bb.json.gz, -viewport.json.gz, ...;
boxes are in CSS pixels, by the id of the DOM node that a node of the accessibility tree stands for.
"""

import contextlib
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from posixpath import basename, dirname
from typing import ClassVar
from urllib.parse import urlsplit

from somtom.schemas.annotation import Screen
from somtom.schemas.keys import digest
from somtom.schemas.reasons import DataError
from somtom.schemas.refs import Item
from somtom.sources.files import is_remote, local_path, open_binary
from somtom.sources.fingerprint import shared_fingerprint
from somtom.sources.images import read_image
from somtom.sources.listing import list_files
from somtom.sources.screens import ScreenEpisode, ScreenSource
from somtom.sources.source import Found
from somtom.sources.webui_page import SHOTS, make_elements, page_scale, read_gzipped_json

TREE = "-axtree.json.gz"
ADDRESS = "-url.txt"
MAX_ADDRESS = 1 << 12  # bytes


@dataclass(frozen=True, kw_only=True)
class WebUiSource(ScreenSource):
    """WebUI's folders of pages; an item is a page on one device. There are no instructions."""

    kind: ClassVar[str] = "webui"

    path: str  # the folder that the pages' folders are in; local or a Beam URI
    screenshot: str = "viewport"  # viewport (the first screen) | full (the whole page)
    scale: float = 0.0  # pixels of a screenshot for each CSS pixel; 0 = by the page's own width
    devices: tuple[str, ...] = ()  # devices taken, such as "iPhone-13 Pro"; empty = all

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.screenshot not in SHOTS:
            raise ValueError(f"screenshot must be one of {', '.join(SHOTS)}, got {self.screenshot!r}")
        if not (math.isfinite(self.scale) and (self.scale == 0 or 0.1 <= self.scale <= 10)):
            raise ValueError(f"scale must be 0, or 0.1 to 10, got {self.scale!r}")

    @classmethod
    def recognise(cls, path: str) -> Found | None:
        """Look for accessibility trees in the folder, or in one of its folders; see `Source.recognise`."""
        if is_remote(path) or not local_path(path).is_dir():
            return None
        folder = local_path(path)
        found = next((one for deep in ("", "*/") for one in folder.glob(f"{deep}*{TREE}")), None)
        if found is None:
            return None
        devices = sorted(one.name.removesuffix(TREE) for one in found.parent.glob(f"*{TREE}"))
        return Found({"path": path}, (f"{found.parent.name}: a page on {', '.join(devices)}",))

    def items(self, index: int) -> Iterator[Item]:
        """List the pages on each device that has a screenshot or a tree; see `Source.items`."""
        ending = SHOTS[self.screenshot]
        locators: dict[str, str] = {}  # by the uri of the screenshot
        addresses: dict[str, str] = {}  # a page's own, by its folder
        for file in list_files(self.path, include=(f"*{ending}", f"*{TREE}", f"*{ADDRESS}")):
            if file.uri.endswith(ADDRESS):
                addresses.setdefault(dirname(file.uri), file.locator)
                continue
            end = ending if file.uri.endswith(ending) else TREE
            device = basename(file.uri.removesuffix(end))
            if not self.devices or device in self.devices:
                shot = file.uri.removesuffix(end) + ending
                locators[shot] = file.locator.removesuffix(end) + ending
        for uri in sorted(locators):
            yield Item(index, uri, locators[uri], json.dumps({"address": addresses.get(dirname(uri), "")}))

    def open(self, uri: str, locator: str, payload: str) -> ScreenEpisode:
        """Find a page's files; see `ScreenSource.open`."""
        address = json.loads(payload)["address"]
        site = ""
        if address:
            with open_binary(f"{dirname(locator)}/{basename(address)}") as file:
                written = file.read(MAX_ADDRESS).decode("utf-8", "replace").strip()
            with contextlib.suppress(ValueError):
                site = urlsplit(written).hostname or ""
        return _Page(locator, site or dirname(uri) or uri, self.screenshot, self.scale)


class _Page(ScreenEpisode):
    """A page on one device."""

    count = 1
    is_trajectory = False

    def __init__(self, locator: str, group: str, screenshot: str, scale: float) -> None:
        self.group = group
        self._locator = locator
        self._stem = locator.removesuffix(SHOTS[screenshot])
        self._screenshot = screenshot
        self._scale = scale

    def instruction(self, step: int) -> str:
        """Nothing is asked for."""
        return ""

    def picture(self, step: int) -> bytes:
        """The screenshot."""
        return read_image(self._locator)

    def fingerprint(self, step: int) -> str:
        """A hash of the screenshot's, the tree's and the boxes' files."""
        return digest(
            *(
                shared_fingerprint(one)
                for one in (self._locator, self._stem + TREE, f"{self._stem}-bb.json.gz")
            )
        )

    def picture_fingerprint(self, step: int) -> str:
        """The picture's own."""
        return shared_fingerprint(self._locator)

    def screen(self, step: int, width: int, height: int) -> Screen:
        """The elements that are in the accessibility tree and have a box."""
        tree = read_gzipped_json(self._stem + TREE)
        boxes = read_gzipped_json(f"{self._stem}-bb.json.gz")
        seen: dict[str, object] = {}
        if self._screenshot == "viewport":
            with contextlib.suppress(DataError):
                seen = read_gzipped_json(f"{self._stem}-viewport.json.gz")
        scale = page_scale(tree, boxes, (width, height), self._screenshot, self._scale)
        return Screen(make_elements(tree, boxes, seen, scale))
