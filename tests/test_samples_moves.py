"""The clips to learn from: what moves follows from the instruction or the looks, and from nothing else."""

import csv
import itertools
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from somtom.pipelines import samples_moves
from somtom.pipelines.config import load_config
from somtom.pipelines.samples import DEFAULT_KINDS, write_samples
from somtom.pipelines.samples_moves import FRAMES, camera_of, travelled, write_moves
from somtom.pipelines.samples_moves_plan import (
    DIRECTIONS,
    FAR,
    GRID,
    NEAR,
    PHRASINGS,
    RADII,
    SHADES,
    SIDE,
    Scene,
    Thing,
    far,
    is_held_out,
    scene_of,
)
from somtom.pipelines.samples_moves_stills import END, MARKS, SORTS, STILLS_A_CLIP, still_of
from somtom.pipelines.samples_scene import COLOURS
from somtom.pipelines.train_config import load_train_settings
from somtom.schemas.answers import dequantise
from somtom.schemas.keys import generator_of
from somtom.schemas.pictures import decode_jpeg

CONFIGS = Path(__file__).parents[1] / "configs"
SCENES = [scene_of(index, 0) for index in range(3000)]
# A direction's words, of which an instruction has the ones of one direction.
WORDS = {"left": r"\bleft", "right": r"\bright", "up": r"\bup|\btop", "down": r"\bdown|\bbottom"}


def of_split(split: str) -> list[Scene]:
    return [scene for scene in SCENES if scene.split == split]


def way(thing: Thing) -> str:
    """The direction that a thing goes into."""
    step = int(np.sign(thing.goes_x)), int(np.sign(thing.goes_y))
    return next(name for name, direction in DIRECTIONS.items() if direction == step)


def test_validation_has_looks_layouts_and_words_that_training_never_has() -> None:
    def seen(split: str) -> tuple[set[object], ...]:
        scenes = of_split(split)
        things = [thing for scene in scenes for thing in scene.things]
        forms = {re.sub(r"the \w+ \w+", "#", scene.instruction.lower()) for scene in scenes}
        return (
            {(thing.colour, thing.shape) for thing in things},
            {frozenset(scene.cells) for scene in scenes},
            forms,
        )

    for train, val in zip(seen("train"), seen("val"), strict=True):
        assert train and val
        assert not train & val
    for bottom, top in SHADES["train"]:
        assert all(high < bottom or low > top for low, high in SHADES["val"])


def test_each_colour_shape_and_most_words_of_validation_are_known_from_training() -> None:
    looks = {split: [t for scene in of_split(split) for t in scene.things] for split in ("train", "val")}
    for name in ("colour", "shape"):
        train, val = ({getattr(thing, name) for thing in looks[split]} for split in ("train", "val"))
        assert val == train
    words = {
        split: {word for scene in of_split(split) for word in re.findall(r"\w+", scene.instruction.lower())}
        for split in ("train", "val")
    }
    assert len(words["val"] - words["train"]) <= 5


def test_the_camera_moves_in_half_of_the_clips_of_each_split() -> None:
    for split in ("train", "val"):
        cameras = [scene.camera for scene in of_split(split)]
        assert cameras.count("still") == pytest.approx(len(cameras) / 2, abs=1)
        assert len({*cameras}) == 5


def test_where_a_thing_goes_follows_from_the_cue() -> None:
    for scene in SCENES:
        named, others = scene.things[: scene.named], scene.things[scene.named :]
        assert not any(thing.moves for thing in others)
        assert all(thing.moves == (scene.cue != "rest") for thing in named)
        assert all(thing.colour in scene.instruction for thing in named)
        if scene.cue in ("words", "both"):
            said = [name for name, word in WORDS.items() if re.search(word, scene.instruction)]
            assert [*{way(thing) for thing in named}] == said
        elif scene.cue == "looks":
            assert way(named[0]) == named[0].points
        elif scene.cue == "place":
            assert others[0].colour in scene.instruction
            goal = named[0].x + named[0].goes_x, named[0].y + named[0].goes_y
            assert goal == pytest.approx((others[0].x, others[0].y))
        if scene.cue in ("words", "both", "looks"):
            for thing in named:
                share = (thing.radius - RADII[0]) / (RADII[1] - RADII[0])
                assert abs(thing.goes_x + thing.goes_y) == pytest.approx(FAR + share * (NEAR - FAR))


def too_far_apart(groups: Sequence[Sequence[float]]) -> bool:
    """Whether means differ more than chance lets them (F test, one in about 10,000)."""
    arrays = [np.asarray(group, float) for group in groups]
    total = np.concatenate(arrays)
    between = sum(len(one) * (one.mean() - total.mean()) ** 2 for one in arrays) / (len(arrays) - 1)
    within = sum(((one - one.mean()) ** 2).sum() for one in arrays) / (len(total) - len(arrays))
    return bool(between > 7.5 * within)


def camera_shift(scene: Scene) -> NDArray[np.float64]:
    """Where the camera's motion takes the picture's middle, in pixels."""
    index = int(scene.name.split("/")[1])
    path = camera_of(scene, generator_of(f"0-{index}", "sample move's camera"))
    middle = path[-1] @ np.array([(SIDE - 1) / 2, (SIDE - 1) / 2, 1])
    return np.asarray(middle[:2] / middle[2] - (SIDE - 1) / 2)


def others(scene: Scene, axis: str) -> float:
    """Where the things that are not to go are; the picture's middle where there are none."""
    return float(np.mean([getattr(t, axis) for t in scene.things[scene.named :]] or [(SIDE - 1) / 2]))


TELLTALES: dict[str, Callable[[Scene], float]] = {
    "x": lambda scene: scene.things[0].x,
    "y": lambda scene: scene.things[0].y,
    "size": lambda scene: scene.things[0].radius,
    "shade": lambda scene: scene.things[0].shade,
    "brightness": lambda scene: float(np.mean(COLOURS[scene.things[0].colour])),
    "redness": lambda scene: COLOURS[scene.things[0].colour][0],
    "round": lambda scene: scene.things[0].shape in ("disc", "ring"),
    "number of things": lambda scene: len(scene.things),
    "words": lambda scene: len(scene.instruction.split()),
    "moving camera": lambda scene: scene.camera != "still",
    "camera to the right": lambda scene: float(camera_shift(scene)[0]),
    "camera down": lambda scene: float(camera_shift(scene)[1]),
    "where the others are, x": lambda scene: others(scene, "x"),
    "where the others are, y": lambda scene: others(scene, "y"),
}


@pytest.mark.parametrize("telltale", TELLTALES)
def test_nothing_else_tells_the_direction(telltale: str) -> None:
    scenes = [scene for scene in SCENES if scene.cue in ("words", "looks")]
    groups = [[TELLTALES[telltale](s) for s in scenes if way(s.things[0]) == name] for name in DIRECTIONS]
    assert min(len(group) for group in groups) > 300
    assert not too_far_apart(groups)


def test_the_telltales_would_be_found() -> None:
    scenes = [scene for scene in SCENES if scene.cue == "place"]  # where the others are tells the way here
    groups = [
        [TELLTALES["x"](s) for s in scenes if (s.things[0].goes_x > 0) == right] for right in (True, False)
    ]
    assert too_far_apart(groups)


@pytest.mark.parametrize("name", ["x", "y", "radius", "shade"])
def test_what_is_named_stands_and_looks_like_the_rest(name: str) -> None:
    scenes = [scene for scene in SCENES if scene.cue == "words"]
    named = [getattr(scene.things[0], name) for scene in scenes]
    rest = [getattr(thing, name) for scene in scenes for thing in scene.things[1:]]
    assert not too_far_apart([named, rest])
    assert np.std(named) == pytest.approx(np.std(rest), rel=0.08)


def test_all_forms_of_an_instruction_have_as_many_words_for_each_direction() -> None:
    lengths: dict[str, list[int]] = {name: [] for name in DIRECTIONS}
    for scene in SCENES:
        if scene.cue == "words":
            lengths[way(scene.things[0])].append(len(scene.instruction.split()))
    assert all({*found} == {*lengths["left"]} for found in lengths.values())
    assert all(
        phrasing.count("{a}") == 1 for cue in PHRASINGS.values() for p in cue.values() for phrasing in p
    )


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("moves")
    write_samples(folder, 12, 0, ["moves"])
    return folder


def truth_of(folder: Path) -> list[dict[str, object]]:
    files = [folder / "truth" / "moves" / f"{split}.jsonl" for split in ("train", "val")]
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def test_the_tables_name_every_clip_with_its_instruction(written: Path) -> None:
    truth = {f"{one['name']}.mp4": one for one in truth_of(written)}
    rows = []
    for split in ("train", "val"):
        with (written / "moves" / f"{split}.csv").open(newline="") as file:
            rows += list(csv.DictReader(file))
    assert {row["video"] for row in rows} == {*truth}
    assert all(row["text"] == truth[row["video"]]["instruction"] for row in rows)
    assert [row["video"] for row in rows if row["video"].startswith("val/")] == [
        "val/000005.mp4",
        "val/000011.mp4",
    ]


def test_a_thing_is_drawn_where_the_truth_says(written: Path) -> None:
    near = []
    for one in truth_of(written):
        with av.open(str(written / "moves" / f"{one['name']}.mp4")) as container:
            frames = np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])
        assert frames.shape == (FRAMES, SIDE, SIDE, 3)
        camera = np.array(one["camera_path"]).reshape(FRAMES, 3, 3)
        for thing in one["things"]:
            wanted = np.array(COLOURS[thing["colour"]]) * thing["shade"]
            for frame in (0, FRAMES - 1):
                share = travelled()[frame]
                place = np.array(
                    [thing["x"] + share * thing["goes_x"], thing["y"] + share * thing["goes_y"], 1]
                )
                x, y = (camera[frame] @ place)[:2] / (camera[frame] @ place)[2]
                if not (8 <= x < SIDE - 8 and 8 <= y < SIDE - 8):
                    continue
                patch = frames[frame, int(y) - 3 : int(y) + 4, int(x) - 3 : int(x) + 4].reshape(-1, 3)
                colours = patch / np.maximum(np.linalg.norm(patch, axis=1, keepdims=True), 1)
                near.append(float((colours @ (wanted / np.linalg.norm(wanted))).mean()) > 0.93)
    assert len(near) > 25
    assert np.mean(near) > 0.9  # a thing that moves may lie over another


def test_the_bytes_are_the_same_in_one_process_and_in_several(
    written: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(samples_moves, "CLIPS_A_PROCESS", 3)
    paths = write_moves(tmp_path, 7, 0)
    assert len(paths) == 7 + 2 + len(SORTS) * (7 * STILLS_A_CLIP + 1)
    for path in (path for path in paths if path.suffix in (".mp4", ".jpg")):
        assert path.read_bytes() == (written / path.relative_to(tmp_path)).read_bytes()
    assert "moves" not in DEFAULT_KINDS
    assert scene_of(3, 1) != scene_of(3, 0)


def test_each_stage_of_training_goes_on_from_the_one_before() -> None:
    stages = [
        load_train_settings(CONFIGS / f"{name}.toml") for name in ("nano-digits", "nano-stills", "nano")
    ]
    for before, after in itertools.pairwise(stages):
        assert after.model.start == before.run.out
    assert {(one.model.preset, one.model.image_size) for one in stages} == {("nano", SIDE)}
    built = [load_config(CONFIGS / f"{name}.toml", []).settings.output.path for name in (*SORTS, "train")]
    assert [list(one.data.paths) for one in stages] == [built, built[1:2], built[1:]]


def test_the_configuration_reads_what_is_written() -> None:
    config = load_config(CONFIGS / "train.toml", [])
    assert [source.split for source in config.sources] == ["train", "val"]
    clips = config.settings.clips
    assert clips.steps * clips.step_s == pytest.approx((FRAMES - 1) / samples_moves.FPS, abs=1e-3)


def test_no_pair_is_in_both_splits() -> None:
    for scene in SCENES:
        assert all(is_held_out(t.colour, t.shape) == (scene.split == "val") for t in scene.things)


@pytest.mark.parametrize("sort", SORTS)
def test_stills_are_of_training_scenes_that_no_clip_has(sort: str) -> None:
    stills = [still_of(sort, number, 0).scene for number in range(300)]
    assert {scene.split for scene in stills} == {"train"}
    clips = {thing for scene in SCENES for thing in scene.things}
    assert not clips & {thing for scene in stills for thing in scene.things}


def test_answers_about_a_still_are_right(written: Path) -> None:
    folder = written / "moves" / "stills"
    records = json.loads((folder / "stills.json").read_text())
    assert len(records) == 12 * STILLS_A_CLIP
    kinds = {"where": 0, "which": 0, "points": 0, "ends": 0}
    for number, record in enumerate(records):
        still = still_of("stills", number, 0)
        things = {thing.colour: thing for thing in still.scene.things}
        assert decode_jpeg((folder / record["image"]).read_bytes()).shape == (SIDE, SIDE, 3)
        turns = [turn["value"] for turn in record["conversations"]]
        assert turns[0].startswith("<image>\n") and "<image>" not in "".join(turns[1:])
        for question, answer in zip(turns[::2], turns[1::2], strict=True):
            thing = next(things[name] for name in things if f" {name} " in question)
            if END in question:
                kinds["ends"] += 1
                said = [name for name, word in WORDS.items() if re.search(word, question)]
                (way,) = said or [thing.points]
                goal = np.array([thing.x, thing.y]) + far(thing, way)
                assert np.abs(dequantise(json.loads(answer), SIDE, SIDE) - goal.clip(0, SIDE)).max() < 1
            elif "Which mark" in question:
                kinds["which"] += 1
                (mark,) = (mark for mark in still.marks if (mark.x, mark.y) == (thing.x, thing.y))
                assert answer == f"Mark {mark.id}"
            elif answer.startswith("["):
                kinds["where"] += 1
                x, y = dequantise(json.loads(answer), SIDE, SIDE)
                assert np.hypot(x - thing.x, y - thing.y) < 1
            else:
                kinds["points"] += 1
                assert answer == thing.points
    assert all(kinds.values())


def test_marks_of_stills_are_on_things_or_away_from_them() -> None:
    stills = [still_of("stills", number, 0) for number in range(200)]
    alone = [still.marks for still in stills if len(still.marks) == 1]
    assert {marks[0].id for marks in alone} == {*range(1, MARKS[1] + 1)}
    assert 60 < len(alone) < 140
    for still in stills:
        numbers = [mark.id for mark in still.marks]
        assert len(numbers) == 1 or numbers == [*range(1, len(numbers) + 1)]
        near = [
            min(max(abs(mark.x - t.x), abs(mark.y - t.y)) for t in still.scene.things) for mark in still.marks
        ]
        assert all(one == 0 or one > 2 * SIDE / GRID - 1 for one in near)
        assert near.count(0) == (1 if len(numbers) == 1 else len(still.scene.things))


def test_digits_are_asked_of_one_thing_with_one_mark(written: Path) -> None:
    folder = written / "moves" / "digits"
    records = json.loads((folder / "digits.json").read_text())
    assert len(records) == 12 * STILLS_A_CLIP
    for number, record in enumerate(records):
        still = still_of("digits", number, 0)
        ((thing,), (mark,)) = still.scene.things, still.marks
        question, answer = (turn["value"] for turn in record["conversations"])
        assert thing.colour in question
        assert answer == f"Mark {mark.id}"
        assert (mark.x, mark.y) == (thing.x, thing.y)
    numbers = [still_of("digits", number, 0).marks[0].id for number in range(300)]
    assert {one: numbers.count(one) > 70 for one in range(1, MARKS[1] + 1)} == dict.fromkeys(numbers, True)


def test_the_grid_of_the_build_has_a_point_in_the_middle_of_each_thing() -> None:
    config = load_config(CONFIGS / "train.toml", [])
    assert config.settings.tracking.grid == GRID
    points = (np.arange(GRID) + 0.5) * SIDE / GRID - 0.5
    assert {t.x for scene in SCENES for t in scene.things} <= {*points.tolist()}
