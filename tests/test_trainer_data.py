from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from trainer_inputs import nano, record_of, small_vocabulary

from somtom.schemas.reasons import DataError
from somtom.trainer.batch import IGNORED
from somtom.trainer.collate import Example, make_batches
from somtom.trainer.data import Position, Step, Steps
from somtom.trainer.letterbox import View, show_picture
from somtom.trainer.order import epoch_order, pack_lengths
from somtom.trainer.samples import Samples
from somtom.trainer.settings import DataSettings
from somtom.trainer.turns import encode_turns

VOCABULARY = small_vocabulary()
VIEW = View(64, 16)
COUNTS = st.lists(st.integers(0, 6), min_size=1, max_size=6)


@given(COUNTS, st.integers(0, 3), st.integers(1, 4))
def test_an_epoch_draws_each_sample_once(counts: list[int], epoch: int, window: int) -> None:
    total = sum(counts)
    order = epoch_order(np.array(counts), np.ones(total), 0, epoch, window)
    assert sorted(order) == list(range(total))


def test_an_epoch_has_an_order_of_its_own_and_the_same_one_again() -> None:
    orders = [
        epoch_order(np.array([50, 50]), np.ones(100), seed, epoch, 2)
        for seed, epoch in [(0, 0), (0, 1), (1, 0)]
    ]
    assert not any(np.array_equal(orders[0], other) for other in orders[1:])
    assert np.array_equal(orders[0], epoch_order(np.array([50, 50]), np.ones(100), 0, 0, 2))


def test_only_so_many_shards_are_mixed() -> None:
    order = epoch_order(np.array([5, 5, 5, 5]), np.ones(20), 0, 0, 2)
    assert [len({number // 5 for number in half}) for half in (order[:10], order[10:])] == [2, 2]


def test_weights_say_how_often_a_sample_is_drawn() -> None:
    weights = np.repeat([2.0, 0.0, 0.5], 400)
    times = np.bincount(epoch_order(np.array([1200]), weights, 0, 0, 1), minlength=1200)
    assert (times[:400] == 2).all() and not times[400:800].any()
    assert set(times[800:]) == {0, 1} and 150 < times[800:].sum() < 250


@given(st.lists(st.integers(1, 30), max_size=20), st.integers(10, 30))
def test_packing_keeps_each_thing_once_within_its_row(lengths: list[int], most: int) -> None:
    rows = pack_lengths(np.array(lengths, np.int64), most)
    assert sorted(number for row in rows for number in row) == list(range(len(lengths)))
    assert all(sum(lengths[number] for number in row) <= most or len(row) == 1 for row in rows)


@given(st.integers(1, 300), st.integers(1, 300))
def test_places_of_cells_stay_those_of_the_picture(width: int, height: int) -> None:
    shown = show_picture(np.zeros((height, width, 3), np.uint8), VIEW)
    columns, rows = len(np.unique(shown.places[:, 0])), len(np.unique(shown.places[:, 1]))

    assert len(shown.cells) == len(shown.places) == columns * rows
    assert shown.pixels.shape == (3, 64, 64)
    # Cells next to each other differ by their share of the scaled picture, and cover all of it.
    for count, side, axis in ((columns, width, 0), (rows, height, 1)):
        scaled = max(1, round(side * 64 / max(width, height)))
        assert np.allclose(
            np.unique(shown.places[:, axis]), (np.arange(count) + 0.5) * 16 / scaled, atol=1e-6
        )
        assert abs(count * 16 - scaled) <= 16


def test_a_cell_looks_at_the_part_of_the_picture_that_its_place_names() -> None:
    picture = np.zeros((48, 96, 3), np.uint8)
    picture[24:36, 60:72] = 255  # around (0.6875, 0.625) of the picture
    shown = show_picture(picture, VIEW)
    means = shown.pixels[0].reshape(4, 16, 4, 16).mean(axis=(1, 3)).ravel()[shown.cells]

    assert np.abs(shown.places[means.argmax()] - (0.6875, 0.625)).max() < 0.13
    assert len(shown.cells) == 8


def example(key: str, answer: str, size: tuple[int, int]) -> Example:
    shown = show_picture(np.full((*size, 3), len(answer) * 8, np.uint8), VIEW)
    turns = encode_turns(record_of(["<image>\nWhat?", answer], task="vl"), VOCABULARY, [len(shown.cells)])
    return Example(key, turns, (shown,))


EXAMPLES = [
    example("a", "Mark 1 at [5,6]", (48, 64)),
    example("b", "a longer answer, of many words", (64, 64)),
    example("c", "no", (20, 64)),
    example("d", "click : Mark 2 at [5,6]", (64, 30)),
    example("e", "perhaps", (30, 30)),
]


def losses(parts: int, row_tokens: int = 0) -> tuple[float, list[torch.Tensor]]:
    model = nano(VOCABULARY)
    total = 0.0
    for batch in make_batches(EXAMPLES, VOCABULARY, VIEW, parts, row_tokens):
        loss = model(batch)
        loss.backward()
        total += float(loss.detach())
    return total, [weight.grad for weight in model.parameters() if weight.requires_grad]


@pytest.mark.parametrize(("parts", "row_tokens"), [(2, 0), (5, 0), (8, 0), (1, 200), (2, 90)])
def test_packed_rows_and_micro_batches_give_the_loss_and_gradient_of_the_whole(
    parts: int, row_tokens: int
) -> None:
    total, gradients = losses(1)
    others, other_gradients = losses(parts, row_tokens)

    assert others == pytest.approx(total, rel=1e-5)
    largest = max(float(one.abs().max()) for one in gradients)
    for one, other in zip(gradients, other_gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-5 * largest)


def test_packing_needs_fewer_rows_and_labels_follow_their_ids() -> None:
    (packed,) = make_batches(EXAMPLES, VOCABULARY, VIEW, 1, 90)
    (plain,) = make_batches(EXAMPLES, VOCABULARY, VIEW, 1)

    assert len(packed.ids) < len(plain.ids) == 5
    assert packed.learnt == plain.learnt == sum(int(one.turns.learnt.sum()) for one in EXAMPLES)
    assert set(packed.keys) == set("abcde")
    learnt = [sorted(batch.labels[batch.labels != IGNORED].tolist()) for batch in (packed, plain)]
    assert learnt[0] == learnt[1]


NO_WORKERS, BEGINNING = DataSettings(workers=0), Position()


def make_steps(folder: Path, settings: DataSettings = NO_WORKERS, **how: int) -> Steps:
    samples = Samples([folder, folder], "train")
    numbers = {"batch": 3, "parts": 1, **how}
    return Steps(samples, VOCABULARY, VIEW, settings, 0, **numbers)


def take(steps: Steps, count: int, start: Position = BEGINNING) -> list[Step]:
    loaded = steps.load(start)
    return [next(loaded) for _ in range(count)]


def keys_of(step: Step) -> list[str]:
    return sorted(key for batch in step.batches for key in batch.keys)


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("ranks", [1, 2, 7])
def test_every_sample_is_learnt_once_an_epoch_by_any_ranks_and_workers(
    small_dataset: Path, workers: int, ranks: int
) -> None:
    settings = DataSettings(workers=workers)
    alone = make_steps(small_dataset)
    number = -(-len(alone.samples) // 3)
    found = Counter[str]()
    for rank in range(ranks):
        taken = take(make_steps(small_dataset, settings, rank=rank, ranks=ranks), number)
        assert [step.position for step in taken] == [Position(0, n) for n in range(number)]
        assert taken[-1].after == Position(1, 0)
        found.update(key for step in taken for key in keys_of(step))
    expected = Counter(alone.samples.read(n).key for n in range(len(alone.samples)))
    assert found == expected


def test_going_on_anywhere_gives_the_steps_that_would_have_come(small_dataset: Path) -> None:
    steps = make_steps(small_dataset)
    whole = take(steps, 6)
    for number in range(1, 6):
        rest = take(replace(steps, settings=DataSettings(workers=1)), 6 - number, whole[number - 1].after)
        for one, other in zip(rest, whole[number:], strict=True):
            assert one.position == other.position
            assert torch.equal(one.batches[0].ids, other.batches[0].ids)
            assert torch.equal(one.batches[0].pixels, other.batches[0].pixels)


def test_samples_with_nothing_to_learn_are_counted(small_dataset: Path) -> None:
    step = take(make_steps(small_dataset, DataSettings(workers=0, answers=("robot",))), 1)[0]
    assert (step.samples, step.skipped, step.batches[0].learnt) == (0, 3, 0)


def test_a_data_set_that_is_not_whole_is_named(small_dataset: Path) -> None:
    with pytest.raises(DataError, match="is no data set"):
        Samples([small_dataset / "shards"], "train")
    shard = next((small_dataset / "shards").glob("train-*.tar"))
    steps = make_steps(small_dataset, DataSettings(workers=1))
    data = bytearray(shard.read_bytes())
    data[600:700] = bytes(100)
    shard.write_bytes(data)
    with pytest.raises(DataError, match=shard.name):
        take(steps, 2)
    shard.unlink()
    with pytest.raises(DataError, match="the shard is not there"):
        Samples([small_dataset], "train")
