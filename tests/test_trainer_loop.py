import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModel, AutoModelForCausalLM, AutoTokenizer

from somtom.pipelines.cli import main
from somtom.pipelines.config_rules import ConfigError
from somtom.pipelines.train_config import load_train_settings
from somtom.schemas.reasons import DataError
from somtom.trainer.checkpoint import find_checkpoint, load_model
from somtom.trainer.log import COLUMNS, read_log
from somtom.trainer.loop import train
from somtom.trainer.settings import TrainSettings

CHANGES = [
    "model.image_size=64",
    "optim.batch=2",
    "optim.steps=6",
    "optim.warmup=2",
    "data.workers=0",
    "run.threads=1",
    "run.device=cpu",
    "run.precision=float32",
    "run.log_every=1",
    "run.save_every=2",
]
NUMBERS = ("step", "epoch", "loss", "rate", "gradient", "samples", "tokens", "skipped")


def settings_of(data: Path, out: Path, *changes: str) -> TrainSettings:
    return load_train_settings(data, [*CHANGES, f"run.out={out}", *changes])


def numbers(out: Path) -> list[list[str]]:
    """What must not differ between two runs that are the same."""
    return [[row[name] for name in NUMBERS] for row in read_log(out)]


def losses(out: Path) -> list[float]:
    return [float(row["loss"]) for row in read_log(out)]


def command(data: Path, out: Path, *changes: str) -> list[str]:
    sets = [word for change in [*CHANGES, *changes] for word in ("--set", change)]
    return ["train", str(data), "--out", str(out), *sets]


def test_a_short_run_learns_and_leaves_what_it_should(small_dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    last = train(
        settings_of(small_dataset, out, "optim.steps=30", "run.eval_every=15", "run.tensorboard=true")
    )

    assert losses(out)[-1] < 0.5 * losses(out)[0]
    assert tuple(read_log(out)[0]) == COLUMNS
    assert sorted(path.name for path in (out / "checkpoints").iterdir()) == ["step-00000028", "step-00000030"]
    assert last.name == "step-00000030"
    assert len((out / "eval.jsonl").read_text().splitlines()) == 2
    assert list((out / "tensorboard").glob("events*"))


def test_a_checkpoint_holds_no_pickle_and_transformers_loads_its_halves(
    small_dataset: Path, tmp_path: Path
) -> None:
    last = train(settings_of(small_dataset, tmp_path / "run"))
    model, vocabulary, settings = load_model(tmp_path / "run")

    kinds = {path.suffix for path in last.rglob("*") if path.is_file()}
    assert kinds == {".json", ".safetensors"}
    assert settings.optim.batch == 2 and vocabulary.size == model.decoder.config.vocab_size
    decoder = AutoModelForCausalLM.from_pretrained(last / "decoder", local_files_only=True)
    encoder = AutoModel.from_pretrained(last / "encoder", local_files_only=True)
    assert all(
        torch.equal(a, b) for a, b in zip(decoder.parameters(), model.decoder.parameters(), strict=True)
    )
    assert all(
        torch.equal(a, b) for a, b in zip(encoder.parameters(), model.encoder.parameters(), strict=True)
    )
    tokenizer = AutoTokenizer.from_pretrained(last / "decoder", local_files_only=True)
    assert tokenizer.convert_tokens_to_ids("<action_255>") == vocabulary.size - 1
    assert load_file(last / "projector.safetensors").keys() == model.projector.state_dict().keys()


@pytest.mark.parametrize("muon", [0.0, 3.0])
def test_killed_and_resumed_it_gives_the_same_to_the_last_digit(
    small_dataset: Path, tmp_path: Path, muon: float
) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    changes = f"optim.muon={muon}"
    train(settings_of(small_dataset, whole, changes))
    ours = [sys.executable, "-c", "import sys; from somtom.pipelines.cli import main; sys.exit(main())"]
    process = subprocess.Popen([*ours, *command(small_dataset, killed, changes, "data.workers=1")])
    deadline = time.monotonic() + 120
    while len(read_log(killed)) < 3 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = find_checkpoint(killed)
    train(settings_of(small_dataset, killed, changes), resume=True)

    assert before is not None and before.name in ("step-00000002", "step-00000004", "step-00000006")
    assert numbers(killed) == numbers(whole)
    for name in ("state.safetensors", "decoder/model.safetensors", "projector.safetensors"):
        ends = [find_checkpoint(out) or out for out in (whole, killed)]
        assert (ends[0] / name).read_bytes() == (ends[1] / name).read_bytes()


def test_two_ranks_with_uneven_counts_learn_what_one_does(small_dataset: Path, tmp_path: Path) -> None:
    train(settings_of(small_dataset, tmp_path / "one"))
    subprocess.run(
        [
            *(sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"),
            *("--no-python", str(Path(sys.executable).parent / "somtom")),
            *command(small_dataset, tmp_path / "two", "data.workers=2"),
        ],
        check=True,
        capture_output=True,
        timeout=300,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )

    one, two = read_log(tmp_path / "one"), read_log(tmp_path / "two")
    # Three samples in steps of two: in every other step the second rank has none.
    assert [row["samples"] for row in two] == ["2", "3", "5", "6", "8", "9"]
    assert [row["tokens"] for row in two] == [row["tokens"] for row in one]
    assert losses(tmp_path / "two") == pytest.approx(losses(tmp_path / "one"), rel=1e-4)


def test_micro_batches_learn_what_the_whole_batch_does(small_dataset: Path, tmp_path: Path) -> None:
    train(settings_of(small_dataset, tmp_path / "whole"))
    train(settings_of(small_dataset, tmp_path / "parts", "optim.accumulation=2"))
    assert losses(tmp_path / "parts") == pytest.approx(losses(tmp_path / "whole"), rel=1e-4)


def test_bfloat16_and_packing_learn_nearly_the_same(small_dataset: Path, tmp_path: Path) -> None:
    train(settings_of(small_dataset, tmp_path / "whole"))
    changed = settings_of(small_dataset, tmp_path / "changed", "run.precision=bfloat16", "data.packing=true")
    train(changed)
    assert losses(tmp_path / "changed") == pytest.approx(losses(tmp_path / "whole"), rel=0.02)


def test_a_frozen_part_stays_as_it_was(small_dataset: Path, tmp_path: Path) -> None:
    changes = ["optim.encoder_lr=0", "run.save_every=1", "run.keep=9"]
    train(settings_of(small_dataset, tmp_path, *changes))
    steps = sorted((tmp_path / "checkpoints").iterdir())
    encoders, projectors = (
        [(step / name).read_bytes() for step in steps]
        for name in ("encoder/model.safetensors", "projector.safetensors")
    )
    assert encoders[0] == encoders[-1] and projectors[0] != projectors[-1]


def test_another_run_is_not_taken_for_this_one(small_dataset: Path, tmp_path: Path) -> None:
    short = settings_of(small_dataset, tmp_path / "run", "optim.steps=2")
    train(short)
    with pytest.raises(DataError, match=r"optim\.muon = 3\.0: the run was begun with 0\.0"):
        train(replace(short, optim=replace(short.optim, muon=3.0)), resume=True)
    with pytest.raises(DataError, match="holds a run; go on with it by --resume"):
        train(short)
    with pytest.raises(DataError, match=r"optim\.batch = 3: the run was begun with 2"):
        train(replace(short, optim=replace(short.optim, batch=3)), resume=True)
    twice = replace(short.data, paths=(str(small_dataset), str(small_dataset)))
    with pytest.raises(DataError, match="was trained on other shards"):
        train(replace(short, data=twice), resume=True)


def test_data_without_anything_to_learn_ends_the_run(small_dataset: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="none of 3 samples has anything to learn"):
        train(settings_of(small_dataset, tmp_path, 'data.answers=["robot"]'))


def test_parts_of_different_checkpoints_are_refused(small_dataset: Path, tmp_path: Path) -> None:
    last = train(settings_of(small_dataset, tmp_path / "run", "optim.steps=2"))
    path = last / "decoder" / "vocabulary.json"
    path.write_text(path.read_text().replace('"marks": 300', '"marks": 301'))
    with pytest.raises(DataError, match="are of two different checkpoints"):
        load_model(tmp_path / "run")
    (last / "projector.safetensors").write_bytes(b"nothing")
    path.write_text(path.read_text().replace('"marks": 301', '"marks": 300'))
    with pytest.raises(DataError, match=r"projector\.safetensors: cannot be read"):
        load_model(tmp_path / "run")
    with pytest.raises(DataError, match="holds no checkpoint"):
        load_model(tmp_path)


def test_a_mistake_is_said_in_one_line(
    small_dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments, said in (
        (["train", str(tmp_path)], "is no data set"),
        (["train", str(small_dataset), "--set", "optim.lrr=1"], "did you mean optim.lr?"),
        (
            ["train", str(small_dataset), "--set", "model.preset=base"],
            "needs model.encoder and model.decoder",
        ),
        (
            ["train", str(small_dataset), "--set", "run.precision=half"],
            "must be one of auto, float32, bfloat16",
        ),
        (["train", str(tmp_path / "none.toml")], "cannot be read"),
        (
            [
                *("train", str(small_dataset), "--set", "model.preset=base"),
                *("--set", f"model.encoder={tmp_path}", "--set", f"model.decoder={tmp_path}"),
            ],
            "is no local folder with a config.json",
        ),
    ):
        assert main([*arguments, "--out", str(tmp_path / "out")]) != 0
        lines = capsys.readouterr().err.splitlines()
        assert len(lines) == 1 and said in lines[0], lines


def test_without_torch_what_to_install_is_said(small_dataset: Path) -> None:
    code = "import sys; sys.modules['torch'] = None; from somtom.pipelines.cli import main; "
    code += f"sys.exit(main(['train', {str(small_dataset)!r}]))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (
        1,
        'somtom: train: torch is not installed: pip install "somtom[train]"\n',
    )


def test_settings_are_read_from_a_file_and_held_to_their_bounds(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text('[data]\npaths = ["a", "b"]\nweights = [1, 2.5]\n[optim]\nlr = 2e-4\n')
    settings = load_train_settings(path, ["run.seed=3"])
    assert (settings.data.weights, settings.optim.lr, settings.run.seed) == ((1.0, 2.5), 2e-4, 3)
    for change, said in (
        ("data.weights=[1]", "1 numbers for 2 data.paths"),
        ("data.weights=[1, -1]", "must be 0.0 to 1000.0"),
        ("data.paths=[]", "name at least one data set"),
        ('data.answers=["mark"]', "did you mean 'marks'"),
        ("optim.batch=0", "must be 1 to"),
    ):
        with pytest.raises(ConfigError, match=said):
            load_train_settings(path, [change])
