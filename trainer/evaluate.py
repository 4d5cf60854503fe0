"""Held-out evaluation: each question is asked after the true earlier answers, what is said is measured."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from somtom.schemas.action_stats import ActionStats, read_action_stats
from somtom.schemas.sample import Sample
from somtom.trainer.answer_kinds import answered_turns
from somtom.trainer.judge import Answer, judge
from somtom.trainer.measures import Measure
from somtom.trainer.metrics import Score, Scores
from somtom.trainer.model import Magma
from somtom.trainer.samples import Samples
from somtom.trainer.settings import DataSettings
from somtom.trainer.speaker import Heard, Speaker, speaking
from somtom.trainer.tokens import Vocabulary
from somtom.trainer.velocity import history_steps

# Ids that an answer may have: twice the true one's and some. What goes on is cut off, and seldom readable.
_TIMES, _MORE = 2, 16


@dataclass(frozen=True)
class HeldOut:
    """What a model is evaluated on: a split of some data sets, and the statistics of their actions."""

    samples: Samples
    stats: Mapping[str, ActionStats]

    @classmethod
    def of(cls, folders: Iterable[str | Path], split: str) -> "HeldOut":
        """Read the indices and statistics of data sets.

        Raises:
            DataError: `unreadable`: a folder is no finished data set, or lacks the split.
        """
        paths = [Path(folder) for folder in folders]
        stats = {name: one for path in paths for name, one in read_action_stats(path).items()}
        return cls(Samples(paths, split), stats)

    def some(self, limit: int) -> Iterator[Sample]:
        """Read `limit` samples, taken evenly from all; 0 = every one."""
        every = len(self.samples)
        count = min(limit, every) if limit else every
        for number in range(count):
            yield self.samples.read(number * every // count)


@dataclass(frozen=True)
class Evaluation:
    """What a model does on held-out samples.

    Args:
        samples: that were looked at.
        asked, unread: for each kind of answer, how many were asked for, and how many of what was said could
            not be read. These are part of the scores all the same (`measures` says how).
        unasked: samples without a question of the kinds that the model learns.
        scores: in the order of `metrics.METRICS`.
        shown: the first samples' answers, for pictures.
    """

    samples: int
    asked: Mapping[str, int]
    unread: Mapping[str, int]
    unasked: int
    scores: tuple[Score, ...]
    shown: tuple[tuple[Sample, Answer], ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The plain tree that is written as JSON, without the samples."""
        tree = asdict(replace(self, shown=()))
        del tree["shown"]
        return tree

    def value(self, metric: str) -> float:
        """One metric's value; NaN where it was not measured."""
        return next((one.value for one in self.scores if one.metric == metric), math.nan)


def evaluate(
    model: Magma,
    vocabulary: Vocabulary,
    settings: DataSettings,
    held_out: HeldOut,
    limit: int = 0,
    at_once: int = 16,
    show: int = 0,
) -> Evaluation:
    """Ask the model, as it is, every question that it learns to answer, and measure what it says.

    Nothing random is drawn, and the model's mode is as before in the end.

    Args:
        settings: those that it learns with, which say what it is shown and asked.
        limit: samples, taken evenly from all; 0 = every one.
        at_once: samples read and answered together.
        show: samples whose answers are kept for pictures.
    """
    speaker = Speaker(model, vocabulary, settings)
    scores, asked, unread = Scores(), Counter[str](), Counter[str]()
    shown: list[tuple[Sample, Answer]] = []
    looked_at = unasked = 0
    samples = held_out.some(limit)
    with speaking(model):
        while some := list(islice(samples, at_once)):
            examples = [(sample, speaker.example(sample)) for sample in some]
            asks = [(sample, example) for sample, example in examples if example is not None]
            looked_at, unasked = looked_at + len(some), unasked + len(some) - len(asks)
            if not asks:
                continue
            heard = speaker.read([example for _, example in asks])
            said = speaker.answer(heard, [_most(one) for one in heard])
            for (sample, _), one, texts, nats in zip(asks, heard, said, speaker.losses(heard), strict=True):
                answers = _judged(sample, one, texts, held_out.stats)
                asked.update(answer.turn.kind for answer in answers)
                unread.update(answer.turn.kind for answer in answers if answer.said is None)
                measures = [measure for answer in answers for measure in answer.measures]
                for span, (total, tokens) in zip(one.answers, nats, strict=True):
                    uniform = {"uniform": tokens * math.log(vocabulary.size)}
                    for name in ("loss", f"loss_{span.kind}"):
                        measures.append(Measure(name, total, tokens, uniform))
                source = sample.record["source"]
                scores.add(f"{source['dataset']}/{source['group']}", measures)
                if show > 0:
                    shown += [(sample, answer) for answer in answers]
                    show -= 1
    return Evaluation(looked_at, dict(asked), dict(unread), unasked, tuple(scores.scores()), tuple(shown))


def _most(heard: Heard) -> list[int]:
    return [_TIMES * (span.stop - span.start) + _MORE for span in heard.answers]


def _judged(sample: Sample, heard: Heard, texts: list[str], stats: Mapping[str, ActionStats]) -> list[Answer]:
    steps_px = history_steps(sample)
    turns = {turn.index: turn for turn in answered_turns(sample.record)}
    return [
        judge(sample, turns[span.index], text, stats, steps_px)
        for span, text in zip(heard.answers, texts, strict=True)
    ]
