"""Rules of a screenshot's sample: marks are elements, and what is said of the action is so."""

import re
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from somtom.schemas.answers import Action, Point, format_action, parse_action, parse_som, quantise
from somtom.schemas.record import Record

_NEEDS_TARGET = ("click", "double_click", "long_press", "select")


def screen_faults(record: Record, traces: NDArray[np.float32]) -> Iterator[str]:
    """Hold a well-formed record of task "ui" against itself, but for its marks' shapes and its first answer.

    An action that is said ends the conversation; else that turn may name the target, or be missing.
    """
    marks, target = record["marks"], record["target_mark"]
    if not marks:
        yield "a screenshot must have marks"
    if any(mark["x0"] == -1.0 and mark["x1"] == -1.0 for mark in marks):
        yield "a screenshot's marks must have boxes"
    if len(traces) != 1 or not (traces[..., 2] == 1).all():
        yield f"a screenshot's traces must be one frame in which all is visible, got {traces.shape}"
    foreground = [mark["id"] for mark in marks if mark["foreground"]]
    if foreground != [target] * (target != -1):
        yield f"foreground marks must be the target, {target}, got {foreground[:10]}"
    source = record["source"]
    if any(source[name] != -1.0 for name in ("start_s", "end_s", "fps", "step_s")):
        yield "a screenshot's source.start_s, end_s, fps and step_s must be -1.0"
    yield from _action_faults(record)
    if len(record["conversations"]) not in (2, 4):
        yield f"a screenshot's conversation must have 2 or 4 turns, got {len(record['conversations'])}"
    elif len(record["conversations"]) == 4:
        yield from _answer_faults(record)


def _action_faults(record: Record) -> Iterator[str]:
    action = record["action"]
    if action["values"] or action["bins"] or action["names"]:
        yield "a screenshot's action has no values, bins and names"
    if not action["kind"]:
        if action["text"]:
            yield f"action.text must be empty where nothing is done, got {action['text']!r:.80}"
        return
    try:
        written = parse_action(action["text"])
    except (ValueError, RecursionError) as error:
        yield f"action.text must be an action: {error}"
        return
    if written.kind != action["kind"] or written.mark is not None:
        yield f"action.text must be the action {action['kind']!r} without a mark, got {action['text']!r:.80}"
    if action["kind"] in _NEEDS_TARGET and record["target_mark"] == -1:
        yield f"the action {action['kind']!r} must have a target_mark"


def _answer_faults(record: Record) -> Iterator[str]:
    answer, target, action = record["conversations"][3]["value"], record["target_mark"], record["action"]
    place = _place_of(record, target)
    if re.match(r"Mark \d", answer):
        try:
            said = parse_som(answer)
        except ValueError as error:
            yield f"the last answer must locate the target: {error}"
            return
        if target == -1 or said != {target: place}:
            yield f"the last answer must locate mark {target} at {place}, got {answer!r:.80}"
        return
    try:
        done = parse_action(answer)
        words = parse_action(action["text"])
    except (ValueError, RecursionError) as error:
        yield f"the last answer must be the action: {error}"
        return
    expected = Action(words.kind, words.argument)
    if target != -1:
        expected = Action(words.kind, words.argument, target, place)
    if done != expected:
        wanted = format_action(expected)
        yield f"the last answer must be {wanted!r:.80}, got {answer!r:.80}"


def _place_of(record: Record, number: int) -> Point:
    """Where the mark is, in bins; (0, 0) where there is no such mark."""
    for mark in record["marks"]:
        if mark["id"] == number:
            x, y = quantise((mark["x"], mark["y"]), record["width"], record["height"])[0].tolist()
            return int(x), int(y)
    return 0, 0
