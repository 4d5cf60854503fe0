import json
from pathlib import Path
from typing import Any

import pytest

from somtom.schemas.check import check_dataset
from somtom.schemas.check_meta import read_manifests
from somtom.schemas.croissant import croissant
from somtom.schemas.sample_rows import SAMPLE_COLUMNS


def described(folder: Path) -> dict[str, Any]:
    values: dict[str, Any] = json.loads((folder / "meta" / "croissant.json").read_text())
    return values


def by_id(values: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {one["@id"]: one for one in values}


def test_every_shard_is_named_with_its_place_and_digest(small_dataset: Path) -> None:
    files = by_id(described(small_dataset)["distribution"])
    manifests, _ = read_manifests(small_dataset)

    for name in ("train-000000", "val-000000"):
        one = files[f"{name}.tar"]
        assert one["sha256"] == manifests[name].sha256
        assert (small_dataset / "meta" / one["contentUrl"]).stat().st_size == manifests[name].size_bytes
    assert "train-000001.tar" not in files  # it got no samples


def test_every_column_of_the_table_is_a_typed_field(small_dataset: Path) -> None:
    fields = by_id(by_id(described(small_dataset)["recordSet"])["samples"]["field"])

    assert list(fields) == [f"samples/{name}" for name in SAMPLE_COLUMNS]
    assert fields["samples/split"]["references"] == {"field": {"@id": "splits/name"}}
    assert fields["samples/fps"]["dataType"] == "cr:Float64"


def test_splits_licence_and_version_are_said(small_dataset: Path) -> None:
    values = described(small_dataset)

    rows = by_id(values["recordSet"])["splits"]["data"]
    assert [row["splits/name"] for row in rows] == ["train", "val"]
    assert values["license"] == ["CC0-1.0"]
    assert values["version"].startswith("1.0.0+")
    assert values["conformsTo"] == "http://mlcommons.org/croissant/1.1"


def test_further_members_are_described_where_the_samples_have_them(small_dataset: Path) -> None:
    manifests, _ = read_manifests(small_dataset)

    values = croissant("toys", manifests.values(), ("h00.jpg", "cam1.jpg"), "0" * 64)

    assert {"h00", "cam1"} <= set(by_id(values["recordSet"]))
    files = by_id(values["distribution"])
    assert files["cam1-files"]["includes"].endswith(".cam1.jpg")


def test_other_shards_are_another_version(small_dataset: Path) -> None:
    manifests, _ = read_manifests(small_dataset)

    versions = [
        croissant("toys", shards, (), "")["version"]
        for shards in (manifests.values(), [manifests["train-000000"]])
    ]

    assert versions[0] != versions[1]


def test_a_data_set_without_samples_is_a_table_alone() -> None:
    values = croissant("toys", [], (), "0" * 64)

    assert list(by_id(values["distribution"])) == ["samples.parquet"]
    assert list(by_id(values["recordSet"])) == ["samples"]
    assert "license" not in values


@pytest.mark.parametrize("change", [("train-000000", "train-000009"), ("Int64", "Int32"), ("}", "")])
def test_check_names_a_description_of_something_else(small_dataset: Path, change: tuple[str, str]) -> None:
    path = small_dataset / "meta" / "croissant.json"
    path.write_text(path.read_text().replace(*change))

    assert [line.partition(":")[0] for line in check_dataset(small_dataset)] == ["meta/croissant.json"]
