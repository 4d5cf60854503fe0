"""The ablation end to end, on few clips and for a few steps: the books, not the figures."""

import json
import re
from pathlib import Path

import pytest

from somtom.pipelines.cli import main
from somtom.pipelines.samples_moves import write_moves

pytest.importorskip("torch", reason="the extra [train] is not installed")
CONFIGS = Path(__file__).parents[1] / "configs"


def test_variants_are_labelled_trained_and_measured_on_the_same_clips(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_moves(tmp_path / "moves", 18, 0)
    config = tmp_path / "train.toml"
    text = (CONFIGS / "train.toml").read_text()
    config.write_text(text.replace('"build/moves/', f'"{tmp_path / "moves"}/'))
    built = tmp_path / "built"
    assert main(["build", str(config), "--out", str(built), "--workers", "1"]) == 0
    command = [
        "ablate",
        str(CONFIGS / "ablation.toml"),
        *("--data", str(built), "--out", str(tmp_path / "out"), "--seeds", "1"),
        *("--only", "raw", "--only", "no-compensation"),
        *("--truth", str(tmp_path / "moves" / "truth" / "moves" / "val.jsonl")),
        *("--set", "optim.steps=2", "--set", "model.image_size=64", "--set", 'model.start=""'),
    ]
    capsys.readouterr()
    assert main(command) == 0
    table = [line for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    assert [line.split("|")[1].strip() for line in table[2:4]] == [
        "raw coordinates",
        "SoM + ToM, camera left in",
    ]
    results = {path.stem: json.loads(path.read_text()) for path in (tmp_path / "out" / "results").iterdir()}
    assert {*results} == {"raw-0", "no-compensation-0"}
    # The same held-out clips, of the same truth, whatever a variant's own labels say.
    for name in ("clips", "hit random mark", "ade no motion"):
        assert len({found[name] for found in results.values()}) == 1
    assert results["raw-0"]["clips"] >= 2
    for variant in ("raw", "som-tom", "no-compensation"):
        texts = (tmp_path / "out" / "data" / f"{variant}-0" / "meta" / "config.toml").read_text()
        assert ('camera = "never"' in texts) == (variant == "no-compensation")
        assert bool(re.search(r"numbers = false", texts)) == (variant == "raw")

    assert main(command) == 0  # nothing is done twice
    assert [line for line in capsys.readouterr().out.splitlines() if line.startswith("|")] == table
