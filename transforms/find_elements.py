"""Elements found in a screenshot's pixels: added where its source gives few, before the picture is a JPEG."""

from dataclasses import replace

from somtom.marks.detect import detect_elements
from somtom.marks.elements import UNTARGETED
from somtom.marks.nested import overlaps_any
from somtom.schemas.annotation import Screen
from somtom.schemas.clips import Clip
from somtom.schemas.settings import TrackingSettings


def find_elements(clip: Clip, settings: TrackingSettings) -> Clip:
    """Add to a screenshot's elements what is found in its pixels, if the settings ask for it.

    Found ones follow those given, in pixels of the input as well; one that overlaps a given one that can be
    seen and acted on is left out. A JPEG of quality 90 costs the detector a sixth of its recall
    (docs/screens.md), so it looks at the pixels as they were decoded.
    """
    screen = clip.annotation.screen
    if screen is None:
        raise ValueError("elements are found on screenshots")
    if settings.detect == "never" or (settings.detect == "auto" and is_enough(screen, settings.min_elements)):
        return clip
    across, down = clip.source_width / clip.width, clip.source_height / clip.height
    found = (
        replace(one, x0=one.x0 * across, y0=one.y0 * down, x1=one.x1 * across, y1=one.y1 * down, found=True)
        for one in detect_elements(clip.frames[0])
    )
    given = [one for one in screen.elements if one.actionable and one.visible]
    more = tuple(one for one in found if not overlaps_any(one, given))
    annotation = replace(clip.annotation, screen=replace(screen, elements=(*screen.elements, *more)))
    return replace(clip, annotation=annotation)


def is_enough(screen: Screen, least: int) -> bool:
    """Whether the source gives at least so many elements to act on, and one where the action points to.

    Hidden ones count: the source knows the page, and what else is drawn there is behind something.
    """
    given = [one for one in screen.elements if one.actionable]
    action = screen.action
    if len(given) < least:
        return False
    if action.point is None or action.targets or action.kind in UNTARGETED:
        return True
    x, y = action.point
    return any(one.visible and one.x0 <= x <= one.x1 and one.y0 <= y <= one.y1 for one in given)
