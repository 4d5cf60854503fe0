"""Samples that look like others are left out, whatever ran in whatever order."""

import json
import shutil
import signal
from collections import Counter
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from bad_trackers import LAST_DRAWING
from builds import THREADS, build, contents, faults, quick_tree, written
from commands import ENVIRONMENT, somtom, write_config
from drawn_videos import draw_videos
from hypothesis import given, settings
from hypothesis import strategies as st

from somtom.pipelines.cli import main
from somtom.pipelines.config import BuildConfig, parse_config
from somtom.pipelines.relabel import relabel_data_set
from somtom.pipelines.runners import RunOptions
from somtom.schemas.duplicates import NEAR_DUPLICATE, near_duplicates, read_duplicates
from somtom.schemas.folder import manifest_path, removals_path
from somtom.schemas.meta_tables import read_counts, read_rejects, read_samples
from somtom.schemas.sample_rows import SampleRow
from somtom.schemas.settings import FilterSettings

ALL, ACROSS = FilterSettings(near_duplicates="all"), FilterSettings(near_duplicates="across_splits")
STYLE = "bad_trackers:paint_boxes"
OURS = f"marks.style={STYLE}"  # code that a data set's configuration names runs when it is named here, too
SCENE, NEAR, OTHER, FLAT = "00ff00ff12345678", "00ff00ff12345679", "ff00ff00edcba987", ""


def row(key: str, split: str, group: str, look: str) -> SampleRow:
    place = {"key": key, "shard": f"{split}-000000", "split": split, "group": group}
    return {**place, "dataset": "toys", "uri": f"{group}.mp4", "picture_hash": look}


ROWS = [
    row("a0", "train", "a", SCENE),
    row("a1", "train", "a", NEAR),
    row("b0", "train", "b", OTHER),
    row("b1", "train", "c", OTHER),
    row("b2", "train", "b", OTHER),
    row("d0", "train", "d", FLAT),
    row("e0", "val", "e", SCENE),
    row("e1", "val", "f", NEAR),
    row("e2", "val", "e", FLAT),
]


def gone(rows: list[SampleRow], limits: FilterSettings) -> dict[str, str]:
    return {key: said for one in near_duplicates(rows, limits).values() for key, said in one.items()}


def test_val_keeps_its_own_and_a_split_its_first_group() -> None:
    assert gone(ROWS, FilterSettings()) == {}
    assert gone(ROWS, ACROSS) == dict.fromkeys(["a0", "a1"], "its picture looks like that of e0 in val")
    assert gone(ROWS, ALL) == {
        **dict.fromkeys(["a0", "a1", "e1"], "its picture looks like that of e0 in val"),
        "b1": "its picture looks like that of b0 in train",
    }


def test_how_near_is_a_setting() -> None:
    assert gone(ROWS[:2] + ROWS[7:8], replace(ALL, near_bits=0)).keys() == {"a1"}
    far = [row("a", "train", "a", f"{0:016x}"), row("b", "train", "b", f"{0b111111:016x}")]
    assert gone(far, ALL) == {}
    assert gone(far, replace(ALL, near_bits=6)).keys() == {"b"}


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["train", "val"]), st.sampled_from("abcd"), st.integers(0, 40)),
        max_size=12,
    ),
    st.randoms(use_true_random=False),
    st.sampled_from([ALL, ACROSS]),
)
def test_what_is_kept_has_no_duplicates_and_what_was_left_out_changes_nothing(
    drawn: list[tuple[str, str, int]], order: Random, limits: FilterSettings
) -> None:
    rows = [
        row(f"k{index:02}", split, f"{group}-{split}", f"{look * 0x0111:016x}")
        for index, (split, group, look) in enumerate(drawn)
    ]
    out = gone(rows, limits)
    assert gone([one for one in rows if one["key"] not in out], limits) == {}
    order.shuffle(rows)
    assert gone(rows, limits) == out


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three videos, and two of them once more: other files that show the same."""
    folder = draw_videos(tmp_path_factory.mktemp("in") / "toys", 3)
    for name in ("v0", "v1"):
        # One byte more: another file with another fingerprint.
        (folder / f"copy-{name}.mp4").write_bytes((folder / f"{name}.mp4").read_bytes() + b"\0")
    return folder


def tree_of(videos: Path, near_duplicates: str = "all") -> dict[str, Any]:
    return quick_tree(
        videos,
        clips={"max_per_video": 2},
        marks={"style": STYLE},
        filter={"near_duplicates": near_duplicates},
        output={"val_fraction": 0.5},
    )


def config_of(videos: Path, near_duplicates: str = "all") -> BuildConfig:
    return parse_config(tree_of(videos, near_duplicates))


@pytest.fixture(scope="module")
def built(videos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("built") / "out"
    build(config_of(videos), out)
    return out


def left_out(folder: Path) -> set[str]:
    return {one.key for one in read_rejects(folder) if one.reason == NEAR_DUPLICATE}


def test_copies_are_left_out_and_counted(built: Path) -> None:
    assert faults(built) == []
    assert list(read_duplicates(built)) == []
    kept = Counter(row["uri"].removeprefix("copy-") for row in read_samples(built))
    assert kept == {"v0.mp4": 2, "v1.mp4": 2, "v2.mp4": 2}
    book = next(one for one in read_counts(built) if one.stage == "label")
    assert (book.inputs, book.samples, dict(book.reasons)) == (10, 6, {NEAR_DUPLICATE: 4})


@pytest.mark.parametrize(
    "options",
    [
        RunOptions(1, "threads", progress=False),
        RunOptions(2, "processes", progress=False),
        RunOptions(runner="direct", progress=False),
    ],
    ids=["one thread", "two processes", "beam"],
)
def test_every_way_of_running_gives_the_same_bytes(
    videos: Path, built: Path, tmp_path: Path, options: RunOptions
) -> None:
    build(config_of(videos), tmp_path / "out", options)
    assert contents(tmp_path / "out") == contents(built)


@pytest.mark.parametrize("drawing", [11, 13])
def test_a_killed_build_goes_on(videos: Path, built: Path, tmp_path: Path, drawing: int) -> None:
    """Ten clips are labelled first, then those of the shards that hold copies."""
    out, config = tmp_path / "out", write_config(tmp_path / "c.toml", tree_of(videos))
    command = ("build", config, "--out", out, "--quiet", "--workers", 1, "--threads")
    killed = somtom(*command, env={**ENVIRONMENT, LAST_DRAWING: str(drawing)})
    assert killed.returncode == -signal.SIGKILL
    assert not (out / "meta" / "samples.parquet").exists()
    again = somtom(*command)
    assert again.returncode == 0, again.stderr
    assert contents(out) == contents(built)


def test_a_second_run_has_nothing_to_do(videos: Path, built: Path, tmp_path: Path) -> None:
    out = Path(shutil.copytree(built, tmp_path / "out"))
    before = written(out)
    assert build(config_of(videos), out).clips == 0
    assert written(out) == before


def test_labels_are_made_again_with_and_without_copies(videos: Path, built: Path, tmp_path: Path) -> None:
    whole, again, back, across = (tmp_path / name for name in ("whole", "again", "back", "across"))
    build(config_of(videos, "off"), whole)
    assert len(list(read_samples(whole))) == 10

    for old, new, setting in ((whole, again, "all"), (again, back, "off"), (again, across, "across_splits")):
        relabel_data_set(old, new, [f"filter.near_duplicates={setting}", OURS], THREADS, overwrite=False)

    assert contents(again) == contents(built)
    assert contents(back) == contents(whole)
    assert faults(across) == []
    assert not [one for one in read_duplicates(across) if one["splits"] > 1]
    leaks = [one for one in read_duplicates(whole) if one["splits"] > 1]
    assert left_out(across) == {one["key"] for one in leaks if one["split"] == "train"} != set()


def test_the_copy_of_what_is_removed_comes_back(videos: Path, built: Path, tmp_path: Path) -> None:
    out, fresh = Path(shutil.copytree(built, tmp_path / "out")), tmp_path / "fresh"
    kept = {row["uri"] for row in read_samples(out)} - {"v2.mp4"}
    twin = {"v0.mp4": "copy-v0.mp4", "v1.mp4": "copy-v1.mp4"}
    twin |= {copy: video for video, copy in twin.items()}
    removals_path(out).write_text(f"{min(kept)}\n")

    build(config_of(videos), out)

    assert faults(out) == []
    assert {row["uri"] for row in read_samples(out)} == (kept - {min(kept)}) | {twin[min(kept)], "v2.mp4"}
    removals_path(fresh).parent.mkdir(parents=True)
    shutil.copyfile(removals_path(out), removals_path(fresh))
    build(config_of(videos), fresh)
    assert contents(out) == contents(fresh)
    removals_path(out).unlink()
    build(config_of(videos), out)
    assert contents(out) == contents(built)


def test_inputs_that_are_added_may_stand_for_older_ones(videos: Path, built: Path, tmp_path: Path) -> None:
    some, out = tmp_path / "toys", tmp_path / "out"
    some.mkdir()
    for name in ("v0.mp4", "copy-v1.mp4", "v2.mp4"):
        shutil.copyfile(videos / name, some / name)
    build(config_of(some), out)
    for name in ("v1.mp4", "copy-v0.mp4"):
        shutil.copyfile(videos / name, some / name)
    build(config_of(some), out, append=True)
    assert faults(out) == []
    assert list(read_duplicates(out)) == []
    assert len(list(read_samples(out))) == 6


def test_a_copy_that_stands_in_a_shard_is_a_fault_and_so_is_one_that_is_not_known(
    built: Path, videos: Path, tmp_path: Path
) -> None:
    out, whole = Path(shutil.copytree(built, tmp_path / "out")), tmp_path / "whole"
    shard = next(one.stem for one in (out / "meta" / "manifests").iterdir() if "copies" in one.read_text())
    manifest = json.loads(manifest_path(out, shard).read_text())
    manifest_path(out, shard).write_text(json.dumps(manifest | {"copies": []}))
    assert any("must hold a row for each reject" in line for line in faults(out))
    build(config_of(videos, "off"), whole)
    shutil.copyfile(out / "meta" / "config.toml", whole / "meta" / "config.toml")
    assert sum("filter.near_duplicates leaves out" in line for line in faults(whole)) == 4


def test_a_repacked_data_set_knows_its_copies(built: Path, tmp_path: Path) -> None:
    new, back = tmp_path / "new", tmp_path / "back"
    assert main(["export", str(built), "--to", "tar", "--out", str(new), "--clips-per-shard", "7"]) == 0
    assert faults(new) == []
    assert left_out(new) == left_out(built)
    relabel_data_set(new, back, ["filter.near_duplicates=off", OURS], THREADS, overwrite=False)
    assert faults(back) == []
    assert len(list(read_samples(back))) == 10
