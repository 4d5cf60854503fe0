"""From a stored screenshot to a sample: elements become numbered marks, and the action is said."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from somtom.marks.drawn import is_drawn
from somtom.marks.elements import mark_elements, select_elements
from somtom.marks.screen_text import write_screen_conversation
from somtom.schemas.annotation import Screen
from somtom.schemas.pictures import decode_jpeg
from somtom.schemas.record import complete_record
from somtom.schemas.sample import Sample
from somtom.schemas.settings import BuildSettings
from somtom.schemas.tracks_table import StoredClip
from somtom.transforms.draw_sample import draw_sample
from somtom.transforms.records import extra_members, history_record, source_record


def label_screen(clip: StoredClip, settings: BuildSettings) -> Sample:
    """Make the sample of a screenshot whose `clean_jpeg` is given; `annotation.screen` must be, too.

    Raises:
        DataError: it is filtered: `no_elements`, `no_target`, `target_unmatched`, `unsupported`.
    """
    ref = clip.ref
    if clip.annotation.screen is None:
        raise ValueError(f"{ref.key}: is no screenshot")
    picture = decode_jpeg(clip.clean_jpeg)
    scale = clip.width / clip.source_width, clip.height / clip.source_height
    screen = drawn_screen(scaled_screen(clip.annotation.screen, *scale), picture)
    size = clip.width, clip.height
    chosen = select_elements(screen.elements, screen.action, *size, settings.ui, ref.key)
    marks = mark_elements(chosen, ref.key)
    said = write_screen_conversation(
        marks.marks, screen.action, clip.annotation.past, size, ref.instruction, settings.text, ref.key
    )
    numbered = tuple(replace(mark, foreground=mark.id == said.target) for mark in marks.marks)
    marked_jpeg, scores = draw_sample(picture, numbered, settings)
    record = {
        "id": ref.key,
        "split": ref.split,
        "task": "ui",
        "instruction": ref.instruction,
        "history": history_record(clip),
        "conversations": said.turns,
        "marks": [vars(mark) for mark in numbered],
        "target_mark": said.target,
        "action": {"kind": said.kind, "text": said.action_text},
        "width": clip.width,
        "height": clip.height,
        "source": source_record(ref, picture),
        "quality": {"visible_share": 1.0, **scores},
    }
    return Sample(
        key=ref.key,
        record=complete_record(record),
        marked_jpeg=marked_jpeg,
        clean_jpeg=clip.clean_jpeg,
        traces=marks.traces,
        extra=extra_members(clip),
    )


def scaled_screen(screen: Screen, across: float, down: float) -> Screen:
    """The screen in pixels of a picture that is `across` times as wide and `down` times as high."""
    elements = tuple(
        replace(one, x0=one.x0 * across, y0=one.y0 * down, x1=one.x1 * across, y1=one.y1 * down)
        for one in screen.elements
    )
    point = screen.action.point
    moved = None if point is None else (point[0] * across, point[1] * down)
    return Screen(elements, replace(screen.action, point=moved))


def drawn_screen(screen: Screen, picture: NDArray[np.uint8]) -> Screen:
    """Hide the elements where nothing is drawn in the (H, W, 3) picture, but for the action's targets.

    Sources that list a page's elements often do not say which are hidden (Mind2Web's closed menus).
    """
    drawn = is_drawn(picture, screen.elements)
    elements = tuple(
        one if drawn[index] or index in screen.action.targets else replace(one, visible=False)
        for index, one in enumerate(screen.elements)
    )
    return replace(screen, elements=elements)
