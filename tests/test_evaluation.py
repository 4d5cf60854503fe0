"""`somtom eval` and `somtom predict`: a checkpoint asked through the command line."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from trainer_inputs import nano, small_vocabulary

from somtom.pipelines.cli import main
from somtom.pipelines.commands_model import TASKS as COMMAND_TASKS
from somtom.pipelines.evaluation import evaluation_lines
from somtom.pipelines.question import TASKS, PredictRequest, ask
from somtom.schemas.answers import parse_som, quantise
from somtom.schemas.shown import shown
from somtom.trainer.checkpoint import Progress, save_checkpoint
from somtom.trainer.evaluate import Evaluation
from somtom.trainer.measures import Measure
from somtom.trainer.metrics import Scores
from somtom.trainer.optimiser import make_optimisers
from somtom.trainer.settings import TrainSettings


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that has learnt nothing yet."""
    torch.set_num_threads(1)
    out = tmp_path_factory.mktemp("run")
    settings = TrainSettings()
    settings = replace(settings, model=replace(settings.model, image_size=64))
    vocabulary = small_vocabulary()
    model = nano(vocabulary)
    optimisers = make_optimisers(model, settings.optim, fused=True)
    save_checkpoint(out, model, optimisers, vocabulary, settings, Progress())
    return out


@pytest.fixture
def screenshot(tmp_path: Path) -> Path:
    """A page of 400 x 320 with three buttons, apart from each other."""
    page = np.full((320, 400, 3), 250, np.uint8)
    for top in (40, 120, 200):
        page[top : top + 40, 60:200] = (40, 90, 200)
        page[top + 15 : top + 25, 90:170:8] = 255
    path = tmp_path / "page.png"
    Image.fromarray(page).save(path)
    return path


def test_eval_prints_a_table_and_writes_figures_and_pictures(
    run: Path, _drawn_dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "figures"
    call = ["eval", str(_drawn_dataset), "--checkpoint", str(run), "--device", "cpu"]
    assert main([*call, "--limit", "1", "--pictures", "1", "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "1 samples of 1 groups" in printed and "no motion" in printed and "asked" in printed
    figures = json.loads((out / "val.json").read_text())
    assert (figures["samples"], figures["split"], figures["data"]) == (1, "val", _drawn_dataset.name)
    assert figures["asked"] == {"marks": 1, "traces": 1} and figures["checkpoint"] == "step-00000000"
    assert (out / "sheet-000.png").is_file()
    assert main([*call, "--split", "train", "--limit", "1", "--json", "--out", str(out)]) == 0
    assert json.loads(capsys.readouterr().out) == {
        name: value
        for name, value in json.loads((out / "train.json").read_text()).items()
        if name not in ("data", "split", "checkpoint")
    }


def test_the_table_says_what_beats_what() -> None:
    scores = Scores()
    for group in "abcd":
        scores.add(group, [Measure("ade", 3.0, others={"no motion": 8.0}), Measure("mark_accuracy", 0.5)])
        scores.add(group, [Measure("action_l1 arm dx", 3.0)])
    found = Evaluation(8, {"traces": 4, "target": 4}, {"traces": 1}, 2, tuple(scores.scores()))
    lines = list(evaluation_lines(found))
    assert any("3.0 px" in line and line.endswith("no motion 8.0 px (yes)") for line in lines)
    assert any("50.0 %" in line and line.rstrip().endswith("n = 4") for line in lines)
    assert "traces: 4 asked, 1 answers could not be read" in lines
    assert "2 samples have no question of a kind that the model learns" in lines
    assert not any("arm" in line for line in lines)


@pytest.mark.parametrize("task", TASKS)
def test_every_task_is_answered(
    task: str, run: Path, screenshot: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = tmp_path / "new" / "said.png"
    call = ["predict", str(screenshot), "--task", task, "--checkpoint", str(run), "--device", "cpu"]
    assert main([*call, "--instruction", "Press the first button", "-o", str(picture)]) == 0
    # Not by splitlines: what an untrained model says may hold any character that ends a line.
    answer, _, last = capsys.readouterr().out.removesuffix("\n").rpartition("\n")
    said = json.loads(last)
    assert answer == "\n".join(shown(line) for line in said["answer"].split("\n"))
    assert isinstance(said["readable"], bool)
    count = {"describe": 0, "trace": 16, "robot": 16}.get(task, 3)
    assert len(said["marks"]) == count
    assert Image.open(picture).size == (400, 320)


def test_the_tasks_of_the_command_are_those_that_there_are() -> None:
    assert tuple(TASKS) == COMMAND_TASKS


def asked(picture: Path, **values: Any) -> Any:
    return ask(PredictRequest(image=picture, **values))[0].record


def test_marks_are_where_they_are_asked_for_in_pixels_of_the_picture(tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    Image.fromarray(np.zeros((1024, 2048, 3), np.uint8)).save(path)
    record = asked(path, task="trace", marks=("0,0", "1024,511.5"), steps=5)
    assert (record["width"], record["height"]) == (1024, 512)  # as a build scales it
    assert [(mark["x"], mark["y"]) for mark in record["marks"]] == [(-0.25, -0.25), (511.75, 255.5)]
    som, question, answer = (record["conversations"][n]["value"] for n in (1, 2, 3))
    places = quantise([(mark["x"], mark["y"]) for mark in record["marks"]], 1024, 512)[0]
    assert parse_som(som) == {1: tuple(places[0]), 2: tuple(places[1])}
    assert "5" in question and answer == ""


def test_questions_are_asked_as_data_sets_do(screenshot: Path) -> None:
    click = asked(screenshot, task="click", instruction="the first button")
    assert [turn["value"].count("<image>") for turn in click["conversations"]] == [1, 0, 0, 0]
    assert "the first button" in click["conversations"][2]["value"]
    earlier = asked(screenshot, task="trace", instruction="press it", history=(screenshot, screenshot))
    first = earlier["conversations"][0]["value"]
    assert first.startswith("<image>\n<image>\n<image>\n") and "Task: press it" in first
    assert len(earlier["history"]) == 2
    free = asked(screenshot, task="describe")
    assert free["conversations"][0]["value"] == "<image>\nDescribe the image." and not free["marks"]


@pytest.mark.parametrize(
    ("more", "status", "message"),
    [
        (["--task", "click"], 2, "--task click needs an --instruction"),
        (["--task", "locate", "--marks", "1;2"], 2, "must be x,y"),
        (["--task", "locate", "--marks", "400,2"], 2, "outside of the picture's 400 x 320"),
        (["--task", "locate", "--marks", "1,2", "--grid", "3"], 2, "give one of them"),
        (["--task", "locate", "--grid", "-1"], 2, "--grid -1"),
        (["--task", "trace", "--steps", "0"], 2, "--steps 0"),
        (["--task", "locate", "--style", "dics"], 2, "disc"),
        (["--task", "locate", "-o", "x.gif"], 2, "must end in .png"),
        (["--task", "locate", "--history", "none.png"], 1, "none.png is not there"),
        (["--task", "locate", "--checkpoint", "nowhere"], 1, "holds no checkpoint"),
    ],
)
def test_mistakes_are_told_in_one_line(
    more: list[str],
    status: int,
    message: str,
    run: Path,
    screenshot: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["predict", str(screenshot), "--checkpoint", str(run), *more]) == status
    told = capsys.readouterr().err
    assert message in told and told.startswith("somtom: ") and told.count("\n") == 1


@pytest.mark.parametrize(
    ("more", "status", "message"),
    [
        (["--split", "vla"], 2, "--split vla"),
        (["--limit", "-1"], 2, "--limit"),
        (["--checkpoint", "nowhere"], 1, "nowhere: holds no checkpoint"),
    ],
)
def test_mistakes_in_eval_are_told_in_one_line(
    more: list[str],
    status: int,
    message: str,
    run: Path,
    _drawn_dataset: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = ["--out", str(run / "figures")]
    assert main(["eval", str(_drawn_dataset), "--checkpoint", str(run), *out, *more]) == status
    told = capsys.readouterr().err
    assert told.startswith(f"somtom: {message}") and told.count("\n") == 1


def test_a_data_set_that_is_none_or_lacks_the_split_is_named_once(
    run: Path, _drawn_dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder, split in ((tmp_path, "val"), (_drawn_dataset, "test")):
        assert main(["eval", str(folder), "--split", split, "--checkpoint", str(run)]) == 1
        told = capsys.readouterr().err
        assert told.startswith(f"somtom: {folder}: ") and told.count(str(folder)) == told.count("\n") == 1


def test_a_picture_that_is_none_is_told_in_one_line(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "text.png"
    path.write_text("no picture")
    assert main(["predict", str(path), "--task", "describe", "--checkpoint", str(run)]) == 1
    assert "text.png: is none of PNG" in capsys.readouterr().err
