"""A conversation's text cut into what a model gets tokens of its own for: marks, coordinates, action bins.

With `answers` and `robot_answers`, the grammar of the texts; this one finds it within any text.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

BINS = 256  # of coordinates and of actions
TEXT, MARK, X, Y, ACTION = "text", "mark", "x", "y", "action"
# What stands between two neighbours, so that no piece is needed for it; "" where nothing does.
_JOINTS = {(MARK, X): " at ", (Y, MARK): ", ", (Y, X): ",", (ACTION, ACTION): ","}
_NUMBER = r"(0|[1-9][0-9]{0,2})"
_KNOWN = rf"\bMark (?P<mark>[1-9][0-9]{{0,5}})(?![0-9])|\[(?P<x>{_NUMBER}),(?P<y>{_NUMBER})\]"


@dataclass(frozen=True)
class Piece:
    """One piece: `text` of a TEXT; the number of any other, a mark's from 1 and a bin's 0..255."""

    kind: str
    number: int = 0
    text: str = ""


def split_pieces(text: str, marks: int, actions: Iterable[str] = ()) -> list[Piece]:
    """Cut a text so that `join_pieces` gives it back to the letter.

    Args:
        marks: the highest number that a mark may have; one with another stays text.
        actions: robot actions as `format_robot_action` writes them: where one of them stands, its numbers
            are bins of an action. Every other `[x,y]` with two numbers up to 255 is a point.

    >>> [piece.kind for piece in split_pieces("Mark 3 at [121,87], Mark 4 at [0,255]", 9)]
    ['mark', 'x', 'y', 'mark', 'x', 'y']
    >>> [piece.kind for piece in split_pieces("[1,2,3]", 9, ["[1,2,3]"])]
    ['text', 'action', 'action', 'action', 'text']
    """
    literals = "|".join(re.escape(action) for action in sorted({*actions} - {""}, key=len, reverse=True))
    pattern = f"(?P<action>{literals})|{_KNOWN}" if literals else _KNOWN
    pieces: list[Piece] = []
    end = 0
    for match in re.finditer(pattern, text):
        found = _pieces_of(match, marks)
        if not found:
            continue
        between, end = text[end : match.start()], match.end()
        if between and not (pieces and between == _joint(pieces[-1], found[0])):
            pieces.append(Piece(TEXT, text=between))
        pieces += found
    if text[end:]:
        pieces.append(Piece(TEXT, text=text[end:]))
    # Points that stand side by side without what lies between them in our answers.
    return pieces if join_pieces(pieces) == text else [Piece(TEXT, text=text)]


def _pieces_of(match: re.Match[str], marks: int) -> list[Piece]:
    found = match.groupdict()
    if found.get("action"):
        parts = re.split(r"([0-9]+)", found["action"])
        pieces = [Piece(ACTION, int(part)) if part.isdigit() else Piece(TEXT, text=part) for part in parts]
        inner = [one for one in pieces if one.text != "," and one != Piece(TEXT)]
        return inner if all(one.number < BINS for one in inner) else []
    if found["mark"]:
        number = int(found["mark"])
        return [Piece(MARK, number)] if number <= marks else []
    x, y = int(found["x"]), int(found["y"])
    return [Piece(X, x), Piece(Y, y)] if max(x, y) < BINS else []


def join_pieces(pieces: Sequence[Piece]) -> str:
    """Write the pieces as text again; also those that a model put into an order that no text has.

    >>> join_pieces([Piece(MARK, 3), Piece(X, 121), Piece(Y, 87)])
    'Mark 3 at [121,87]'
    """
    parts: list[str] = []
    for before, piece in zip([None, *pieces], pieces, strict=False):
        parts += [_joint(before, piece) if before else "", _text_of(piece)]
    return "".join(parts)


def _joint(before: Piece, piece: Piece) -> str:
    return _JOINTS.get((before.kind, piece.kind), "")


def _text_of(piece: Piece) -> str:
    if piece.kind == TEXT:
        return piece.text
    return {MARK: "Mark {}", X: "[{},", Y: "{}]", ACTION: "{}"}[piece.kind].format(piece.number)
