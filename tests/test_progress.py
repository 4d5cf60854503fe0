"""Progress of a stage: by notes, by what the job counted, and who told."""

import json
from pathlib import Path

import apache_beam as beam
import pytest
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from somtom.pipelines.job_metrics import noted_metrics
from somtom.pipelines.job_watch import read_job, watching
from somtom.pipelines.progress import StageProgress
from somtom.schemas.refs import Item
from somtom.transforms.attempts import Attempts
from somtom.transforms.metrics import count
from somtom.transforms.scan import ScanTask
from somtom.transforms.tasks import RunTasks


class CountItems:
    """A step that scans nothing."""

    def run(self, task: ScanTask) -> int:
        count("items_scanned", len(task.items))
        return 0


class Mute:
    """What a runner gives that cannot be asked."""

    state = "RUNNING"

    def metrics(self) -> None:
        raise NotImplementedError("this runner has no metrics")


def test_what_a_job_counted_is_noted_at_its_end(tmp_path: Path) -> None:
    tasks = [ScanTask(f"t{number}", (Item(0, "a", "/a"),) * number) for number in range(4)]
    pipeline = beam.Pipeline(FnApiRunner())
    _ = pipeline | beam.Create(tasks) | RunTasks(CountItems())
    result = pipeline.run()
    with watching(result, tmp_path):
        result.wait_until_finish()
    assert noted_metrics(tmp_path).counters == {"items_scanned": 6}
    assert read_job(tmp_path) is None


def test_a_job_that_cannot_be_asked_goes_on(tmp_path: Path) -> None:
    with watching(Mute(), tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("counted", "shown", "told_by"), [(3, "5/10", "its counters"), (1, "4/10", "its workers' notes")]
)
def test_progress_is_the_better_of_counters_and_notes_and_says_which(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], counted: int, shown: str, told_by: str
) -> None:
    Attempts(tmp_path, "train-000001").take("video-a", 2)
    with StageProgress("label", "clips", 10, 2, tmp_path, True) as progress:
        (tmp_path / "job.json").write_text(json.dumps({"state": "RUNNING", "inputs": counted}))
        progress.show(["train-000001"])
    said = capsys.readouterr().err
    assert shown in said and f"job RUNNING, by {told_by}" in said


def test_without_a_job_nothing_is_said_of_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "job.json").write_text(json.dumps({"state": "RUNNING", "inputs": 1}))  # of a run that died
    with StageProgress("scan", "inputs", 2, 0, tmp_path, True) as progress:
        progress.finish(2)
        progress.show([])
    said = capsys.readouterr().err
    assert "2/2" in said and "job" not in said
