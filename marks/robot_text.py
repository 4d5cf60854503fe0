"""What the conversation says of a robot's action."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from somtom.marks.phrasings import CHUNK_LINE, FREE_ROBOT_QUESTIONS, PAST_ACTIONS_LINES, ROBOT_QUESTIONS
from somtom.marks.text import plain_text
from somtom.schemas.keys import generator_of
from somtom.schemas.robot_answers import format_robot_action
from somtom.schemas.settings import TextSettings


def write_robot_turns(
    bins: NDArray[np.int64],
    past: Sequence[tuple[float, str]],
    instruction: str,
    settings: TextSettings,
    key: str,
) -> list[dict[str, str]]:
    """Ask what the robot does next, and answer with the bins of its action: two turns, without `<image>`.

    The answer is `[b1,...,bD]` for one step and a list of such lists for a chunk.

    Args:
        bins: (C, D), 0..255.
        past: time in seconds before the picture (negative) and action of earlier steps, oldest first,
            the action written as an answer is; "" where it is not known.
        instruction: the input's own text, "" where it has none.
    """
    random = generator_of(key, "marks.robot_text")
    # Both are drawn always, so that one question does not depend on what else is known.
    question, free_question = str(random.choice(ROBOT_QUESTIONS)), str(random.choice(FREE_ROBOT_QUESTIONS))
    task = within_sentence(instruction) if settings.use_instruction else ""
    lines = [question.format(task=task) if task else free_question]
    if len(bins) > 1:
        lines.append(CHUNK_LINE.format(steps=len(bins)))
    if any(action for _, action in past):
        done = "\n".join(f"{t_s:.2f} s: {action or 'unknown'}" for t_s, action in past)
        lines.insert(0, PAST_ACTIONS_LINES.format(steps=done))
    return [
        {"from": "human", "value": "\n".join(lines)},
        {"from": "gpt", "value": format_robot_action(bins)},
    ]


def within_sentence(instruction: str) -> str:
    """Put an instruction on one line, without its last stop, and begin it in lower case.

    A word in capitals, such as a name, stays as it is.

    >>> within_sentence("Pick up the  cup."), within_sentence("LEGO brick into the box")
    ('pick up the cup', 'LEGO brick into the box')
    """
    text = plain_text(instruction).rstrip(" .!?。！？")
    starts_in_capitals = (text[:1] == "I" and text[1:2] in (" ", "'")) or text[1:2].isupper()
    return text if starts_in_capitals else text[:1].lower() + text[1:]
