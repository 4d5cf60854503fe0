"""What the conversation about a marked screenshot says."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from somtom.marks.phrasings import (
    ACTION_QUESTIONS,
    ELEMENT_QUESTIONS,
    PAST_LINES,
    REFERENCE_QUESTIONS,
    SOM_QUESTIONS,
)
from somtom.marks.text import picture_lines, plain_text
from somtom.schemas.annotation import PastStep, ScreenAction
from somtom.schemas.answers import Action, Point, format_action, format_som, quantise
from somtom.schemas.keys import generator_of
from somtom.schemas.marks import Mark
from somtom.schemas.record import storable_text
from somtom.schemas.settings import TextSettings

_LONGEST_NAME = 80  # characters of a text that an element is asked for by
# How a person calls the roles that pages and apps give in their own words; any other one is an element.
_ROLE_NAMES = {
    **{
        role: role
        for role in ("link", "button", "field", "checkbox", "switch", "slider", "tab", "icon", "image")
    },
    "radio": "radio button",
    "radiobutton": "radio button",
    "togglebutton": "switch",
    "searchbox": "search field",
    "menuitem": "menu entry",
    "option": "option",
    "a": "link",
    "input": "field",
    "textarea": "field",
    "textbox": "field",
    "edittext": "field",
    "select": "list",
    "combobox": "list",
    "imagebutton": "button",
}


@dataclass(frozen=True)
class ScreenConversation:
    """The turns about one screenshot, and what its record says of the action.

    Args:
        turns: `{"from": "human" | "gpt", "value": text}`, alternating; all `<image>` in the first.
        target: number of the mark that is acted on or asked for; -1 where there is none.
        kind: the action's kind as one word, "" where nothing is done.
        action_text: the action in words, without its mark.
    """

    turns: list[dict[str, str]]
    target: int
    kind: str
    action_text: str


def write_screen_conversation(
    marks: Sequence[Mark],
    action: ScreenAction,
    past: Sequence[PastStep],
    size: tuple[int, int],
    instruction: str,
    settings: TextSettings,
    key: str,
) -> ScreenConversation:
    """Ask where the marks are, then for the one thing that this screen is about.

    With an instruction that is said: the next action, or the mark that is meant where no action is given.
    Else the mark of an element with a text that no other has: the target, or a seeded one where there
    is none. Where nothing of that is known, the first question is the only one.

    Args:
        marks: numbered from 1; at most one is `foreground`, the action's target.
        past: one for each earlier picture, oldest first.
        size: width and height of the picture in pixels.
    """
    random = generator_of(key, "marks.screen_text")
    # All are drawn always, so that one question does not depend on what else is known.
    som, act, refer, name, lot = (int(n) for n in random.integers(0, 2**31, 5))
    centres = np.array([(mark.x, mark.y) for mark in marks], dtype=np.float64).reshape(-1, 2)
    places = {
        mark.id: (int(x), int(y)) for mark, (x, y) in zip(marks, quantise(centres, *size)[0], strict=True)
    }
    target = next((mark.id for mark in marks if mark.foreground), -1)
    kind, argument = action_kind(action.kind), storable_text(action.argument)
    action_text = format_action(Action(kind, argument)) if kind else ""

    head = picture_lines(past)
    question = _picked(SOM_QUESTIONS, som).format(count=len(marks))
    turns = _turns("\n".join([*head, question]), format_som(places))

    told = plain_text(instruction) if settings.use_instruction else ""
    asked = 0
    if told and kind:
        question = _picked(ACTION_QUESTIONS, act).format(instruction=told)
        done = Action(kind, argument, target, places[target]) if target > 0 else Action(kind, argument)
        turns += _turns("\n".join([*_said_of_past(past), question]), format_action(done))
    elif told and target > 0:
        turns += _reference(_picked(REFERENCE_QUESTIONS, refer).format(instruction=told), target, places)
    else:
        names = nameable(marks)
        if kind or target > 0:
            asked = target if target in names else 0
        elif names:
            asked = target = sorted(names)[lot % len(names)]
        if asked:
            question = _picked(ELEMENT_QUESTIONS, name)
            role = role_name(next(mark.role for mark in marks if mark.id == asked))
            turns += _reference(question.format(role=role, text=names[asked]), asked, places)
    return ScreenConversation(turns, target, kind, action_text)


def action_kind(kind: str) -> str:
    """Make one lower-case word of what a source calls its action.

    >>> action_kind("Long Press"), action_kind("type"), action_kind("-")
    ('long_press', 'type', '')
    """
    return re.sub(r"\W+", "_", plain_text(storable_text(kind)).lower()).strip("_")


def nameable(marks: Sequence[Mark]) -> dict[int, str]:
    """The texts of those marks that can be asked for: short ones that stand on one mark only."""
    texts = {mark.id: plain_text(mark.text) for mark in marks}
    counts = Counter(text.casefold() for text in texts.values())
    return {
        number: text
        for number, text in texts.items()
        if 0 < len(text) <= _LONGEST_NAME and counts[text.casefold()] == 1
    }


def role_name(role: str) -> str:
    """Call a role as a person would.

    >>> role_name("android.widget.ImageButton"), role_name("a"), role_name("li")
    ('button', 'link', 'element')
    """
    return _ROLE_NAMES.get(role.strip().rpartition(".")[2].lower(), "element")


def _picked(phrasings: Sequence[str], number: int) -> str:
    return phrasings[number % len(phrasings)]


def _turns(asked: str, answered: str) -> list[dict[str, str]]:
    return [{"from": "human", "value": asked}, {"from": "gpt", "value": answered}]


def _reference(question: str, number: int, places: dict[int, Point]) -> list[dict[str, str]]:
    return _turns(question, format_som({number: places[number]}))


def _said_of_past(past: Sequence[PastStep]) -> list[str]:
    said = [text for step in past if step.known and (text := plain_text(step.text))]
    lines = (f"{number}. {text}" for number, text in enumerate(said, start=1))
    return [PAST_LINES.format(steps="\n".join(lines))] if said else []
