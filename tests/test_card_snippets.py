"""Every program on the card loads the data set that it stands on."""

import re
from pathlib import Path

import pytest
from apart import run_apart, written

from somtom.pipelines.card_loading import FOLDER, STACKS
from somtom.pipelines.cli import main

# title -> the environment it runs in; "" is that of the tests
ENVIRONMENTS = {"megatron-energon": "energon", "NVIDIA DALI": "dali"}


@pytest.mark.parametrize("title", [stack.title for stack in STACKS])
def test_the_cards_program_reads_every_sample(mixed_dataset: Path, tmp_path: Path, title: str) -> None:
    section = (mixed_dataset / "README.md").read_text().partition(f"### {title}\n")[2].partition("\n### ")[0]
    found = re.search(r"```python\n(.*?)```", section, re.DOTALL)
    assert found is not None and FOLDER in found[1]
    folder = tmp_path / "out"
    folder.symlink_to(mixed_dataset)
    for command in re.findall(r"`somtom (.*?)`", section):
        assert main(command.replace(FOLDER, str(folder)).split()) == 0
    program = found[1].replace(FOLDER, str(folder))

    printed = run_apart(
        ENVIRONMENTS.get(title, ""), program, variables={"HF_DATASETS_CACHE": str(tmp_path / "cache")}
    )

    keys = [line.split(" ")[0] for line in printed.splitlines()]
    truth = written(mixed_dataset, "train")
    assert sorted(key for key in keys if key in truth) == sorted(truth)
