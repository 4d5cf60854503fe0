from pathlib import Path

import pytest

from somtom.pipelines.bench_trainer import bench_trainer, time_steps


def test_steps_from_shards_and_in_memory_are_timed_over_the_same_tokens(small_dataset: Path) -> None:
    tokens, from_shards_s, in_memory_s = time_steps(small_dataset, 1)

    # Four steps of a data set of three samples.
    assert tokens > 12 * 154 and tokens % 4 == 0
    assert min(from_shards_s, in_memory_s) > 0


def test_without_torch_the_part_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    findings = bench_trainer(tmp_path, 1)
    assert not findings.figures and "somtom[train]" in findings.notes[0]
