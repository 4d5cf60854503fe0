"""Why the elements of a screenshot got a number or none: chosen again, as labelling does it."""

from collections.abc import Iterator, Sequence

from somtom.marks.elements import ChosenElements, mark_elements, select_elements, verdicts
from somtom.schemas.annotation import Element
from somtom.schemas.pictures import decode_jpeg
from somtom.schemas.reasons import DataError
from somtom.schemas.settings import BuildSettings
from somtom.schemas.tracks_table import StoredClip
from somtom.transforms.label_screen import drawn_screen, scaled_screen

_WIDEST_TEXT = 40


def screen_lines(clip: StoredClip, settings: BuildSettings) -> Iterator[str]:
    """Describe a screenshot's action and elements; its `clean_jpeg` and `annotation.screen` must be given."""
    if clip.annotation.screen is None:
        raise ValueError(f"{clip.ref.key}: is no screenshot")
    scale = clip.width / clip.source_width, clip.height / clip.source_height
    screen = drawn_screen(scaled_screen(clip.annotation.screen, *scale), decode_jpeg(clip.clean_jpeg))
    elements, action = screen.elements, screen.action
    targets = f" to element {', '.join(map(str, action.targets))}" if action.targets else ""
    point = f" at ({action.point[0]:.1f}, {action.point[1]:.1f})" if action.point is not None else ""
    said = f" {action.argument[:_WIDEST_TEXT]!r}" if action.argument else ""
    yield f"  action    {(action.kind or 'none')}{said}{targets}{point}"
    chosen: ChosenElements | None = None
    numbers: dict[int, int] = {}
    try:
        chosen = select_elements(elements, action, clip.width, clip.height, settings.ui, clip.ref.key)
    except DataError as error:
        yield f"  chosen    none: {error.message}"
    else:
        marks = mark_elements(chosen, clip.ref.key).marks
        boxes = {(mark.x0, mark.y0, mark.x1, mark.y1): mark.id for mark in marks}
        numbers = {at: boxes[one.x0, one.y0, one.x1, one.y1] for at, one in enumerate(chosen.elements)}
        found = sum(one.found for one in elements)
        yield f"  elements  {len(elements) - found} given, {found} found in the pixels, {len(marks)} marked"
    yield ""
    yield "  element       box                       role          verdict"
    if chosen is None:
        reasons: Sequence[str] = verdicts(elements, clip.width, clip.height, settings.ui)
    else:
        reasons = chosen.reasons
    for index, (one, reason) in enumerate(zip(elements, reasons, strict=True)):
        number = numbers.get(chosen.of_source[index]) if chosen is not None else None
        mark = f"mark {number}" if number is not None else "may be marked"
        yield _line(index, one, f"{reason} ({mark})" if reason and number is not None else reason or mark)


def _line(index: int, one: Element, verdict: str) -> str:
    box = f"{one.x0:7.1f} {one.y0:7.1f} {one.x1:7.1f} {one.y1:7.1f}"
    text = f"  {one.text[:_WIDEST_TEXT]!r}" if one.text else ""
    return f"  {index:7} {box}  {one.role[:12]:<12}  {verdict}{text}"
