import json
from pathlib import Path

import pytest
from exports import export

from somtom.pipelines.cli import main
from somtom.pipelines.output import OutputError
from somtom.schemas.reasons import DataError
from somtom.schemas.shard_index import energon_index, index_shard


def test_an_export_for_energon_takes_no_second_place_on_the_disk(small_dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "energon"

    export(small_dataset, "energon", out)

    for name in ("train-000000", "val-000000"):
        shard = small_dataset / "shards" / f"{name}.tar"
        assert (out / "shards" / shard.name).samefile(shard)
        assert (out / "shards" / f"{shard.name}.idx").read_bytes() == energon_index(index_shard(shard))
    for path in (small_dataset / ".nv-meta").iterdir():
        assert (out / ".nv-meta" / path.name).read_bytes() == path.read_bytes()
    assert sorted(path.name for path in out.iterdir()) == [".nv-meta", "meta", "shards"]


def test_the_data_set_itself_stays_as_it_is(small_dataset: Path, tmp_path: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in small_dataset.rglob("*") if path.is_file()}

    export(small_dataset, "energon", tmp_path / "energon")

    assert {path: path.stat().st_mtime_ns for path in small_dataset.rglob("*") if path.is_file()} == before


def test_a_folder_that_holds_something_is_refused(small_dataset: Path, tmp_path: Path) -> None:
    (tmp_path / "energon").mkdir()
    (tmp_path / "energon" / "mine.txt").write_text("")

    with pytest.raises(OutputError, match="not empty"):
        export(small_dataset, "energon", tmp_path / "energon")


def test_without_samples_there_is_nothing_to_export(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="no finished data set"):
        export(tmp_path, "energon", tmp_path / "energon")


def test_a_missing_index_is_named(small_dataset: Path, tmp_path: Path) -> None:
    (small_dataset / "meta" / "dali" / "val-000000.idx").unlink()

    with pytest.raises(DataError, match=r"val-000000\.idx"):
        export(small_dataset, "energon", tmp_path / "energon")


def test_the_command_exports_and_names_the_forms_it_knows(
    small_dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "energon"

    assert main(["export", str(small_dataset), "--to", "energon", "--out", str(out)]) == 0
    assert capsys.readouterr().out == f"5 samples in {out}\n"
    assert json.loads((out / ".nv-meta" / ".info.json").read_text())["shard_counts"]
    assert main(["export", str(small_dataset), "--to", "enrgon", "--out", str(out)]) == 2
    assert "energon" in capsys.readouterr().err
