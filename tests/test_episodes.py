"""What every source of robot episodes does, on episodes that are drawn in memory."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from somtom.schemas.clips import Clip
from somtom.schemas.reasons import DataError
from somtom.schemas.refs import Item, Scan
from somtom.schemas.settings import ClipSettings, ShotSettings
from somtom.schemas.sketch import ActionSketch
from somtom.sources.episodes import Episode, EpisodeSource, StepPicture

STEP_S = 0.1
CLIPS = ClipSettings(steps=2, step_s=0.1, cameras=1, history=1, history_step_s=0.2, action_chunk=3)


class DrawnEpisode(Episode):
    """Pictures of 40 x 40 pixels whose red is the step and whose green is the camera."""

    def __init__(self, says: dict[str, Any]) -> None:
        steps = says.get("steps", 12)
        self.says = says
        self.times_s = np.array(says.get("times", np.arange(steps) * STEP_S), np.float64)
        self.actions = np.array(says.get("actions", [[step, -step] for step in range(steps)]), np.float64)
        self.action_names = tuple(says.get("names", ("a", "b")))
        self.states = np.array(says.get("states", [[step] for step in range(steps)]), np.float64)
        self.state_names = tuple(says.get("state_names", ("s",)))
        self.instruction = "push"
        self.fingerprint = says.get("fingerprint", "f" * 32)
        self.group = "all"
        self.cameras = tuple(says.get("cameras", ("one", "two", "three")))
        self.warning = says.get("warning", "")
        self.decoded: list[tuple[str, int]] = says.setdefault("decoded", [])

    def instruction_at(self, step: int) -> str:
        return self.instruction if step < 6 else "pull"

    def pictures(
        self, camera: str, steps: Sequence[int], clips: ClipSettings
    ) -> Iterator[StepPicture | DataError]:
        assert list(steps) == sorted(set(steps))
        for step in steps:
            self.decoded.append((camera, step))
            if step in self.says.get("ends", ()):
                raise DataError("unreadable", "the rest is cut off")
            if step in self.says.get("damaged", ()):
                yield DataError("corrupt_frame", f"step {step} is damaged")
                continue
            side = 48 if step in self.says.get("large", ()) else 40
            picture = np.zeros((side, side, 3), np.uint8)
            picture[..., 0], picture[..., 1] = step, self.cameras.index(camera)
            yield picture, (2 * side, 2 * side)


@dataclass(frozen=True)
class DrawnSource(EpisodeSource):
    """One episode, which is what its payload says."""

    kind: ClassVar[str] = "drawn"

    def items(self, index: int) -> Iterator[Item]:
        yield Item(index, "only", "/somewhere", "{}")

    def open(self, uri: str, locator: str, payload: str) -> DrawnEpisode:
        return DrawnEpisode(json.loads(payload))


def scan(clips: ClipSettings = CLIPS, run_length: int = 32, **says: Any) -> Scan:
    item = Item(0, "only", "/somewhere", json.dumps(says))
    return DrawnSource("toys", licence="CC0-1.0", weight=2.0).scan(item, ShotSettings(), clips, run_length)


def read(found: Scan, clips: ClipSettings = CLIPS) -> list[Clip | DataError]:
    results = list(DrawnSource("toys").read(found.refs, clips))
    assert [ref for ref, _ in results] == list(found.refs)
    return [clip for _, clip in results]


def test_clips_are_laid_over_the_steps_with_all_that_belongs_to_them() -> None:
    found = scan(warning="odd")

    assert [ref.frames for ref in found.refs] == [(0, 1, 2), (1, 3, 4, 5), (4, 6, 7, 8), (7, 9, 10, 11)]
    assert [ref.history for ref in found.refs] == [0, 1, 1, 1]
    assert [ref.instruction for ref in found.refs] == ["push", "push", "pull", "pull"]
    assert {(ref.camera, ref.group, ref.weight, ref.licence) for ref in found.refs} == {
        ("one", "toys/all", 2.0, "CC0-1.0")
    }
    assert len({ref.key for ref in found.refs}) == 4
    assert (found.facts.frames, found.facts.warning) == (12, "odd")
    assert (found.facts.duration_s, found.facts.fps) == (pytest.approx(1.2), pytest.approx(10.0))


def test_a_clip_holds_its_pictures_actions_state_history_and_other_cameras() -> None:
    clips = read(scan())

    third = clips[2]
    assert isinstance(third, Clip)
    assert third.frames[:, 0, 0].tolist() == [[6, 0, 0], [7, 0, 0], [8, 0, 0]]
    assert [one[0, 0].tolist() for one in third.history] == [[4, 0, 0]]
    assert [one[0, 0].tolist() for one in third.cameras] == [[6, 1, 0]]
    assert (third.source_width, third.source_height) == (80, 80)
    robot = third.annotation.robot
    assert robot is not None
    assert robot.actions.tolist() == [[6, -6], [7, -7], [8, -8]]
    assert (robot.state.tolist(), robot.jumps.tolist(), robot.frozen) == ([6], [1, 1], 0.0)
    (past,) = third.annotation.past
    assert (past.t_s, past.action, past.known) == (pytest.approx(-0.2), (4, -4), True)
    last = clips[3]
    assert isinstance(last, Clip) and last.annotation.robot is not None
    assert len(last.annotation.robot.actions) == 3


def test_an_action_chunk_is_cut_off_where_the_episode_ends() -> None:
    settings = ClipSettings(steps=2, step_s=0.1, action_chunk=50)

    sizes = [
        len(clip.annotation.robot.actions)
        for clip in read(scan(settings), settings)
        if isinstance(clip, Clip) and clip.annotation.robot is not None
    ]

    assert sizes == [12, 9, 6, 3]


@given(
    steps=st.integers(3, 40),
    overlap=st.sampled_from([0.0, 0.5]),
    history=st.integers(0, 3),
    run_length=st.integers(1, 5),
)
def test_each_camera_decodes_each_step_once_in_a_run_and_clips_do_not_depend_on_runs(
    steps: int, overlap: float, history: int, run_length: int
) -> None:
    settings = ClipSettings(
        steps=2, step_s=0.1, overlap=overlap, history=history, history_step_s=0.3, cameras=2
    )
    payload = json.dumps({"steps": steps})
    opened: list[DrawnEpisode] = []

    class Watched(DrawnSource):
        def open(self, uri: str, locator: str, payload: str) -> DrawnEpisode:
            opened.append(DrawnEpisode(json.loads(payload)))
            return opened[-1]

    refs = Watched("toys").scan(Item(0, "only", "", payload), ShotSettings(), settings, run_length).refs
    for run in range(refs[-1].run + 1):
        opened.clear()
        some = [ref for ref in refs if ref.run == run]
        for ref, clip in Watched("toys").read(some, settings):
            assert isinstance(clip, Clip)
            assert clip.frames[:, 0, 0, 0].tolist() == list(ref.frames[ref.history :])
            assert [one[0, 0, 0] for one in clip.history] == list(ref.frames[: ref.history])
            assert [one[0, 0].tolist() for one in clip.cameras] == [
                [ref.frames[ref.history], camera, 0] for camera in (1, 2)
            ]
        decoded = opened[0].decoded
        assert len(decoded) == len(set(decoded))
        assert {step for camera, step in decoded if camera == "one"} == {
            step for ref in some for step in ref.frames
        }


def test_a_damaged_picture_fails_only_the_clips_that_need_it() -> None:
    reasons = [one.reason if isinstance(one, DataError) else "" for one in read(scan(damaged=[4]))]

    assert reasons == ["", "corrupt_frame", "corrupt_frame", ""]  # the third has it as history


def test_where_nothing_more_can_be_read_the_clips_before_are_whole() -> None:
    reasons = [one.reason if isinstance(one, DataError) else "" for one in read(scan(ends=[7]))]

    assert reasons == ["", "", "unreadable", "unreadable"]


def test_a_picture_of_another_size_fails_its_clip() -> None:
    reasons = [one.reason if isinstance(one, DataError) else "" for one in read(scan(large=[10]))]

    assert reasons == ["", "", "", "corrupt_frame"]


@pytest.mark.parametrize(
    ("says", "reason"),
    [
        ({"times": []}, "bad_record"),
        ({"times": [0.0] * 12}, "bad_timestamps"),
        ({"times": [*range(11), float("nan")]}, "bad_timestamps"),
        ({"actions": [[1.0, 2.0]] * 10}, "bad_action"),
        ({"actions": [[1.0]] * 12}, "bad_action"),
        ({"names": [], "actions": [[]] * 12}, "bad_action"),
        ({"states": [[1.0, 2.0]] * 12}, "bad_record"),
        ({"cameras": []}, "missing_camera"),
        ({"steps": 2}, "too_short"),
        ({"times": [step // 2 + step % 2 / 10 for step in range(12)]}, "frame_gap"),
    ],
)
def test_an_episode_that_contradicts_itself_is_one_reject(says: dict[str, Any], reason: str) -> None:
    found = scan(**says)

    assert found.reject is not None
    assert (found.reject.reason, found.refs, found.actions) == (reason, (), None)


def test_actions_that_are_not_finite_are_counted_and_fail_the_clips_that_need_them() -> None:
    actions = [[float(step), 0.0] for step in range(12)]
    actions[1][0] = float("nan")
    actions[8][1] = float("inf")
    found = scan(actions=actions)

    reasons = [one.reason if isinstance(one, DataError) else "" for one in read(found)]

    assert reasons == ["bad_action", "", "bad_action", ""]
    assert found.actions is not None
    assert (found.actions.rows, found.actions.bad_rows) == (10, 2)
    second = read(found)[1]
    assert isinstance(second, Clip)
    assert [step.action for step in second.annotation.past] == [()]


def test_how_still_and_how_jumpy_the_actions_are_is_measured() -> None:
    actions = [[0.0, 0.0], [0.0, 0.0], [0.0, 5.0], *[[1.0, 1.0]] * 9]

    first, second, *_ = read(scan(actions=actions))

    assert isinstance(first, Clip) and first.annotation.robot is not None
    assert first.annotation.robot.jumps.tolist() == [0, 5]
    assert first.annotation.robot.frozen == 0.5
    assert isinstance(second, Clip) and second.annotation.robot is not None
    assert second.annotation.robot.frozen == 1.0


def test_an_episode_that_changed_or_shrank_since_it_was_planned_is_refused() -> None:
    refs = scan().refs

    for says in ({"fingerprint": "0" * 32}, {"steps": 5}):
        changed = [type(ref)(**{**vars(ref), "payload": json.dumps(says)}) for ref in refs]
        results = [clip for _, clip in DrawnSource("toys").read(changed, CLIPS)]
        reasons = [one.reason if isinstance(one, DataError) else "" for one in results]
        assert reasons[2:] == ["changed_input"] * 2
    assert list(DrawnSource("toys").read([], CLIPS)) == []


def test_the_sum_of_the_actions_is_that_of_all_steps() -> None:
    expected = ActionSketch(2)
    expected.add([[step, -step] for step in range(12)])

    found = scan()

    assert found.actions is not None
    assert found.actions.to_json() == expected.to_json()
    assert found.action_names == ("a", "b")
