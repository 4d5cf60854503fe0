"""mosaicml-streaming and litdata read what we write for them, every value of it, and write it as we do."""

import json
from pathlib import Path
from typing import Any

import pytest
from apart import assert_is_the_tar, run_apart, written
from exports import export

MEMBERS = {"json", "jpg", "clean.jpg", "traces.npy", "h00.jpg", "cam1.jpg"}
READERS: dict[str, tuple[str, dict[str, Any]]] = {
    "mds": ("read_mds.py", {"shard_mb": 1}),
    "litdata": ("read_litdata.py", {"chunk_mb": 1}),
}


@pytest.mark.parametrize("split", ["train", "val"])
@pytest.mark.parametrize("form", READERS)
def test_the_librarys_own_loader_reads_every_value_once(
    mixed_dataset: Path, tmp_path: Path, form: str, split: str
) -> None:
    program, settings = READERS[form]
    out = export(mixed_dataset, form, tmp_path / "out", **settings)
    (tmp_path / "read").mkdir()

    run_apart("exports", program, out, split, tmp_path / "read", variables={"HOME": str(tmp_path)})

    truth = written(mixed_dataset, split)
    assert assert_is_the_tar(tmp_path / "read", truth, "any") == dict.fromkeys(MEMBERS, len(truth))


@pytest.mark.parametrize("form", READERS)
def test_the_librarys_own_writer_writes_the_same_bytes(
    mixed_dataset: Path, tmp_path: Path, form: str
) -> None:
    _, settings = READERS[form]
    # mosaicml-streaming reads arrays without numbers, but its writer refuses them.
    out = export(mixed_dataset, form, tmp_path / "out", split="train", where="marks > 0", **settings)
    truth = [one for one in written(mixed_dataset, "train").values() if json.loads(one["json"])["marks"]]
    for number, members in enumerate(truth):
        place = tmp_path / "members" / f"{number:04d}"
        place.mkdir(parents=True)
        for name, data in members.items():
            (place / name).write_bytes(data)

    run_apart("exports", "write_chunks.py", form, tmp_path / "members", tmp_path / "theirs")

    def contents(folder: Path) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix != ".json"}

    assert contents(out / "train") == contents(tmp_path / "theirs")
    ours, theirs = (
        json.loads((folder / "index.json").read_text()) for folder in (out / "train", tmp_path / "theirs")
    )
    if form == "litdata":
        assert ours["chunks"] == theirs["chunks"]
        assert theirs["config"] | ours["config"] == theirs["config"]
    else:
        assert ours == theirs
