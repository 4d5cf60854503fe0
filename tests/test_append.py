"""--append: new inputs only, old shards untouched, groups keep their splits, the books balance."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from builds import THREADS, book, build, contents, faults, quick_config, quick_tree, reasons, written
from drawn_videos import draw_video, draw_videos

from somtom.pipelines.build import label_data_set, plan_data_set
from somtom.pipelines.config import parse_config
from somtom.pipelines.output import OutputError
from somtom.schemas.folder import META
from somtom.schemas.meta_tables import read_items, read_samples
from somtom.schemas.plan_table import read_plan


def keys(folder: Path) -> list[str]:
    return [str(row["key"]) for row in read_samples(folder)]


def test_new_files_go_into_new_shards(tmp_path: Path) -> None:
    source, out = draw_videos(tmp_path / "in", 3), tmp_path / "out"
    build(quick_config(source), out)
    for count, number in ((16, 10), (20, 11)):
        before, old_keys = written(out), keys(out)
        draw_video(source / f"v{number}.mp4", seed=number)
        build(quick_config(source), out, append=True)
        assert faults(out) == []
        after = written(out)
        assert {name: after[name] for name in before} == before and len(after) > len(before)
        assert book(out, "label", "in").samples == len(set(keys(out))) == count
        assert set(old_keys) < set(keys(out))
    assert [row.facts.uri for row in read_items(out)] == ["v0.mp4", "v1.mp4", "v2.mp4", "v10.mp4", "v11.mp4"]


def test_appending_nothing_changes_nothing(tmp_path: Path) -> None:
    source, out = draw_videos(tmp_path / "in", 2), tmp_path / "out"
    build(quick_config(source), out)
    before, kept = contents(out), written(out)
    build(quick_config(source), out, append=True)
    assert contents(out) == before and written(out) == kept


def test_appending_to_nothing_is_building(tmp_path: Path) -> None:
    source = draw_videos(tmp_path / "in", 2)
    build(quick_config(source), tmp_path / "plain")
    build(quick_config(source), tmp_path / "out", append=True)
    assert contents(tmp_path / "out") == contents(tmp_path / "plain")


def test_a_copy_of_an_old_input_joins_its_split(tmp_path: Path) -> None:
    source, out = draw_videos(tmp_path / "in", 3), tmp_path / "out"
    build(quick_config(source), out)
    for number in range(3):
        shutil.copy(source / f"v{number}.mp4", source / f"a_copy_of_{number}.mp4")
    build(quick_config(source), out, append=True)
    assert faults(out) == []
    split_of: dict[str, set[str]] = {}
    for spec in read_plan(out / META / "plan.parquet"):
        for ref in spec.refs:
            split_of.setdefault(ref.fingerprint, set()).add(spec.split)
    assert [len(splits) for splits in split_of.values()] == [1, 1, 1]
    assert book(out, "label", "in").samples == 24


def test_a_source_can_be_added(tmp_path: Path) -> None:
    first, second = draw_videos(tmp_path / "a", 2), tmp_path / "b"
    draw_video(second / "w.mp4", seed=30)
    build(quick_config(first), tmp_path / "out")
    with pytest.raises(OutputError, match=r"source\[1\]"):
        build(quick_config(first, second), tmp_path / "out")
    build(quick_config(first, second), tmp_path / "out", append=True)
    assert faults(tmp_path / "out") == []
    assert [book(tmp_path / "out", "label", name).samples for name in ("a", "b")] == [8, 4]
    before = contents(tmp_path / "out")
    build(quick_config(first, second), tmp_path / "out")
    assert contents(tmp_path / "out") == before


def test_other_settings_are_refused_when_appending_too(tmp_path: Path) -> None:
    first, second = draw_videos(tmp_path / "a", 1), draw_videos(tmp_path / "b", 1)
    build(quick_config(first), tmp_path / "out")
    for other in (
        quick_config(first, motion={"epsilon": 1.0}),
        quick_config(second),
        quick_config(second, first),
    ):
        with pytest.raises(OutputError, match="other settings"):
            build(other, tmp_path / "out", append=True)


def test_another_file_in_an_old_place_is_a_duplicate_and_not_lost(tmp_path: Path) -> None:
    first, second = draw_videos(tmp_path / "a", 2), tmp_path / "b"
    draw_video(second / "v1.mp4", seed=40)
    tree = quick_tree(first, second)
    tree["source"][1]["dataset"] = "a"
    build(quick_config(first), tmp_path / "out")
    build(parse_config(tree), tmp_path / "out", append=True)
    assert faults(tmp_path / "out") == []
    assert reasons(tmp_path / "out") == {"v1.mp4": "duplicate"}
    assert book(tmp_path / "out", "scan", "a").inputs == 3
    build(parse_config(tree), tmp_path / "out", append=True)
    assert book(tmp_path / "out", "scan", "a").inputs == 3


def test_an_old_input_that_changed_is_refused_when_appending(tmp_path: Path) -> None:
    source, out = draw_videos(tmp_path / "in", 2), tmp_path / "out"
    build(quick_config(source), out)
    draw_video(source / "v0.mp4", seed=60)
    draw_video(source / "v9.mp4", seed=9)
    with pytest.raises(OutputError, match=r"v0\.mp4 changed"):
        build(quick_config(source), out, append=True)


def test_a_limited_build_takes_no_more(tmp_path: Path) -> None:
    source, out = draw_videos(tmp_path / "in", 2), tmp_path / "out"
    build(quick_config(source, output={"limit": 4}), out)
    with pytest.raises(OutputError, match="limited"):
        build(quick_config(source, output={"limit": 4}), out, append=True)


def test_appending_while_shards_are_missing_makes_both(tmp_path: Path) -> None:
    source, out = draw_videos(tmp_path / "in", 2), tmp_path / "out"
    plan_data_set(quick_config(source), out, THREADS)
    draw_video(source / "v9.mp4", seed=9)
    build(quick_config(source), out, append=True)
    assert faults(out) == []
    assert book(out, "label", "in").samples == 12


@pytest.mark.parametrize("moved", [0, 1, 2, 3])
@pytest.mark.parametrize("again", ["build", "label"])
def test_a_plan_that_was_put_in_place_in_part_is_completed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moved: int, again: str
) -> None:
    """A run that is killed between two of the plan's tables must lose nothing, whatever runs next."""
    source, out = draw_videos(tmp_path / "in", 2), tmp_path / "out"
    build(quick_config(source), out)
    draw_video(source / "v9.mp4", seed=9)
    _stop_after(monkeypatch, moved, lambda: plan_data_set(quick_config(source), out, THREADS, append=True))
    if again == "build":
        build(quick_config(source), out)
    else:
        label_data_set(out, THREADS)
    assert faults(out) == []
    assert (book(out, "scan", "in").inputs, book(out, "label", "in").samples) == (3, 12)


def _stop_after(monkeypatch: pytest.MonkeyPatch, moved: int, run: Callable[[], object]) -> None:
    """Run until so many tables were moved to their place, then stop as a kill would."""
    really, left = Path.replace, [moved]

    def replace(path: Path, target: Path) -> Path:
        if path.parent.parent.name == "ready":
            if not left[0]:
                raise KeyboardInterrupt
            left[0] -= 1
        return really(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", replace)
        if moved < 3:
            with pytest.raises(KeyboardInterrupt):
                run()
        else:
            run()
