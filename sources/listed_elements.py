"""Lists of elements: {box, text, role, actionable, visible, score}, boxes in a stated convention."""

from collections.abc import Sequence
from dataclasses import dataclass

from somtom.schemas.annotation import Element
from somtom.schemas.reasons import DataError
from somtom.sources.boxes import box_in_pixels
from somtom.sources.words import words_of

MAX_ELEMENTS = 20_000
MOST_BAD = 0.5  # share of the boxes that may be unusable before the list is taken to be of another convention


@dataclass(frozen=True)
class ListedElements:
    """Elements that can be used.

    Args:
        elements: in the order of the list.
        of_list: for each object of the list the index of its element, or why there is none.
    """

    elements: tuple[Element, ...]
    of_list: tuple[int | DataError, ...]


def listed_elements(value: object, convention: str, width: int, height: int) -> ListedElements:
    """Read a list of elements; an unusable box (outside, no area) is left out, if most are not so.

    Raises:
        DataError: `bad_record`, `unsupported` (too many), or `bad_box`: most boxes are unusable.
    """
    if not isinstance(value, list):
        raise DataError("bad_record", f"elements must be a list, is {type(value).__name__}")
    if len(value) > MAX_ELEMENTS:
        raise DataError("unsupported", f"{len(value)} elements, {MAX_ELEMENTS} at most are read")
    elements: list[Element] = []
    of_list: list[int | DataError] = []
    for one in value:
        try:
            element = _element(one, convention, width, height)
        except DataError as error:
            if error.reason != "bad_box":
                raise
            of_list.append(error)
        else:
            of_list.append(len(elements))
            elements.append(element)
    bad = [one for one in of_list if isinstance(one, DataError)]
    if len(bad) > MOST_BAD * len(of_list):
        raise DataError("bad_box", f"{len(bad)} of {len(of_list)} boxes cannot be used: {bad[0].message}")
    return ListedElements(tuple(elements), tuple(of_list))


def parsed_content(value: object) -> list[dict[str, object]]:
    """Bring OmniParser's `parsed_content_list` to this form: its boxes are xyxy_ratio.

    Its objects are {type: "text" or "icon", bbox, interactivity, content}.

    Raises:
        DataError: `bad_record`.
    """
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise DataError("bad_record", "a parsed_content_list must be a list of objects")
    return [
        {
            "box": one.get("bbox"),
            "text": one.get("content"),
            "role": one.get("type"),
            "actionable": one.get("interactivity") is not False,
        }
        for one in value
    ]


def _element(value: object, convention: str, width: int, height: int) -> Element:
    if not isinstance(value, dict):
        raise DataError("bad_record", f"an element must be an object, is {type(value).__name__}")
    for name in ("text", "role"):
        if not isinstance(value.get(name), str | None):
            raise DataError("bad_record", f"an element's {name} must be text, is {str(value[name])[:40]!r}")
    score = value.get("score")
    score = 1.0 if score is None else score
    if isinstance(score, bool) or not isinstance(score, int | float) or not 0 <= score <= 1:
        raise DataError("bad_record", f"an element's score must be 0 to 1, is {str(score)[:40]!r}")
    return Element(
        *box_in_pixels(value.get("box"), convention, width, height),
        text=words_of(value.get("text")),
        role=words_of(value.get("role")),
        actionable=_flag(value, "actionable"),
        visible=_flag(value, "visible"),
        score=float(score),
    )


def _flag(value: dict[str, object], name: str) -> bool:
    flag = value.get(name)
    if flag is not None and not isinstance(flag, bool):
        raise DataError("bad_record", f"an element's {name} must be true or false, is {str(flag)[:40]!r}")
    return flag is not False


def check_convention(convention: str, known: Sequence[str]) -> None:
    """Hold the setting `boxes` against the conventions.

    Raises:
        ValueError: there is no such one.
    """
    if convention not in known:
        raise ValueError(f"boxes must be one of {', '.join(known)}, got {convention!r}")
