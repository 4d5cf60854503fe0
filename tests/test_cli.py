"""The command line: help, exit codes, one line for every mistake."""

import re
import subprocess
from pathlib import Path

import pytest
from builds import faults, quick_tree
from commands import ENVIRONMENT, SOMTOM, somtom, write_config
from drawn_videos import draw_videos
from permissions import locked, obey_permissions

from somtom.pipelines.cli import main
from somtom.schemas.folder import plan_path, shard_path
from somtom.schemas.meta_tables import read_rejects

COMMANDS = ("build", "plan", "label", "relabel", "check", "explain", "show", "track", "samples")


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_videos(tmp_path_factory.mktemp("inputs") / "toys", 2)


@pytest.fixture
def config(videos: Path, tmp_path: Path) -> Path:
    return write_config(tmp_path / "c.toml", quick_tree(videos))


def complaint(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    """Exit status and the one line of a command that must fail."""
    status = main([str(one) for one in arguments])
    captured = capsys.readouterr()
    assert captured.err.startswith("somtom: ") and captured.err.count("\n") == 1, captured.err
    return status, captured.err.removeprefix("somtom: ").rstrip("\n")


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    text = capsys.readouterr().out
    assert ended.value.code == 0
    assert all(re.search(rf"^    {name} ", text, re.M) for name in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0 and f"somtom {command}" in capsys.readouterr().out


def test_every_command_of_the_help_is_known(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    for name in re.findall(r"^    ([a-z]+) ", capsys.readouterr().out, re.M):
        with pytest.raises(SystemExit) as ended:
            main([name, "--help"])
        assert ended.value.code == 0
        capsys.readouterr()


@pytest.mark.parametrize("arguments", [[], ["biuld"], ["build"], ["build", "c.toml", "--wrong"], ["label"]])
def test_a_wrong_call_is_status_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2 and "usage: somtom" in capsys.readouterr().err


def test_a_build_ends_with_a_table_and_status_0(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["build", str(config), "--out", str(tmp_path / "out"), "--threads", "--quiet"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["data", "set", "stage", "inputs", "samples", "filtered", "failed"]
    assert lines[1].split() == ["toys", "scan", "2", "2", "used", "0", "0"]
    assert lines[2].split() == ["toys", "label", "8", "8", "0", "0"]
    assert f"8 samples in 4 shards, 0.2 MB, in {tmp_path / 'out' / 'shards'}" in lines[-2]
    assert lines[-1].startswith("this run: 8 clips in ") and "track" in lines[-1]
    assert main(["build", str(config), "--out", str(tmp_path / "out"), "--threads", "--quiet"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("this run: 0 clips in ")
    assert main(["check", str(tmp_path / "out")]) == 0
    assert faults(tmp_path / "out") == []


def test_plan_and_label_make_what_build_makes(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "out")
    assert main(["plan", str(config), "--out", out, "--threads", "--quiet"]) == 0
    assert f"8 clips in 4 shards: {out}/meta/plan.parquet" in capsys.readouterr().out
    assert main(["label", out, "--threads", "--quiet"]) == 0
    assert faults(tmp_path / "out") == []


def test_a_build_without_a_sample_is_status_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "empty.mp4").write_bytes(b"")
    config = write_config(tmp_path / "c.toml", quick_tree(tmp_path / "in"))
    status, line = complaint(capsys, "build", config, "--out", tmp_path / "out", "--threads", "--quiet")
    assert status == 1 and "no input gave a sample" in line
    assert faults(tmp_path / "out") == []


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--set", "motion.epsilom=1"], "motion.epsilom = 1: unknown; did you mean motion.epsilon?"),
        (["--set", "clips.steps=0"], "clips.steps = 0: must be 1 to 1024; the nearest is 1"),
        (["--set", "tracking.tracker=diss"], "did you mean 'dis'?"),
        (["--set", "source.path=/nowhere/at all"], "/nowhere/at all"),
        (["--limit", "-1"], "output.limit = -1"),
        (["--workers", "-1"], "--workers -1: must be 0"),
        (["--append", "--overwrite"], "--append adds to the build that is there, --overwrite removes it"),
        (["--set", "source.path="], "path must name a file or a folder"),
        (["--max-failure-ratio", "1.5"], "--max-failure-ratio 1.5: must be 0 to 1"),
        (["--max-failure-ratio", "nan"], "--max-failure-ratio nan: must be 0 to 1"),
    ],
)
def test_a_mistake_is_one_line_before_anything_is_written(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], expected: str
) -> None:
    status, line = complaint(capsys, "build", config, "--out", tmp_path / "out", "--threads", *arguments)
    assert status == 2 and expected in line
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("command", [["build", "nothing.toml"], ["plan", "nothing.toml"]])
def test_a_missing_configuration_is_one_line(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    status, line = complaint(capsys, *command)
    assert status == 2 and line == "nothing.toml: cannot be read: No such file or directory"


@pytest.mark.parametrize("command", ["label", "relabel", "explain", "show"])
def test_a_folder_without_data_set_is_one_line(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = {"relabel": ["--out", tmp_path / "new"], "explain": ["video-1"]}.get(command, [])
    status, line = complaint(capsys, command, tmp_path / "none", *more)
    assert status in (1, 2) and str(tmp_path / "none") in line
    assert list(tmp_path.iterdir()) == []


def test_checking_a_folder_without_data_set_is_a_fault(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", str(tmp_path)]) == 1
    assert capsys.readouterr().out.count("\n") == 1


@pytest.mark.parametrize("arguments", [["--help"], ["check", "/nowhere"]])
def test_a_reader_that_goes_away_is_no_error(arguments: list[str]) -> None:
    process = subprocess.Popen(
        [SOMTOM, *arguments], env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait() in (0, 1)


def test_an_output_below_a_file_is_one_line(config: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ended = somtom("build", config, "--out", tmp_path / "file" / "out", "--quiet")
    assert ended.returncode == 1
    assert (
        ended.stderr
        == f"somtom: {tmp_path / 'file' / 'out'}: cannot be written: Not a directory; choose another --out\n"
    )


def test_what_may_not_be_read_is_named_and_not_said_to_be_written(tmp_path: Path) -> None:
    config = write_config(tmp_path / "c.toml", quick_tree(draw_videos(tmp_path / "in", 1)))
    (tmp_path / "in" / "locked.mp4").write_bytes(b"x")
    pictures = write_config(
        tmp_path / "p.toml", {"source": [{"kind": "screenshots", "path": str(tmp_path / "dark")}]}
    )
    (tmp_path / "dark").mkdir()
    out = tmp_path / "out"
    with locked(tmp_path / "in" / "locked.mp4"), locked(tmp_path / "dark"):
        built = somtom("build", config, "--out", out, "--quiet", preexec_fn=obey_permissions)
        assert built.returncode == 0
        for command in (["peek", tmp_path / "dark"], ["build", pictures, "--out", out]):
            ended = somtom(*command, preexec_fn=obey_permissions)
            assert ended.returncode > 0 and f"{tmp_path / 'dark'} may not be read" in ended.stderr
    (reject,) = (one for one in read_rejects(out) if one.uri == "locked.mp4")
    assert reject.message == "locked.mp4 cannot be read: Permission denied"
    tar = shard_path(out, "train-000000")
    with locked(tar):
        for command in ("check", "show"):
            ended = somtom(command, out, preexec_fn=obey_permissions)
            assert ended.returncode == 1 and ended.stderr == (
                f"somtom: {tar} may not be read (Permission denied): allow it, or name another path\n"
            )


def test_damage_is_said_with_the_place(config: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    somtom("build", config, "--out", out, "--quiet")
    tar = shard_path(out, "train-000000")
    whole = tar.read_bytes()
    tar.write_bytes(whole.replace(b'{"id"', b"[[[[[", 1))
    ended = somtom("show", out)
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"somtom: {out}: train-000000.tar: video-") and "JSON" in ended.stderr
    plan = plan_path(out)
    plan.write_bytes(plan.read_bytes()[:-1])
    ended = somtom("label", out, "--quiet")
    assert ended.stderr.startswith(f"somtom: {out}: plan.parquet cannot be read: ")


def test_the_answer_to_help_does_not_import_what_is_heavy() -> None:
    """Beam, OpenCV and PyArrow take a second: a mistyped call must not wait for them."""
    code = "import sys; from somtom.pipelines import cli; cli.make_parser(); print(*sys.modules)"
    ended = subprocess.run(
        [SOMTOM.parent / "python", "-c", code], env=ENVIRONMENT, capture_output=True, text=True, check=True
    )
    assert not {"apache_beam", "cv2", "pyarrow", "av"} & set(ended.stdout.split())
