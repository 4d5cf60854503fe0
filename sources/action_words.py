"""What is done at a screenshot: where, in which direction, and the words in which later steps read it."""

from somtom.schemas.reasons import DataError
from somtom.sources.boxes import four_numbers

MAX_WORDS = 300  # characters of a text that is repeated in words

_FIXED = {
    "back": "go back",
    "home": "go to the home screen",
    "enter": "press enter",
    "wait": "wait",
    "complete": "the task is complete",
    "impossible": "the task is impossible",
}
_QUOTED = ("type", "select", "open")


def action_words(kind: str, argument: str = "", target: str = "") -> str:
    """Say an action in words; `target` is what the element says that it is done to, "" where that is unknown.

    >>> action_words("click", target="Sign up"), action_words("type", "hello"), action_words("swipe", "up")
    ('click "Sign up"', 'type "hello"', 'swipe up')
    >>> action_words("type", "hello", "Search"), action_words("back"), action_words("")
    ('type "hello" into "Search"', 'go back', '')
    """
    if kind in _FIXED:
        return _FIXED[kind]
    words = [kind.replace("_", " ")]
    if argument:
        words.append(f'"{argument[:MAX_WORDS]}"' if kind in _QUOTED else argument[:MAX_WORDS])
    if target:
        words += [*(["into"] if kind == "type" else ["in"] if argument else []), f'"{target[:MAX_WORDS]}"']
    return " ".join(words).strip()


def direction_of(right: float, down: float) -> str:
    """Name the main direction of a movement, in any unit that both are in.

    >>> direction_of(3, -5), direction_of(-3, 1)
    ('up', 'left')
    """
    if abs(right) > abs(down):
        return "right" if right > 0 else "left"
    return "down" if down > 0 else "up"


def parse_point(values: object, what: str) -> tuple[float, float]:
    """Read two finite numbers; `what` names them in the message.

    Raises:
        DataError: `bad_action`.
    """
    try:
        first, second, _, _ = four_numbers([*values, 0, 0] if isinstance(values, list) else values)
    except DataError as error:
        raise DataError("bad_action", f"{what} must be two numbers, is {str(values)[:60]}") from error
    return first, second
