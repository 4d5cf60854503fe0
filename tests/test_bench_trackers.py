"""The bench of all trackers: the costs of each, scores where they mean something, who is left out."""

import importlib.util
from pathlib import Path

import pytest

from somtom.pipelines.bench import BenchOptions, bench_lines
from somtom.pipelines.bench_trackers import bench_trackers
from somtom.pipelines.config_rules import ConfigError
from somtom.pipelines.samples_videos import Recipe, write_video
from somtom.schemas.settings import TrackingSettings
from somtom.tracking import cotracker3_official

needs_torch = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None,
    reason="torch is not installed: pip install 'somtom[cotracker]'",
)
SMALL = TrackingSettings(model_height=64, model_width=64, iterations=1, device="cpu")


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bench")
    write_video(folder, Recipe("pan", 160, 120, 25, 0.6, "pan", 1), 0)
    return folder


def cells(notes: tuple[str, ...], tracker: str) -> list[str]:
    """What the summary says of a tracker."""
    (line,) = (note for note in notes if note.startswith(f"| {tracker} |"))
    return [cell.strip() for cell in line.strip("|").split("|")]


@needs_torch
def test_a_tracker_without_weights_costs_what_it_costs_but_is_not_scored(video: Path, tmp_path: Path) -> None:
    found = bench_trackers(video, ["cotracker3", "lk"], SMALL, 1, tmp_path)

    values = {figure.name: figure.value for figure in found.figures}
    assert set(values) == {
        *(f"{name}: {what}" for name in ("cotracker3", "lk") for what in ("tracking, CPU", "peak memory")),
        "lk: average Jaccard",
        "lk: F1 of moving",
    }
    assert values["cotracker3: tracking, CPU"] > values["lk: tracking, CPU"] > 0
    # Torch and a hundred megabytes of weights.
    assert values["cotracker3: peak memory"] > values["lk: peak memory"] + 100
    assert cells(found.notes, "cotracker3")[1:5] == ["-"] * 4
    assert float(cells(found.notes, "lk")[3]) == pytest.approx(values["lk: average Jaccard"], abs=0.06)
    assert any(note.startswith("cotracker3: made-up weights") for note in found.notes)


@needs_torch
def test_with_weights_it_is_scored(video: Path, tmp_path: Path) -> None:
    from somtom.tracking.cotracker3_made_up import write_made_up_weights

    weights = write_made_up_weights(tmp_path / "given.pth")
    options = BenchOptions(
        ("tracking",),
        video,
        1,
        trackers=("cotracker3",),
        overrides=(
            "tracking.model_height=64",
            "tracking.model_width=64",
            "tracking.iterations=1",
            "tracking.device=cpu",
            f"tracking.weights={weights}",
            "tracking.accept_licence=CC-BY-NC-4.0",
        ),
    )

    text = "\n".join(bench_lines(options))

    assert "cotracker3: average Jaccard" in text
    assert "made-up" not in text
    assert "| mean | cotracker3 |" in text


def test_who_cannot_run_is_left_out_and_it_is_said_why(
    video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cotracker3_official, "PACKAGE", "cotracker_that_nobody_has")

    found = bench_trackers(video, ["cotracker3-official", "lk"], TrackingSettings(), 1, tmp_path)

    assert {figure.name.split(":")[0] for figure in found.figures} == {"lk"}
    (said,) = (note for note in found.notes if "left out" in note)
    assert said.startswith("cotracker3-official is left out: ") and "pip install" in said


def test_a_wrong_tracker_or_setting_is_one_clear_line() -> None:
    with pytest.raises(ConfigError, match=r"--tracker liss: .*did you mean"):
        bench_lines(BenchOptions(("tracking",), trackers=("liss",)))
    with pytest.raises(ConfigError, match="only the tracking can be set"):
        bench_lines(BenchOptions(("tracking",), overrides=("marks.style=disc",)))
