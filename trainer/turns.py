"""A sample's conversation as ids, and which of them are learnt, taken from where each turn's tokens stand."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from somtom.schemas.reasons import DataError
from somtom.schemas.record import Record
from somtom.trainer.answer_kinds import answered_turns
from somtom.trainer.tokens import Vocabulary

PICTURE = "<image>"  # once in a question for each picture that it shows


@dataclass(frozen=True)
class Span:
    """Where one turn's tokens stand: ids[start:stop], from its <human> or <gpt> to its <end>.

    `kind` is an answer's, of `answer_kinds`; "" for a question. `index` is the turn's in the record.
    """

    index: int
    kind: str
    start: int
    stop: int


@dataclass(frozen=True)
class EncodedTurns:
    """A conversation as ids.

    Args:
        ids: (L,) int64.
        learnt: (L,) bool: the model is to predict this id. True for an answer's tokens and for its <end>,
            never for a question, a picture, or the <gpt> that begins an answer.
        spans: one a turn, in order.
        pictures: how many pictures it shows, in the order of their <image> ids.
    """

    ids: NDArray[np.int64]
    learnt: NDArray[np.bool_]
    spans: tuple[Span, ...]
    pictures: int


def encode_turns(
    record: Record,
    vocabulary: Vocabulary,
    cells: Sequence[int],
    kinds: Collection[str] = (),
    most: int = 0,
) -> EncodedTurns:
    """Write the record's conversation in ids, each turn apart.

    Args:
        cells: for each picture, in order, how many <image> ids stand for it. Pictures beyond those that the
            text names are shown right after them: further cameras.
        kinds: kinds of answers kept, each with its question; empty for all.
        most: ids allowed; questions from the first on that does not fit are left out. 0 = any number.

    Raises:
        DataError: `bad_record`: fewer pictures than the text names;
            `unsupported`: nothing is left to learn, or the first question alone is too long.
    """
    named = sum(turn["value"].count(PICTURE) for turn in record["conversations"])
    if named > len(cells):
        raise DataError(
            "bad_record", f"{record['id']}: the text names {named} pictures, {len(cells)} are there"
        )
    actions = _actions_of(record)
    ids, learnt, spans = list(vocabulary.first), [False] * len(vocabulary.first), list[Span]()
    for question, answer, kind in _kept(record, kinds):
        asked = [vocabulary.human]
        asked += _question(record, question, vocabulary, () if spans else cells, actions)
        asked.append(vocabulary.end)
        text = record["conversations"][answer]["value"]
        said = [vocabulary.gpt, *vocabulary.encode(text, actions), vocabulary.end]
        if most and len(ids) + len(asked) + len(said) > most:
            break
        middle, stop = len(ids) + len(asked), len(ids) + len(asked) + len(said)
        spans += [Span(question, "", len(ids), middle), Span(answer, kind, middle, stop)]
        ids += asked + said
        learnt += [False] * (len(asked) + 1) + [True] * (len(said) - 1)
    if not spans:
        why = f"does not fit into {most} tokens" if most else "is left"
        raise DataError("unsupported", f"{record['id']}: no question with its answer {why}")
    return EncodedTurns(np.array(ids), np.array(learnt), tuple(spans), len(cells))


def _kept(record: Record, kinds: Collection[str]) -> list[tuple[int, int, str]]:
    """Index of the question, index of the answer, the answer's kind."""
    return [
        (one.index - 1, one.index, one.kind)
        for one in answered_turns(record)
        if one.index and (not kinds or one.kind in kinds)
    ]


def _question(
    record: Record, index: int, vocabulary: Vocabulary, cells: Sequence[int], actions: Sequence[str]
) -> list[int]:
    """Ids of a question that shows the pictures of `cells`; the last <image> stands for all that remain."""
    text = record["conversations"][index]["value"]
    if cells and PICTURE not in text:  # the question that showed them, and said the task, was left out
        text = f"{_head(record)}\n{text}"
    parts = text.split(PICTURE)
    each = len(parts) - 2
    ids = vocabulary.encode(parts[0], actions)
    for number, part in enumerate(parts[1:]):
        shown = cells[number] if number < each else sum(cells[each:])
        ids += [vocabulary.image] * shown + vocabulary.encode(part, actions)
    return ids


def _head(record: Record) -> str:
    """What a conversation begins with, but for its question: the pictures, and the task if there is one."""
    first: str = record["conversations"][0]["value"]
    return first.rpartition("\n")[0] or PICTURE


def _actions_of(record: Record) -> list[str]:
    """Texts that are a robot's action in bins: its own, and those of the steps before."""
    if record["action"]["kind"] != "robot":
        return []
    return [record["action"]["text"], *(step["action_text"] for step in record["history"])]
