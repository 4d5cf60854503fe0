"""Held-out evaluation: the truth scores perfectly, what is known by heart does too, and rubbish does not."""

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from trainer_inputs import nano

from somtom.schemas.action_stats import read_action_stats
from somtom.schemas.reader import list_shards
from somtom.schemas.sample import Sample
from somtom.trainer.answer_kinds import MARKS, ROBOT, TARGET, TEXT, TRACES, answered_turns
from somtom.trainer.collate import make_batches, make_example
from somtom.trainer.evaluate import Evaluation, HeldOut, evaluate
from somtom.trainer.judge import judge
from somtom.trainer.letterbox import View
from somtom.trainer.metrics import FLOOR, METRICS, Score, Scores
from somtom.trainer.model import Magma
from somtom.trainer.samples import Samples
from somtom.trainer.settings import DataSettings
from somtom.trainer.speaker import Speaker, speaking
from somtom.trainer.tokens import Vocabulary, train_vocabulary
from somtom.trainer.velocity import history_steps

SETTINGS = DataSettings()
VIEW = View(64, 16)


def every_sample(folder: Path) -> list[Sample]:
    return [
        sample
        for split in ("train", "val")
        if list_shards(folder, split)
        for sample in HeldOut.of([folder], split).some(0)
    ]


def vocabulary_of(samples: list[Sample]) -> Vocabulary:
    return train_vocabulary(
        (turn["value"] for sample in samples for turn in sample.record["conversations"]), 400, 40
    )


def scores_of(folder: Path, says_the_truth: bool) -> dict[str, Score]:
    scores, stats = Scores(), read_action_stats(folder)
    for sample in every_sample(folder):
        steps_px = history_steps(sample)
        for turn in answered_turns(sample.record):
            answer = judge(sample, turn, turn.text if says_the_truth else "", stats, steps_px)
            scores.add(sample.record["source"]["group"], answer.measures)
    return {one.metric: one for one in scores.scores()}


def test_the_truth_of_built_shards_scores_perfectly(mixed_dataset: Path) -> None:
    kinds = {turn.kind for sample in every_sample(mixed_dataset) for turn in answered_turns(sample.record)}
    assert kinds == {MARKS, TRACES, TARGET, ROBOT, TEXT}
    scores = scores_of(mixed_dataset, says_the_truth=True)
    assert {"ade_history", "action_bins", "mark_accuracy", "moving_f1", "text_exact"} <= scores.keys()
    for name, score in scores.items():
        floors = [one.value for one in score.baselines if one.name == FLOOR]
        perfect = float(name in METRICS and METRICS[name].more_is_better)
        assert score.value == pytest.approx(floors[0] if floors else perfect, abs=1e-9), name
        assert all(one.beaten in ("yes", "unsure", "") for one in score.baselines), name


def test_saying_nothing_scores_as_the_trivial_answers_do(mixed_dataset: Path) -> None:
    scores = scores_of(mixed_dataset, says_the_truth=False)
    for name, trivial in (("ade", "no motion"), ("location_px", "middle"), ("action_l1", "mean action")):
        assert scores[name].value == pytest.approx({o.name: o.value for o in scores[name].baselines}[trivial])
    for name in ("mark_accuracy", "click_accuracy", "moving_f1", "location_near"):
        assert scores[name].value == 0
    assert scores["traces_missing"].value == 1
    assert "yes" not in {one.beaten for score in scores.values() for one in score.baselines}


@pytest.fixture(scope="module")
def learnt(_drawn_dataset: Path) -> tuple[Magma, Vocabulary]:
    """A model that knows the drawn data set's two held-out samples by heart."""
    torch.set_num_threads(1)
    samples = list(HeldOut.of([_drawn_dataset], "val").some(0))
    vocabulary = vocabulary_of(samples)
    model = nano(vocabulary)
    examples = [make_example(sample, vocabulary, VIEW, SETTINGS) for sample in samples]
    (batch,) = make_batches(examples, vocabulary, VIEW, 1)
    optimiser = torch.optim.AdamW(model.parameters(), lr=2e-3)
    for _ in range(150):
        loss = model(batch) / batch.learnt
        if loss.item() < 0.01:
            break
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert loss.item() < 0.01
    return model, vocabulary


def test_what_is_known_by_heart_scores_perfectly(
    learnt: tuple[Magma, Vocabulary], _drawn_dataset: Path
) -> None:
    model, vocabulary = learnt
    before = torch.get_rng_state()
    found = evaluate(model, vocabulary, SETTINGS, HeldOut.of([_drawn_dataset], "val"), show=1)
    assert model.training and (torch.get_rng_state() == before).all()
    assert (found.samples, found.unasked, found.asked, found.unread) == (2, 0, {MARKS: 2, TRACES: 2}, {})
    perfect = {"location_px": 0, "location_near": 1, "moving_f1": 1, "ade": 0, "fde": 0, "traces_missing": 0}
    for name, value in perfect.items():
        assert found.value(name) == pytest.approx(value, abs=1e-9), name
    assert 0 < found.value("loss") < 0.02
    assert [answer.turn.kind for _, answer in found.shown] == [MARKS, TRACES]
    assert all(answer.text == answer.turn.text for _, answer in found.shown)


def test_an_evaluation_is_plain_json(learnt: tuple[Magma, Vocabulary], _drawn_dataset: Path) -> None:
    found = evaluate(*learnt, SETTINGS, HeldOut.of([_drawn_dataset], "val"), limit=1, show=1)
    tree = json.loads(json.dumps(found.as_dict(), allow_nan=False))
    assert tree["samples"] == 1 and "shown" not in tree
    assert {one["metric"] for one in tree["scores"]} == {one.metric for one in found.scores}
    assert math.isnan(found.value("mark_accuracy"))


def told(found: Evaluation) -> list[str]:
    return [answer.text for _, answer in found.shown]


def test_what_is_said_does_not_depend_on_how_many_are_asked_together(mixed_dataset: Path) -> None:
    held_out = HeldOut.of([mixed_dataset], "train")
    vocabulary = vocabulary_of(list(held_out.some(0)))
    model = nano(vocabulary, seed=3)
    first, again = (
        evaluate(model, vocabulary, SETTINGS, held_out, limit=3, at_once=at_once, show=3)
        for at_once in (1, 3)
    )
    assert told(first) == told(again) and len(told(first)) > 4
    assert first.asked == again.asked and first.unread == again.unread
    for one, other in zip(first.scores, again.scores, strict=True):
        assert one.value == pytest.approx(other.value, rel=1e-4), one.metric


def test_only_what_the_model_learns_is_asked(mixed_dataset: Path) -> None:
    held_out = HeldOut.of([mixed_dataset], "train")
    vocabulary = vocabulary_of(list(held_out.some(0)))
    settings = replace(SETTINGS, answers=("target",))
    found = evaluate(nano(vocabulary), vocabulary, settings, held_out)
    tasks = [sample.record["task"] for sample in held_out.some(0)]
    assert set(found.asked) == {TARGET} and found.unasked >= len(tasks) - tasks.count("ui") > 0
    assert found.asked[TARGET] == found.samples - found.unasked


def test_losses_are_those_of_training(mixed_dataset: Path) -> None:
    samples = list(HeldOut.of([mixed_dataset], "train").some(6))
    vocabulary = vocabulary_of(samples)
    model = nano(vocabulary)
    speaker = Speaker(model, vocabulary, SETTINGS)
    with speaking(model):
        heard = speaker.read([make_example(sample, vocabulary, VIEW, SETTINGS) for sample in samples])
        losses = [loss for of_sample in speaker.losses(heard) for loss in of_sample]
        (batch,) = make_batches([one.example for one in heard], vocabulary, VIEW, 1)
        with torch.no_grad():
            wanted = float(model(batch))
    assert sum(nats for nats, _ in losses) == pytest.approx(wanted, rel=1e-4)
    assert sum(tokens for _, tokens in losses) == batch.learnt


def test_samples_are_taken_evenly(mixed_dataset: Path) -> None:
    held_out = HeldOut.of([mixed_dataset], "train")
    every = [sample.key for sample in held_out.some(0)]
    half = [sample.key for sample in held_out.some(len(every) // 2)]
    assert len(every) == len(Samples([mixed_dataset], "train")) == len(set(every))
    assert half == every[:: len(every) // (len(every) // 2)][: len(half)]
    assert [sample.key for sample in held_out.some(10**6)] == every
