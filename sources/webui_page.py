"""What WebUI's files say of a page: accessible nodes, their boxes in CSS pixels, and which are in view."""

import gzip
import zlib
from collections.abc import Iterator, Mapping
from posixpath import basename

from somtom.schemas.annotation import Element
from somtom.schemas.reasons import DataError
from somtom.schemas.record import load_json
from somtom.sources.boxes import Box, four_numbers
from somtom.sources.files import open_binary
from somtom.sources.web_roles import ROLES
from somtom.sources.words import words_of

# which screenshot -> how its file's name ends
SHOTS = {"viewport": "-screenshot.webp", "full": "-screenshot-full.webp"}
MAX_BYTES = 1 << 25  # of an unpacked JSON file
AGREES = 0.01  # share by which the page's size, scaled, may differ from the picture's
ROOT = "RootWebArea"
WRITTEN = ("StaticText", "img", "image")  # roles of what says something that nobody acts on


def read_gzipped_json(locator: str) -> dict[str, object]:
    """Read a gzipped JSON object, up to a bound.

    Raises:
        DataError: `missing`, `unreadable`, `too_large` or `bad_record`.
        OSError: the store failed.
    """
    name = basename(locator)
    with open_binary(locator) as packed:
        try:
            with gzip.GzipFile(fileobj=packed) as file:
                data = file.read(MAX_BYTES + 1)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise DataError("unreadable", f"{name} is no whole gzip file: {error}; fetch it again") from error
    if len(data) > MAX_BYTES:
        raise DataError("too_large", f"{name} holds more than {MAX_BYTES} bytes")
    try:
        value = load_json(data)
    except DataError as error:
        raise DataError(error.reason, f"{name} is {error.message}") from error
    if not isinstance(value, dict):
        raise DataError("bad_record", f"{name} must be an object, is {type(value).__name__}")
    return value


def page_scale(
    tree: Mapping[str, object],
    boxes: Mapping[str, object],
    size: tuple[int, int],
    screenshot: str,
    scale: float,
) -> float:
    """Find how many pixels of the picture a CSS pixel is, held against the box of the page's root.

    The root's box is what the device shows at once, also where the whole page is pictured.

    Args:
        tree: the accessibility tree.
        boxes: by node.
        size: width and height of the picture.
        screenshot: "viewport" or "full".
        scale: what it should be; 0 = what the root's width says.

    Raises:
        DataError: `bad_box`: the page's size is not the picture's.
    """
    width, height = size
    roots = (_box(boxes.get(node), 1.0) for node, role, _, _ in _nodes(tree) if role == ROOT)
    root = next((box for box in roots if box is not None), None)
    if root is None:
        if scale:
            return scale
        raise DataError("bad_box", "the page's root has no box, which would say its scale: set scale")
    wide, high = root[2] - root[0], root[3] - root[1]
    found = width / wide
    used = scale or found
    tall_enough = height >= high * used * (1 - AGREES) - 2
    short_enough = screenshot == "full" or height <= high * used * (1 + AGREES) + 2
    if abs(wide * used - width) > AGREES * width + 2 or not tall_enough or not short_enough:
        raise DataError(
            "bad_box",
            f"the device shows {wide:g}x{high:g} CSS pixels, its picture is {width}x{height} at scale "
            f"{used:g}: set scale ({found:.4g} would fit the width) or screenshot",
        )
    return used


def make_elements(
    tree: Mapping[str, object], boxes: Mapping[str, object], seen: Mapping[str, object], scale: float
) -> tuple[Element, ...]:
    """Make an element of each node that can be acted on or says something, and has a box.

    Args:
        tree: the accessibility tree.
        boxes: {x, y, width, height} in CSS pixels from the page's top left corner, by node.
        seen: whether a node meets the viewport, by node; texts are in none and count as seen.
        scale: pixels of the picture for each CSS pixel.
    """
    elements = []
    for node, role, name, properties in _nodes(tree):
        box = _box(boxes.get(node), scale)
        usable = role in ROLES or (properties.get("focusable") is True and role != ROOT)
        if box is None or not (usable or (role in WRITTEN and name)):
            continue
        actionable = usable and properties.get("disabled") is not True
        elements.append(
            Element(*box, text=name, role=role, actionable=actionable, visible=seen.get(node) is not False)
        )
    return tuple(elements)


def _nodes(tree: Mapping[str, object]) -> Iterator[tuple[str, str, str, dict[str, object]]]:
    """The nodes that are not ignored: id in the DOM, role, name and properties.

    Raises:
        DataError: `bad_record`: it is no tree.
    """
    nodes = tree.get("nodes")
    if not isinstance(nodes, list):
        raise DataError("bad_record", "the accessibility tree has no list of nodes")
    for one in nodes:
        if isinstance(one, dict) and not one.get("ignored") and "backendDOMNodeId" in one:
            listed = one.get("properties")
            properties = {
                name: _value(item)
                for item in (listed if isinstance(listed, list) else ())
                if isinstance(item, dict) and isinstance(name := item.get("name"), str)
            }
            role, name = (
                words_of(_value({"value": one.get("role")})),
                words_of(_value({"value": one.get("name")})),
            )
            yield str(one["backendDOMNodeId"]), role, name, properties


def _value(item: Mapping[str, object]) -> object:
    """What {"value": {"type", "value"}} holds."""
    inner = item.get("value")
    return inner.get("value") if isinstance(inner, dict) else None


def _box(stored: object, scale: float) -> Box | None:
    """Read {x, y, width, height}, scaled; null stands for what is not rendered."""
    if not isinstance(stored, dict):
        return None
    try:
        x, y, width, height = four_numbers([stored.get(name) for name in ("x", "y", "width", "height")])
    except DataError:
        return None
    if width <= 0 or height <= 0:
        return None
    return x * scale, y * scale, (x + width) * scale, (y + height) * scale
