"""How many workers a stage has, and of which kind."""

import argparse
import dataclasses
import tempfile
from pathlib import Path

import pytest

from somtom.pipelines.cli import main
from somtom.pipelines.commands import add_run_options, run_options_of
from somtom.pipelines.config import load_config
from somtom.pipelines.config_rules import ConfigError, check_tracker
from somtom.pipelines.runners import (
    GPU_THREADS,
    RunOneTask,
    RunOptions,
    complete_options,
    options_for_gpu,
)


def asked(*arguments: str) -> RunOptions:
    parser = argparse.ArgumentParser()
    add_run_options(parser)
    return run_options_of(parser.parse_args(arguments))


def test_on_a_gpu_threads_of_one_process_share_the_model() -> None:
    options = asked("--max-failure-ratio", "0.5")

    for_gpu = options_for_gpu(options)

    assert options.mode == "processes" and for_gpu.mode == "threads"
    assert for_gpu.workers == min(options.workers, GPU_THREADS) and for_gpu.max_failure_ratio == 0.5


@pytest.mark.parametrize("arguments", [("--workers", "7"), ("--threads",), ("--workers", "3", "--threads")])
def test_what_somebody_asks_for_is_done_on_a_gpu_too(arguments: tuple[str, ...]) -> None:
    assert options_for_gpu(asked(*arguments)) == asked(*arguments)


def test_the_configuration_for_a_gpu_says_what_it_still_needs() -> None:
    settings = load_config(Path(__file__).parent.parent / "configs" / "gpu.toml").settings.tracking

    pytest.importorskip("torch", reason="torch is not installed: pip install 'somtom[cotracker]'")
    with pytest.raises(
        ConfigError, match=r"tracking\.weights is not set: give the path or URI of scaled_off"
    ) as one:
        check_tracker(settings)
    assert "\n" not in str(one.value)


@dataclasses.dataclass(frozen=True)
class Looks:
    """A step, and its own task, that notes what lies in the folder for temporaries."""

    folder: Path
    name: str = "looks"

    def run(self, task: "Looks") -> int:
        names = [path.name for path in Path(tempfile.gettempdir()).iterdir()]
        (task.folder / "seen").write_text("\n".join(names))
        return len(names)


def test_a_pipeline_of_one_task_makes_no_folder_that_a_kill_would_leave(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    RunOneTask(Looks(tmp_path), tmp_path)(Looks(tmp_path))
    assert (tmp_path / "seen").read_text() == ""


def test_options_for_a_runner_are_completed() -> None:
    options = asked("--runner", "portable", "--accelerator", "nvidia-l4")
    assert options.runner == "portable" and options.hints == (("accelerator", "nvidia-l4"),)
    complete = complete_options(dataclasses.replace(options, beam=("--job_endpoint=host:8099",)))
    assert complete.beam == (
        "--environment_type=LOOPBACK",
        "--job_endpoint=host:8099",
        "--no_save_main_session",
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--runner", "sprak"), "--runner sprak: is not one of .*; nearest: spark"),
        (("--accelerator", "nvidia-l4"), "is for one of Beam's runners"),
    ],
)
def test_a_runner_that_is_none_is_refused(arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        asked(*arguments)


def test_an_option_that_beam_does_not_know_is_refused() -> None:
    with pytest.raises(ConfigError, match="nearest: --direct_num_workers"):
        complete_options(RunOptions(runner="direct", beam=("--direct_num_worker=2",)))


def test_the_command_line_hands_beams_options_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "c.toml"
    config.write_text(f'[[source]]\nkind = "video"\npath = "{tmp_path}"\n')
    out = ["--out", str(tmp_path / "out")]
    assert main(["build", str(config), *out, "--runner", "direct", "--", "--direct_num_worker=2"]) == 2
    assert "--direct_num_worker=2: Beam has no such option" in capsys.readouterr().err
