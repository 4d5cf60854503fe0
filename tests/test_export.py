"""What every form has in common, and who may write where."""

import dataclasses
import hashlib
import json
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from exports import export

from somtom.pipelines.cli import main
from somtom.pipelines.config_rules import ConfigError
from somtom.pipelines.export_folder import whole_folder
from somtom.pipelines.export_selection import Selection, Written
from somtom.pipelines.exporters import EXPORTERS, make_exporter
from somtom.pipelines.output import OutputError
from somtom.schemas.meta_tables import read_samples, write_samples
from somtom.schemas.reasons import DataError

FORMS = tuple(EXPORTERS)


@dataclasses.dataclass(frozen=True)
class Keys:
    """A form of one's own: a line a sample."""

    end: str = "\n"

    def export(self, chosen: Selection, out: Path) -> Written:
        keys = [sample.key for split in chosen.counts for sample in chosen.samples(split)]
        (out / "keys.txt").write_text("".join(key + self.end for key in keys))
        return Written(len(keys))


@dataclasses.dataclass(frozen=True)
class Dies:
    """A form whose process is killed when it has begun."""

    def export(self, chosen: Selection, out: Path) -> Written:
        (out / "half.txt").write_text("begun")
        os.kill(os.getpid(), signal.SIGKILL)
        return Written(0)


@dataclasses.dataclass(frozen=True)
class Fails:
    def export(self, chosen: Selection, out: Path) -> Written:
        (out / "half.txt").write_text("begun")
        raise ConfigError("cannot hold that")


def files(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "provenance.json"
    }


@pytest.mark.parametrize("form", FORMS)
def test_an_export_gives_the_same_bytes_again_and_leaves_the_data_set_alone(
    mixed_dataset: Path, tmp_path: Path, form: str
) -> None:
    before = files(mixed_dataset)

    one, other = export(mixed_dataset, form, tmp_path / "a"), export(mixed_dataset, form, tmp_path / "b")

    assert files(one) == files(other)
    assert files(mixed_dataset) == before
    assert {path.name for path in tmp_path.iterdir()} == {"a", "b"}


@pytest.mark.parametrize("form", FORMS)
def test_what_was_exported_of_what_stands_in_meta(mixed_dataset: Path, tmp_path: Path, form: str) -> None:
    out = export(mixed_dataset, form, tmp_path / "out", split="train")

    name = "provenance.json" if form == "tar" else "export.json"
    facts = json.loads((out / "meta" / name).read_text())
    facts = facts["exported"] if form == "tar" else facts
    assert (facts["form"], facts["split"], facts["chosen"]) == (form, "train", {"train": 23})
    assert facts["samples"] == 23 - facts["left_out"].get("no clip, so no traces", 0) - facts["left_out"].get(
        "not of a LeRobot data set", 0
    )
    assert str(mixed_dataset) not in json.dumps(facts)
    stats = mixed_dataset / "meta" / "action_stats.json"
    assert (out / "meta" / "action_stats.json").read_bytes() == stats.read_bytes()


def test_a_selection_takes_the_first_that_meet_the_condition(mixed_dataset: Path) -> None:
    rows = list(read_samples(mixed_dataset))

    chosen = Selection(mixed_dataset, where="task == 'tom' and marks > 9", limit=7)

    wanted = [row for row in rows if row["task"] == "tom" and row["marks"] > 9][:7]
    assert list(chosen.rows()) == wanted
    assert chosen.total == 7
    read = [sample.key for split in chosen.counts for sample in chosen.samples(split)]
    assert sorted(read) == sorted(row["key"] for row in wanted)
    assert Selection(mixed_dataset, split="val").counts == {"val": 17}


def test_members_of_samples_not_chosen_are_not_read(mixed_dataset: Path, tmp_path: Path) -> None:
    one = next(read_samples(mixed_dataset))

    export(mixed_dataset, "llava", tmp_path / "out", where=f"key == '{one['key']}'")

    (entry,) = json.loads((tmp_path / "out" / "train.json").read_text())
    assert entry["id"] == one["key"]
    assert len(list((tmp_path / "out" / "images").rglob("*.jpg"))) == 2  # the earlier one and the marked one


def test_nothing_that_meets_the_condition_is_said(mixed_dataset: Path, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="no samples meet --where"):
        export(mixed_dataset, "llava", tmp_path / "out", where="marks > 1000")
    with pytest.raises(ConfigError, match="--split"):
        export(mixed_dataset, "llava", tmp_path / "out", split="trian")
    with pytest.raises(ConfigError, match="--limit"):
        export(mixed_dataset, "llava", tmp_path / "out", limit=-1)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_holds_something_is_left_alone(small_dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "other"
    out.mkdir()
    (out / "mine.txt").write_text("mine")

    with pytest.raises(OutputError, match="not empty"):
        export(small_dataset, "parquet", out)

    assert [path.name for path in out.iterdir()] == ["mine.txt"]


def test_an_empty_folder_is_taken_a_link_and_the_data_set_itself_are_not(
    small_dataset: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "empty")

    with pytest.raises(OutputError, match="not empty"):
        export(small_dataset, "parquet", tmp_path / "link")
    with pytest.raises(OutputError, match="lies in the data set"):
        export(small_dataset, "parquet", small_dataset / "shards" / "more")
    export(small_dataset, "parquet", tmp_path / "empty")

    assert (tmp_path / "empty" / "data").is_dir()


def test_an_export_that_fails_leaves_nothing(small_dataset: Path, tmp_path: Path) -> None:
    from somtom.pipelines.export import export_data_set

    before = set(tmp_path.iterdir())
    with pytest.raises(ConfigError, match="cannot hold that"):
        export_data_set(Selection(small_dataset), "fails", Fails(), tmp_path / "new")

    assert set(tmp_path.iterdir()) == before


def die(folder: Path, out: Path) -> None:
    from somtom.pipelines.export import export_data_set

    export_data_set(Selection(folder), "dies", Dies(), out)


def test_an_export_that_was_killed_leaves_no_half_folder_and_the_next_one_goes_well(
    small_dataset: Path, tmp_path: Path
) -> None:
    out = tmp_path / "new"
    child = multiprocessing.get_context("fork").Process(target=die, args=(small_dataset, out))
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    assert not out.exists()
    assert (tmp_path / ".new.export" / "half.txt").exists()

    export(small_dataset, "llava", out)

    assert not (tmp_path / ".new.export").exists()
    assert sorted(path.name for path in out.iterdir()) == ["images", "meta", "train.json", "val.json"]


def test_two_exports_to_one_place_do_not_meet(small_dataset: Path, tmp_path: Path) -> None:
    with whole_folder(tmp_path / "new") as aside:
        (aside / "mine.txt").write_text("mine")
        with pytest.raises(OutputError, match="another export"):
            export(small_dataset, "llava", tmp_path / "new")

    assert (tmp_path / "new" / "mine.txt").read_text() == "mine"


def test_a_strangers_folder_beside_it_is_not_removed(small_dataset: Path, tmp_path: Path) -> None:
    (tmp_path / ".new.export").mkdir()
    (tmp_path / ".new.export" / "mine.txt").write_text("mine")

    with pytest.raises(OutputError, match="stands where"):
        export(small_dataset, "llava", tmp_path / "new")

    assert (tmp_path / ".new.export" / "mine.txt").exists()


@pytest.mark.parametrize("name", ["h00.jpg/../../../../evil.jpg", "/evil.jpg", "h0.jpg", "evil.jpg"])
def test_a_hostile_member_cannot_lead_out_of_the_folder(
    small_dataset: Path, tmp_path: Path, repack: Callable[..., None], name: str
) -> None:
    shard = small_dataset / "shards" / "train-000000.tar"
    first = next(read_samples(small_dataset))["key"]
    repack(shard, lambda members: [*members[:4], (f"{first}.{name}", members[1][1]), *members[4:]])
    before = set(tmp_path.rglob("*"))

    for form in ("llava", "parquet", "mds", "tar"):
        with pytest.raises(DataError, match="members"):
            export(small_dataset, form, tmp_path / "a" / "new")
    assert set(tmp_path.rglob("*")) - before == {tmp_path / "a"}


def test_a_hostile_table_cannot_name_another_file(small_dataset: Path, tmp_path: Path) -> None:
    rows = [{**row, "shard": "../../evil"} for row in read_samples(small_dataset)]
    write_samples(small_dataset, rows)

    with pytest.raises(DataError, match="is no shard"):
        export(small_dataset, "llava", tmp_path / "new")


def test_turns_in_another_order_are_named(
    small_dataset: Path, tmp_path: Path, repack: Callable[..., None]
) -> None:
    def swap(members: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
        name, data = members[0]
        return [(name, data.replace(b'"from":"gpt"', b'"from":"bot"')), *members[1:]]

    repack(small_dataset / "shards" / "train-000000.tar", swap)
    with pytest.raises(DataError, match="human and gpt"):
        export(small_dataset, "ms-swift", tmp_path / "new")


def test_a_form_of_ones_own_is_named_by_module_and_class(
    small_dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "keys"
    name = f"{__name__}:Keys"
    sys.modules.setdefault(__name__, sys.modules[Keys.__module__])
    call = ["export", str(small_dataset), "--to", name, "--out", str(out), "--quiet", "--set", "end=;"]

    assert main(call) == 0

    assert capsys.readouterr().out == f"5 samples in {out}\n"
    keys = [row["key"] for row in read_samples(small_dataset)]
    assert (out / "keys.txt").read_text() == "".join(f"{key};" for key in keys)


@pytest.mark.parametrize(
    ("name", "settings", "said"),
    [
        ("lava", [], "did you mean llava"),
        ("no.such:Form", [], "cannot be imported"),
        ("pathlib:Path", [], "must be a dataclass"),
        ("parquet", ["file_bm=3"], "did you mean export.file_mb"),
        ("parquet", ["file_mb=much"], "whole number"),
        ("parquet", ["file_mb"], "write section.key=value"),
    ],
)
def test_a_mistake_is_named_with_the_nearest_right_thing(name: str, settings: list[str], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        make_exporter(name, settings)


def test_sizes_of_shards_belong_to_tar_alone(
    small_dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call = ["export", str(small_dataset), "--out", str(tmp_path / "new"), "--quiet"]

    assert main([*call, "--to", "mds", "--clips-per-shard", "3"]) == 2
    assert "belong to --to tar" in capsys.readouterr().err
    assert main([*call, "--to", "tar", "--clips-per-shard", "-3"]) == 2
    assert main([*call, "--to", "energon", "--limit", "2"]) == 2
    assert "whole shards" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()
