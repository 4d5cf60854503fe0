"""Notes of what a worker has in hand: who is to blame when its process dies."""

from pathlib import Path

import pytest

from somtom.transforms.attempts import Attempts, empty_hand, note_death, progress_of


def test_two_crashes_blame_what_was_in_hand(tmp_path: Path) -> None:
    for expected in (frozenset(), frozenset(), frozenset({"clip"})):
        attempts = Attempts(tmp_path, "shard")
        assert attempts.blamed == expected
        if not expected:
            attempts.take("clip", 3)
            assert note_death(tmp_path, "shard", own_fault=True) == "clip"


def test_a_kill_from_outside_weighs_less_than_a_crash(tmp_path: Path) -> None:
    for _ in range(4):
        Attempts(tmp_path, "shard").take("clip", 0)
        note_death(tmp_path, "shard", own_fault=False)
    assert Attempts(tmp_path, "shard").blamed == frozenset()
    Attempts(tmp_path, "shard").take("clip", 0)
    note_death(tmp_path, "shard", own_fault=False)
    assert Attempts(tmp_path, "shard").blamed == {"clip"}


def test_a_death_blames_nothing_of_an_attempt_before(tmp_path: Path) -> None:
    Attempts(tmp_path, "shard").take("clip", 0)
    assert note_death(tmp_path, "shard", own_fault=True) == "clip"
    for _ in range(5):  # the processes that follow die before they take anything
        assert note_death(tmp_path, "shard", own_fault=True) == ""
    Attempts(tmp_path, "shard").take("clip", 0)
    empty_hand(tmp_path, "shard")  # a new run begins
    assert note_death(tmp_path, "shard", own_fault=True) == ""
    assert Attempts(tmp_path, "shard").blamed == frozenset()


def test_what_is_left_out_already_is_not_blamed_again(tmp_path: Path) -> None:
    for _ in range(2):
        Attempts(tmp_path, "shard").take("clip", 0)
        note_death(tmp_path, "shard", own_fault=True)
    Attempts(tmp_path, "shard").take("clip", 0)
    assert note_death(tmp_path, "shard", own_fault=True) == ""


def test_a_finished_task_has_nothing_in_hand(tmp_path: Path) -> None:
    attempts = Attempts(tmp_path, "shard")
    attempts.take("clip", 0)
    attempts.take("", 1)
    assert note_death(tmp_path, "shard", own_fault=True) == ""


def test_tasks_are_noted_apart(tmp_path: Path) -> None:
    for task in ("a", "b"):
        Attempts(tmp_path, task).take("clip", 2)
        note_death(tmp_path, task, own_fault=True)
    assert Attempts(tmp_path, "a").blamed == Attempts(tmp_path, "b").blamed == frozenset()


def test_the_notes_tell_how_far_a_task_is(tmp_path: Path) -> None:
    assert progress_of(tmp_path, "shard") == 0
    Attempts(tmp_path, "shard").take("clip", 7)
    assert progress_of(tmp_path, "shard") == 7


@pytest.mark.parametrize(
    "content", ["", '{"key": "cl', "[]", '{"key": 3, "done": "x"}', "\x00", '{"done": null}']
)
def test_a_damaged_note_is_no_note(tmp_path: Path, content: str) -> None:
    for name in ("shard.hand.json", "shard.deaths.json"):
        (tmp_path / name).write_text(content)
    assert progress_of(tmp_path, "shard") == 0
    assert Attempts(tmp_path, "shard").blamed == frozenset()


def test_without_a_folder_nothing_is_noted() -> None:
    attempts = Attempts(None, "shard")
    attempts.take("clip", 0)
    assert attempts.blamed == frozenset()
