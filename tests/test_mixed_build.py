"""One data set from videos, a robot, screenshots and image-text pairs, with history and a further camera."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from builds import THREADS, build, contents, faults
from drawn_videos import draw_videos
from lerobot_folders import write_v21
from PIL import Image, ImageDraw

from somtom.pipelines.config import BuildConfig, parse_config
from somtom.pipelines.explain import explain_lines
from somtom.pipelines.output import OutputError
from somtom.pipelines.relabel import relabel_data_set
from somtom.pipelines.runners import RunOptions
from somtom.schemas.action_stats import read_action_stats
from somtom.schemas.books import LABEL
from somtom.schemas.meta_tables import read_counts, read_samples
from somtom.schemas.pictures import decode_jpeg
from somtom.schemas.sample import Sample, load_sample
from somtom.schemas.tar import read_shard

BUTTONS = {"Save": (20, 20, 120, 60), "Open": (150, 20, 250, 60), "Help": (20, 150, 120, 190)}


def draw_screen(path: Path, pressed: str = "") -> None:
    image = Image.new("RGB", (300, 220), "white")
    draw = ImageDraw.Draw(image)
    for name, box in BUTTONS.items():
        draw.rectangle(box, fill="navy" if name == pressed else "lightgrey", outline="black")
        draw.text((box[0] + 8, box[1] + 12), name, fill="black")
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("inputs")
    draw_videos(root / "videos", 2)
    write_v21(root / "robot", {0: 24, 1: 30})
    elements = [{"box": list(box), "text": name, "role": "button"} for name, box in BUTTONS.items()]
    records = []
    for step, name in enumerate(BUTTONS):
        draw_screen(root / "screens" / f"{step}.png", name)
        records.append(
            {
                "image": f"{step}.png",
                "instruction": f"press {name}",
                "elements": elements,
                "target": step,
                "action": {"kind": "click"},
                "episode": "e",
                "step": step,
            }
        )
    (root / "screens" / "records.jsonl").write_text("\n".join(map(json.dumps, records)))
    draw_screen(root / "pairs" / "a.png")
    turns = [{"from": "human", "value": "What is this?\n<image>"}, {"from": "gpt", "value": "Three buttons."}]
    pairs = [{"id": "a", "image": "a.png", "conversations": turns}]
    (root / "pairs" / "pairs.json").write_text(json.dumps(pairs))
    return root


def config_of(inputs: Path, **sections: dict[str, Any]) -> BuildConfig:
    tree: dict[str, Any] = {
        "source": [
            {"kind": "video", "path": str(inputs / "videos")},
            {"kind": "lerobot", "path": str(inputs / "robot"), "weight": 3.0},
            {
                "kind": "ui-jsonl",
                "path": str(inputs / "screens"),
                "annotations": str(inputs / "screens" / "records.jsonl"),
                "boxes": "xyxy_px",
            },
            {"kind": "llava", "path": str(inputs / "pairs" / "pairs.json"), "licence": "CC0-1.0"},
        ],
        "clips": {"steps": 4, "step_s": 0.1, "history": 2, "history_step_s": 0.15, "cameras": 1},
        "tracking": {"tracker": "lk", "grid": 6},
        "output": {"clips_per_shard": 4, "val_fraction": 0.3},
    }
    for name, section in sections.items():
        tree[name] = {**tree.get(name, {}), **section}
    return parse_config(tree)


@pytest.fixture(scope="module")
def built(inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("built")
    build(config_of(inputs), folder)
    return folder


def samples_of(folder: Path, kind: str) -> list[Sample]:
    read = (load_sample(members) for path in folder.glob("shards/*.tar") for _, members in read_shard(path))
    found = [one for one in read if one.record["source"]["kind"] == kind]
    return sorted(found, key=lambda one: (one.record["source"]["uri"], one.record["source"]["start_s"]))


def test_every_kind_is_in_it_and_every_rule_holds(built: Path) -> None:
    tasks = {row["kind"]: row["task"] for row in read_samples(built)}

    assert faults(built) == []
    assert tasks["ui-jsonl"] == "ui" and tasks["llava"] == "vl" and tasks["lerobot"] == "robot"
    assert tasks["video"] in ("som", "tom")
    assert all(one.balanced for one in read_counts(built))
    labelled = {one.source: one.samples for one in read_counts(built) if one.stage == LABEL}
    assert (labelled["screens"], labelled["pairs"]) == (3, 1)
    assert {row["weight"] for row in read_samples(built) if row["kind"] == "lerobot"} == {3.0}


def test_every_sample_has_the_same_members(built: Path) -> None:
    for kind in ("video", "lerobot", "ui-jsonl", "llava"):
        for sample in samples_of(built, kind):
            assert [name for name, _ in sample.extra] == ["h00.jpg", "h01.jpg", "cam1.jpg"]
            assert sample.record["conversations"][0]["value"].count("<image>") == 3
            for step, (_, data) in zip(sample.record["history"], sample.extra, strict=False):
                assert step["known"] == bool(decode_jpeg(data).max() > 8)


def test_history_holds_the_earlier_steps_of_a_trajectory(built: Path) -> None:
    by_words = {one.record["instruction"]: one for one in samples_of(built, "ui-jsonl")}

    assert [step["known"] for step in by_words["press Save"].record["history"]] == [False, False]
    last = by_words["press Help"]
    assert [step["known"] for step in last.record["history"]] == [True, True]
    done = [step["action_text"] for step in last.record["history"]]
    assert "Save" in done[0] and "Open" in done[1]
    clean = decode_jpeg(dict(last.extra)["h00.jpg"])
    np.testing.assert_allclose(clean[25, 30], decode_jpeg(by_words["press Save"].clean_jpeg)[25, 30], atol=12)
    target = last.record["marks"][last.record["target_mark"] - 1]
    assert (target["x0"], target["y0"], target["text"]) == (20.0, 150.0, "Help")


def test_a_robot_sees_its_other_camera_and_its_past(built: Path) -> None:
    *_, sample = samples_of(built, "lerobot")
    stats = read_action_stats(built)["robot"]
    record = sample.record

    assert record["action"]["names"] == list(stats.names) == ["x", "y", "grip"]
    assert decode_jpeg(dict(sample.extra)["cam1.jpg"]).max() > 100
    known = [step for step in record["history"] if step["known"]]
    assert known and all(step["action_text"].startswith("[") for step in known)
    assert known[-1]["t_s"] == pytest.approx(-0.15, abs=0.03)


def test_the_pair_is_passed_through(built: Path) -> None:
    (sample,) = samples_of(built, "llava")

    assert sample.marked_jpeg == sample.clean_jpeg
    assert [turn["value"] for turn in sample.record["conversations"]][1:] == ["Three buttons."]
    assert sample.record["source"]["licence"] == "CC0-1.0"


def test_relabelling_gives_the_bytes_of_a_fresh_build(inputs: Path, built: Path, tmp_path: Path) -> None:
    sections: dict[str, dict[str, Any]] = {
        "marks": {"style": "box"},
        "ui": {"max_marks": 2},
        "robot": {"max_frozen": 0.5},
        "text": {"use_instruction": False},
    }
    build(config_of(inputs, **sections), tmp_path / "fresh")
    changes = [
        f"{name}.{key}={json.dumps(value)}" for name in sections for key, value in sections[name].items()
    ]

    relabel_data_set(built, tmp_path / "new", changes, THREADS, overwrite=False)

    assert faults(tmp_path / "new") == []
    assert contents(tmp_path / "new") == contents(tmp_path / "fresh") != contents(built)


def test_two_processes_give_the_same_bytes(inputs: Path, built: Path, tmp_path: Path) -> None:
    build(config_of(inputs), tmp_path / "two", RunOptions(workers=2, mode="processes", progress=False))

    assert contents(tmp_path / "two") == contents(built)


def test_every_kind_is_explained(built: Path) -> None:
    screen, robot = samples_of(built, "ui-jsonl")[0], samples_of(built, "lerobot")[0]
    lines = list(explain_lines(built, screen.key))

    assert any("3 given" in one for one in lines)
    assert sum("mark " in one for one in lines if "button" in one) == 3
    assert any(one.strip().startswith("x: ") for one in explain_lines(built, robot.key))
    assert any("size" in one for one in explain_lines(built, samples_of(built, "llava")[0].key))


def test_every_kind_of_input_is_said_to_be_what_it_is(built: Path) -> None:
    said = {}
    for kind in ("video", "lerobot", "ui-jsonl", "llava"):
        uri = samples_of(built, kind)[0].record["source"]["uri"]
        lines = list(explain_lines(built, uri))
        said[kind] = next(one for one in lines if one.startswith("  input")).split(maxsplit=1)[1]
        assert not any("-1.000 s" in one for one in lines)

    assert said["video"].startswith("video: ")
    assert said["lerobot"].startswith(("robot episode: 24 control steps", "robot episode: 30 control steps"))
    assert said["ui-jsonl"] == "screenshots: 3 steps or instructions"
    assert said["llava"].startswith("picture: ")


def test_history_is_no_part_of_the_clips_frames(built: Path) -> None:
    lines = list(explain_lines(built, samples_of(built, "lerobot")[-1].key))

    assert any("5 frames" in one for one in lines) and any("2 earlier pictures" in one for one in lines)


def test_episodes_that_are_appended_keep_the_statistics_of_the_first(inputs: Path, tmp_path: Path) -> None:
    robot = write_v21(tmp_path / "robot", {0: 24, 1: 30})
    tree = {
        "source": [{"kind": "lerobot", "path": str(robot)}],
        "clips": {"steps": 4, "step_s": 0.1},
        "tracking": {"tracker": "lk", "grid": 6},
        "output": {"clips_per_shard": 4, "val_fraction": 0.3},
    }
    folder = tmp_path / "out"
    build(parse_config(tree), folder)
    stats, before = read_action_stats(folder), contents(folder)
    write_v21(robot, {0: 24, 1: 30, 5: 40})  # writes all files anew, the old ones with the same bytes

    build(parse_config(tree), folder, append=True)

    assert faults(folder) == []
    assert read_action_stats(folder) == stats
    assert {row["uri"] for row in read_samples(folder)} == {f"episode_{n:06d}" for n in (0, 1, 5)}
    after = contents(folder)
    shards = [name for name in before if name.startswith(("shards/", "tracks/"))]
    assert shards and {name: after[name] for name in shards} == {name: before[name] for name in shards}


def test_a_limit_takes_some_of_every_source(inputs: Path, tmp_path: Path) -> None:
    build(config_of(inputs, output={"limit": 8}), tmp_path / "out")

    labelled = {one.source: one.inputs for one in read_counts(tmp_path / "out") if one.stage == LABEL}
    assert faults(tmp_path / "out") == []
    assert sum(labelled.values()) == 8
    assert labelled["pairs"] == 1 and all(labelled[name] >= 2 for name in ("videos", "robot", "screens"))


def test_one_picture_is_in_one_split_whatever_is_said_of_it(tmp_path: Path) -> None:
    for number in range(8):
        image = Image.fromarray(np.random.default_rng(number).integers(0, 255, (60, 80, 3), dtype=np.uint8))
        (tmp_path / "pages").mkdir(exist_ok=True)
        image.save(tmp_path / "pages" / f"{number}.png")
    for name, text in (("first", "a"), ("second", "b")):
        rows = [
            {"image": f"{number}.png", "elements": [{"box": [5, 5, 40, 40], "text": text}]}
            for number in range(8)
        ]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)))
    sources = [
        {
            "kind": "ui-jsonl",
            "path": str(tmp_path / "pages"),
            "annotations": str(tmp_path / f"{name}.jsonl"),
            "boxes": "xyxy_px",
            "dataset": name,
        }
        for name in ("first", "second")
    ]
    tree = {"source": sources, "output": {"val_fraction": 0.5}, "tracking": {"detect": "never"}}
    build(parse_config(tree), tmp_path / "out")

    splits: dict[str, set[str]] = {}
    for row in read_samples(tmp_path / "out"):
        splits.setdefault(row["uri"].partition("=")[2], set()).add(row["split"])
    assert {row["split"] for row in read_samples(tmp_path / "out")} == {"train", "val"}
    assert len(splits) == 8 and all(len(one) == 1 for one in splits.values())


def test_what_is_said_of_an_input_may_not_change_behind_the_plan(inputs: Path, tmp_path: Path) -> None:
    pages = tmp_path / "screens"
    shutil.copytree(inputs / "screens", pages)
    shutil.copytree(inputs / "pairs", tmp_path / "pairs")
    said = {"screens": pages / "records.jsonl", "pairs": tmp_path / "pairs" / "pairs.json"}
    tree = config_of(inputs).as_dict()
    blocks: Any = tree["source"]
    blocks[2] |= {"path": str(pages), "annotations": str(said["screens"])}
    blocks[3] |= {"path": str(said["pairs"])}
    build(parse_config(tree), tmp_path / "out")
    for path in said.values():
        path.touch()
    build(parse_config(tree), tmp_path / "out")
    for path, old, new in ((said["screens"], "press Help", "press help"), (said["pairs"], "Three", "Seven")):
        before = path.read_text()
        path.write_text(before.replace(old, new))
        with pytest.raises(OutputError, match="changed after it was planned"):
            build(parse_config(tree), tmp_path / "out")
        path.write_text(before)


def test_weights_change_without_reading_anything_again(inputs: Path, built: Path, tmp_path: Path) -> None:
    tree: Any = config_of(inputs).as_dict()
    tree["source"][0]["weight"] = 0.25
    build(parse_config(tree), tmp_path / "fresh")

    relabel_data_set(built, tmp_path / "new", ["source.0.weight=0.25"], THREADS, overwrite=False)

    assert faults(tmp_path / "new") == []
    assert contents(tmp_path / "new") == contents(tmp_path / "fresh")
    assert {row["weight"] for row in read_samples(tmp_path / "new") if row["kind"] == "video"} == {0.25}
