"""What is logged: JSON that names the input in hand, from every process; plain text names it too."""

import json
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from builds import quick_tree
from commands import somtom, write_config
from drawn_videos import draw_videos

from somtom.schemas.refs import Ref
from somtom.transforms.ahead import ahead
from somtom.transforms.logs import FORMATS, take_clip, take_in_hand, working_on

CLIP = Ref(
    key="video-0a",
    source=0,
    kind="video",
    dataset="toys",
    uri="a\x1b[2J.mp4",
    locator="/x/a.mp4",
    fingerprint="f",
    licence="",
    group="toys/a.mp4",
    run=3,
    position=0,
    start_s=0.0,
    end_s=1.0,
    step_s=0.1,
    fps=30.0,
    frames=(0, 1),
)


@pytest.fixture(autouse=True)
def nothing_in_hand() -> Iterator[None]:
    """Each test begins so, whatever read clips in this process before."""
    with working_on():
        yield


def said(form: str, message: str = "cannot be read") -> str:
    record = logging.LogRecord("somtom.x", logging.WARNING, "x.py", 1, "%s", (message,), None)
    return FORMATS[form]().format(record)


def test_a_json_line_names_what_is_in_hand() -> None:
    with working_on(stage="label", shard="train-000001"):
        take_clip(CLIP)
        line = json.loads(said("json"))
    assert {name: line[name] for name in ("level", "logger", "message", "stage", "shard")} == {
        "level": "warning",
        "logger": "somtom.x",
        "message": "cannot be read",
        "stage": "label",
        "shard": "train-000001",
    }
    assert [line[name] for name in ("dataset", "key", "uri", "run")] == ["toys", "video-0a", CLIP.uri, 3]
    assert line["time"].endswith("Z") and "T" in line["time"]
    assert "\x1b" not in said("json")


def test_a_plain_line_names_the_key_once_and_nothing_after_the_task() -> None:
    with working_on(stage="label", shard="train-000001"):
        take_clip(CLIP)
        assert said("text") == "WARNING somtom.x: cannot be read [video-0a]"
        assert said("text", "video-0a: bad") == "WARNING somtom.x: video-0a: bad"
    assert said("text") == "WARNING somtom.x: cannot be read"
    assert set(json.loads(said("json"))) == {"time", "level", "logger", "message", "pid"}


def test_an_item_is_named_by_its_path_and_a_task_begins_with_nothing_in_hand() -> None:
    with working_on(stage="scan", task="scan-0"):
        take_in_hand("toys", "b\x1b.mp4")
        assert said("text") == "WARNING somtom.x: cannot be read [b\\x1b.mp4]"
        with working_on(stage="scan", task="scan-1"):
            assert json.loads(said("json")).keys() & {"uri", "key"} == set()


def test_a_raised_error_stands_in_the_json_line() -> None:
    try:
        raise ValueError("no\nsuch")
    except ValueError:
        record = logging.LogRecord("somtom.x", logging.ERROR, "x.py", 1, "failed", (), sys.exc_info())
    text = FORMATS["json"]().format(record)
    assert "\n" not in text and "ValueError: no\nsuch" in json.loads(text)["exception"]


def test_a_traceback_of_another_process_stands_in_the_same_line() -> None:
    record = logging.makeLogRecord({"msg": "it failed", "levelname": "ERROR", "traceback": "Traceback\n  x"})
    line = json.loads(FORMATS["json"]().format(record))
    assert (line["message"], line["exception"]) == ("it failed", "Traceback\n  x")


def test_what_is_decoded_ahead_is_logged_under_the_same_shard() -> None:
    def lines() -> Any:
        for number in range(3):
            take_in_hand("toys", f"{number}.mp4")
            yield json.loads(said("json"))

    with working_on(stage="label", shard="val-000000"):
        take_in_hand("toys", "here.mp4")
        found = list(ahead(lines(), lambda line: 1, 10, 10))
        assert json.loads(said("json"))["uri"] == "here.mp4"
    assert [(line["shard"], line["uri"]) for line in found] == [("val-000000", f"{n}.mp4") for n in range(3)]


@pytest.mark.parametrize("runner", ["local", "direct"])
def test_every_process_logs_json_with_the_input_it_has_in_hand(tmp_path: Path, runner: str) -> None:
    videos = draw_videos(tmp_path / "videos", 2)
    name = min(path.name for path in videos.iterdir())
    (videos / "bad.mp4").write_bytes((videos / name).read_bytes()[:300])
    (tmp_path / "removals.txt").write_text(f"{name}\n")
    tree = quick_tree(videos, output={"removals": str(tmp_path / "removals.txt")})
    config = write_config(tmp_path / "c.toml", tree)
    arguments = ("--workers", 2, "--runner", runner, "--log-format", "json")
    done = somtom("build", config, "--out", tmp_path / "out", *arguments, timeout=600)
    assert done.returncode == 0, done.stderr
    # Beam's own processes say something before they know how to: with its root logger, in text.
    texts = [
        line
        for line in done.stderr.splitlines()
        if not line.startswith(("INFO:", "WARNING:root:", "WARNING:__"))
    ]
    lines = [json.loads(line) for line in texts]
    assert runner == "direct" or len(texts) == len(done.stderr.splitlines())
    assert {line["logger"].partition(".")[0] for line in lines} == {"somtom"}
    scanned = next(line for line in lines if line.get("uri") == "bad.mp4")
    assert (
        scanned["stage"] == "scan"
        and scanned["task"].startswith("scan-")
        and "unreadable" in scanned["message"]
    )
    removed = [line for line in lines if line.get("uri") == name and line["stage"] == "label"]
    assert removed and all(line["dataset"] == "videos" and line["run"] == 0 for line in removed)
    assert all(
        line["key"].startswith("video-") and line["shard"][:5] in ("train", "val-0") for line in removed
    )
    driver = {line["pid"] for line in lines if line["logger"] == "somtom.pipelines.progress"}
    assert len(driver) == 1 and not driver & {line["pid"] for line in (scanned, *removed)}
    assert any(line["message"].startswith("label: ") for line in lines)


def test_what_is_wrong_with_a_call_is_json_as_well(tmp_path: Path) -> None:
    done = somtom("label", tmp_path, "--log-format", "json")
    (line,) = map(json.loads, done.stderr.splitlines())
    assert done.returncode == 1 and line["level"] == "error" and "holds no build" in line["message"]
