"""Whole builds on small drawn videos: books, refusals, overwriting, limits."""

import fcntl
import tomllib
from pathlib import Path

import pytest
from builds import THREADS, book, build, contents, faults, quick_config, quick_tree, reasons, written
from drawn_videos import draw_video, draw_videos

from somtom.pipelines.build import label_data_set, plan_data_set
from somtom.pipelines.config import parse_config
from somtom.pipelines.config_rules import ConfigError
from somtom.pipelines.output import OutputError
from somtom.pipelines.runners import RunOptions
from somtom.pipelines.stage import TooManyFailures
from somtom.schemas.meta_tables import read_items, read_samples
from somtom.schemas.plan_table import read_plan
from somtom.schemas.tar import read_shard


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_videos(tmp_path_factory.mktemp("inputs") / "toys", 3)


@pytest.fixture(scope="module")
def built(videos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished build that no test may change."""
    folder = tmp_path_factory.mktemp("built") / "out"
    build(quick_config(videos), folder)
    return folder


def with_broken_files(folder: Path, good: int) -> Path:
    """Some good videos among an empty file, a text, a picture's head, a cut video and a short one."""
    draw_videos(folder, good)
    (folder / "empty.mp4").write_bytes(b"")
    (folder / "notes.txt.mp4").write_text("not a video")
    (folder / "still.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(64))
    whole = (folder / "v0.mp4").read_bytes()
    (folder / "cut.mp4").write_bytes(whole[: len(whole) // 3])
    draw_video(folder / "short.mp4", seed=99, frames=4)
    return folder


def test_a_build_keeps_the_contract_and_its_books(built: Path) -> None:
    assert faults(built) == []
    scanned, labelled = book(built, "scan", "toys"), book(built, "label", "toys")
    assert (scanned.inputs, scanned.samples) == (3, 3)
    assert (labelled.inputs, labelled.samples) == (12, 12)
    assert {one["split"] for one in read_samples(built)} == {"train", "val"}


def test_a_moving_square_gives_trace_supervision(built: Path) -> None:
    assert "tom" in {row["task"] for row in read_samples(built)}


def test_the_same_build_elsewhere_gives_the_same_bytes(videos: Path, built: Path, tmp_path: Path) -> None:
    build(quick_config(videos), tmp_path / "elsewhere" / "with another name")
    assert contents(tmp_path / "elsewhere" / "with another name") == contents(built)


def test_building_again_changes_nothing(videos: Path, tmp_path: Path) -> None:
    build(quick_config(videos), tmp_path / "out")
    before, kept = contents(tmp_path / "out"), written(tmp_path / "out")
    build(quick_config(videos), tmp_path / "out")
    assert contents(tmp_path / "out") == before and written(tmp_path / "out") == kept


def test_every_bad_file_is_one_reject_and_the_rest_is_built(tmp_path: Path) -> None:
    folder = with_broken_files(tmp_path / "in", good=2)
    build(quick_config(folder), tmp_path / "out")
    assert faults(tmp_path / "out") == []
    assert reasons(tmp_path / "out") == {
        "empty.mp4": "empty_file",
        "notes.txt.mp4": "unreadable",
        "still.png": "still_image",
        "cut.mp4": "unreadable",
        "short.mp4": "too_short",
    }
    scanned = book(tmp_path / "out", "scan", "in")
    assert (scanned.inputs, scanned.samples, scanned.filtered, scanned.failed) == (7, 2, 2, 3)


def test_a_build_without_one_sample_is_whole_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "empty.mp4").write_bytes(b"")
    totals = build(quick_config(tmp_path / "in"), tmp_path / "out")
    assert totals.samples == totals.shards == 0
    assert reasons(tmp_path / "out") == {"empty.mp4": "empty_file"}
    assert not (tmp_path / "out" / "meta" / "work").exists()


def test_one_group_is_all_train_and_said_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    draw_videos(tmp_path / "in", 1)
    build(quick_config(tmp_path / "in"), tmp_path / "out")
    assert {row["split"] for row in read_samples(tmp_path / "out")} == {"train"}
    assert any("train" in record.message and record.levelname == "WARNING" for record in caplog.records)
    assert faults(tmp_path / "out") == []


def test_files_of_the_same_bytes_share_a_split_and_give_each_its_samples(tmp_path: Path) -> None:
    draw_videos(tmp_path / "in", 2)
    for name in ("copy.mp4", "deep/copy.mp4"):
        (tmp_path / "in" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "in" / name).write_bytes((tmp_path / "in" / "v0.mp4").read_bytes())
    build(quick_config(tmp_path / "in"), tmp_path / "out")
    assert faults(tmp_path / "out") == []
    splits: dict[str, set[str]] = {}
    for row in read_samples(tmp_path / "out"):
        splits.setdefault("0" if row["uri"] != "v1.mp4" else "1", set()).add(str(row["split"]))
    assert sorted(map(len, splits.values())) == [1, 1] and splits["0"] != splits["1"]
    assert book(tmp_path / "out", "label", "in").samples == 16


def test_one_folder_as_two_data_sets_gives_each_its_samples(videos: Path, tmp_path: Path) -> None:
    tree = quick_tree(videos, videos)
    tree["source"][1]["dataset"] = "again"
    build(parse_config(tree), tmp_path / "out")
    assert faults(tmp_path / "out") == []
    assert [book(tmp_path / "out", "label", name).samples for name in ("toys", "again")] == [12, 12]


def test_a_path_listed_twice_is_a_duplicate(videos: Path, tmp_path: Path) -> None:
    build(quick_config(videos, videos), tmp_path / "out")
    assert faults(tmp_path / "out") == []
    assert set(reasons(tmp_path / "out").values()) == {"duplicate"}
    assert (
        book(tmp_path / "out", "scan", "toys").inputs,
        book(tmp_path / "out", "label", "toys").samples,
    ) == (6, 12)
    before = contents(tmp_path / "out")
    build(quick_config(videos, videos), tmp_path / "out")
    assert contents(tmp_path / "out") == before


# --- what is refused, and that nothing is written then


def test_other_settings_are_refused_with_the_difference(videos: Path, built: Path) -> None:
    before = contents(built)
    with pytest.raises(OutputError, match=r"motion\.epsilon: 2\.0 -> 1\.5.*--overwrite"):
        build(quick_config(videos, motion={"epsilon": 1.5}), built)
    assert contents(built) == before


def test_a_missing_path_is_refused_before_anything_is_written(
    videos: Path, built: Path, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=r"source\[0\]\.path = .*nowhere"):
        build(quick_config(tmp_path / "nowhere"), tmp_path / "out")
    assert not (tmp_path / "out").exists()
    before = contents(built)
    with pytest.raises(ConfigError, match=r"source\[1\]\.path = .*nowhere"):
        build(quick_config(videos, tmp_path / "nowhere"), built, overwrite=True)
    assert contents(built) == before


def test_a_folder_of_something_else_is_refused_and_left_alone(videos: Path, tmp_path: Path) -> None:
    out = tmp_path / "documents"
    (out / "meta").mkdir(parents=True)
    (out / "meta" / "thesis.txt").write_text("mine")
    (out / "letter.txt").write_text("mine")
    before = sorted(out.rglob("*"))
    for overwrite in (False, True):
        with pytest.raises(OutputError, match=r"holds 'letter.txt', which is no part of a build"):
            build(quick_config(videos), out, overwrite=overwrite)
    assert sorted(out.rglob("*")) == before


@pytest.mark.parametrize("blocked", ["", "meta", "meta/.lock"])
def test_an_output_that_cannot_be_written_is_one_line(videos: Path, tmp_path: Path, blocked: str) -> None:
    """A file where a folder must be, or the other way round: binds root as well."""
    path = tmp_path / "out" / blocked
    if blocked.endswith(".lock"):
        path.mkdir(parents=True)
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    with pytest.raises(OutputError, match=r"out: cannot be written: .*; choose another --out"):
        build(quick_config(videos), tmp_path / "out")


def test_a_second_run_on_the_same_output_is_refused(videos: Path, tmp_path: Path) -> None:
    (tmp_path / "out" / "meta").mkdir(parents=True)
    with (tmp_path / "out" / "meta" / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(OutputError, match="another run is working on it"):
            build(quick_config(videos), tmp_path / "out")
        assert (tmp_path / "out" / "meta" / ".lock").exists()
    build(quick_config(videos), tmp_path / "out")
    assert faults(tmp_path / "out") == []


def test_new_inputs_without_append_are_refused(tmp_path: Path) -> None:
    draw_videos(tmp_path / "in", 2)
    build(quick_config(tmp_path / "in"), tmp_path / "out")
    before = contents(tmp_path / "out")
    draw_video(tmp_path / "in" / "v7.mp4", seed=7)
    with pytest.raises(
        OutputError, match=r"its plan lacks 1 of the inputs \(the first is v7.mp4\).*--append"
    ):
        build(quick_config(tmp_path / "in"), tmp_path / "out")
    assert contents(tmp_path / "out") == before


def test_an_input_that_changed_after_planning_is_refused(tmp_path: Path) -> None:
    draw_videos(tmp_path / "in", 2)
    build(quick_config(tmp_path / "in"), tmp_path / "out")
    draw_video(tmp_path / "in" / "v1.mp4", seed=50)
    with pytest.raises(OutputError, match=r"v1\.mp4 changed after it was planned; --overwrite"):
        build(quick_config(tmp_path / "in"), tmp_path / "out")
    build(quick_config(tmp_path / "in"), tmp_path / "out", overwrite=True)
    assert faults(tmp_path / "out") == []


def test_an_input_that_was_touched_but_is_the_same_is_no_change(tmp_path: Path) -> None:
    draw_videos(tmp_path / "in", 2)
    build(quick_config(tmp_path / "in"), tmp_path / "out")
    (tmp_path / "in" / "v1.mp4").touch()
    build(quick_config(tmp_path / "in"), tmp_path / "out")


def test_inputs_that_change_or_go_between_planning_and_labelling_are_rejected(tmp_path: Path) -> None:
    draw_videos(tmp_path / "in", 3)
    plan_data_set(quick_config(tmp_path / "in"), tmp_path / "out", THREADS)
    draw_video(tmp_path / "in" / "v1.mp4", seed=50)
    (tmp_path / "in" / "v2.mp4").unlink()
    label_data_set(tmp_path / "out", THREADS)
    assert faults(tmp_path / "out") == []
    found = reasons(tmp_path / "out")
    assert sorted(found.values()) == ["changed_input"] * 4 + ["missing"] * 4
    assert book(tmp_path / "out", "label", "in").samples == 4


def test_labelling_is_refused_while_a_source_is_not_there(tmp_path: Path) -> None:
    """A disk that is not mounted must not turn every clip into a reject."""
    draw_videos(tmp_path / "in", 1)
    plan_data_set(quick_config(tmp_path / "in"), tmp_path / "out", THREADS)
    (tmp_path / "in").rename(tmp_path / "away")
    with pytest.raises(ConfigError, match=r"source\[0\]\.path"):
        label_data_set(tmp_path / "out", THREADS)
    (tmp_path / "away").rename(tmp_path / "in")
    assert label_data_set(tmp_path / "out", THREADS).samples == 4


def test_labelling_a_folder_without_build_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="holds no build"):
        label_data_set(tmp_path, THREADS)
    assert list(tmp_path.iterdir()) == []


def test_a_plan_of_another_version_is_refused(
    videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("somtom.transforms.versions.version", lambda name: "0.0.1")
        plan_data_set(quick_config(videos), tmp_path / "out", THREADS)
    with pytest.raises(OutputError, match="another version of somtom"):
        label_data_set(tmp_path / "out", THREADS)
    with pytest.raises(OutputError, match="another version of somtom"):
        build(quick_config(videos), tmp_path / "out", append=True)
    build(quick_config(videos), tmp_path / "out", overwrite=True)
    assert faults(tmp_path / "out") == []


# --- overwriting


def test_overwriting_replaces_the_build_and_nothing_else(videos: Path, tmp_path: Path) -> None:
    build(quick_config(videos), tmp_path / "out")
    (tmp_path / "out" / "shards" / "train-000099.tar").write_bytes(b"left over")
    (tmp_path / "out" / "mine.txt").write_text("mine")
    config = quick_config(videos, output={"clips_per_shard": 50, "val_fraction": 0.0})
    build(config, tmp_path / "out", overwrite=True)
    assert faults(tmp_path / "out") == []
    assert [path.name for path in (tmp_path / "out" / "shards").iterdir()] == ["train-000000.tar"]
    assert (tmp_path / "out" / "mine.txt").read_text() == "mine"


def test_overwriting_nothing_is_building(videos: Path, built: Path, tmp_path: Path) -> None:
    build(quick_config(videos), tmp_path / "out", overwrite=True)
    assert contents(tmp_path / "out") == contents(built)


# --- limits


def test_a_limited_build_plans_so_many_clips_and_can_be_taken_up(videos: Path, tmp_path: Path) -> None:
    config = quick_config(videos, output={"limit": 5, "clips_per_shard": 3, "val_fraction": 0.0})
    assert build(config, tmp_path / "out").samples == 5
    assert faults(tmp_path / "out") == []
    assert sum(row.refs for row in read_items(tmp_path / "out")) == 5
    before = contents(tmp_path / "out")
    build(config, tmp_path / "out")
    assert contents(tmp_path / "out") == before


def test_a_limit_of_one_looks_at_one_input(videos: Path, tmp_path: Path) -> None:
    build(quick_config(videos, output={"limit": 1}), tmp_path / "out")
    assert [row.facts.uri for row in read_items(tmp_path / "out")] == ["v0.mp4"]
    assert faults(tmp_path / "out") == []


def test_too_many_failures_end_the_run_and_say_why(tmp_path: Path) -> None:
    folder = with_broken_files(tmp_path / "in", good=2)
    strict = RunOptions(2, "threads", False, max_failure_ratio=0.2)
    for _ in range(2):  # a second run does not slip through either
        with pytest.raises(TooManyFailures, match=r"3 of 7 inputs failed \(unreadable 2, empty_file 1\)"):
            build(quick_config(folder), tmp_path / "out", strict)
    build(quick_config(folder), tmp_path / "out", RunOptions(2, "threads", False, max_failure_ratio=0.5))
    assert faults(tmp_path / "out") == []


def test_too_many_failures_while_labelling_end_the_run(tmp_path: Path) -> None:
    draw_videos(tmp_path / "in", 2)
    plan_data_set(quick_config(tmp_path / "in"), tmp_path / "out", THREADS)
    (tmp_path / "in" / "v1.mp4").unlink()
    for _ in range(2):
        with pytest.raises(TooManyFailures, match=r"4 of 8 inputs failed \(missing 4\)"):
            label_data_set(tmp_path / "out", RunOptions(2, "threads", False, max_failure_ratio=0.4))
    label_data_set(tmp_path / "out", RunOptions(2, "threads", False, max_failure_ratio=0.5))
    assert faults(tmp_path / "out") == []


# --- what is written


def test_the_plan_holds_every_sample_and_reject_once(tmp_path: Path) -> None:
    draw_videos(tmp_path / "in", 2)
    build(quick_config(tmp_path / "in"), tmp_path / "out")
    planned = [ref.key for spec in read_plan(tmp_path / "out" / "meta" / "plan.parquet") for ref in spec.refs]
    shards = sorted((tmp_path / "out" / "shards").iterdir())
    assert sorted(planned) == sorted(key for path in shards for key, _ in read_shard(path))


def test_the_resolved_configuration_stands_beside_the_shards(videos: Path, built: Path) -> None:
    tree = tomllib.loads((built / "meta" / "config.toml").read_text())
    assert parse_config(tree) == quick_config(videos)
