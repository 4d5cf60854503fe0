from pathlib import Path
from typing import Any

import datasets
import pytest
import yaml

from somtom.pipelines.card import write_card
from somtom.schemas.features import dataset_features, features_yaml
from somtom.schemas.meta_tables import read_samples, write_samples


def front_matter(folder: Path) -> dict[str, Any]:
    values: dict[str, Any] = yaml.safe_load((folder / "README.md").read_text().split("---\n")[1])
    return values


def test_the_card_names_the_files_of_the_splits_there_are(small_dataset: Path) -> None:
    (config,) = front_matter(small_dataset)["configs"]

    assert config["data_files"] == [
        {"split": "train", "path": "shards/train-*.tar"},
        {"split": "val", "path": "shards/val-*.tar"},
    ]


def test_a_split_without_samples_is_not_named(small_dataset: Path) -> None:
    write_samples(
        small_dataset, (row for row in list(read_samples(small_dataset)) if row["split"] == "train")
    )

    write_card(small_dataset, "toys")

    assert [one["split"] for one in front_matter(small_dataset)["configs"][0]["data_files"]] == ["train"]


def test_a_data_set_without_samples_has_a_card_all_the_same(small_dataset: Path) -> None:
    write_samples(small_dataset, ())

    write_card(small_dataset, "toys")

    assert "configs" not in front_matter(small_dataset)
    assert "No input gave a sample" in (small_dataset / "README.md").read_text()


@pytest.mark.parametrize("extra", [(), ("h00.jpg", "h01.jpg", "cam1.jpg")])
def test_card_and_features_json_declare_the_same(extra: tuple[str, ...]) -> None:
    of_json = datasets.Features.from_dict(dataset_features(extra))
    of_card = datasets.Features._from_yaml_list(yaml.safe_load("\n".join(features_yaml(extra))))

    assert of_json == of_card


def test_the_card_says_how_many_from_where_and_under_which_licence(small_dataset: Path) -> None:
    text = (small_dataset / "README.md").read_text()

    assert front_matter(small_dataset)["license"] == "cc0-1.0"
    assert "| train | 3 |" in text
    assert "| tom | 5 |" in text
    assert "| CC0-1.0 | 5 |" in text
    assert "| toys | planned samples | 7 | 5 | 1 | 1 |" in text
    assert "| toys | inputs | 4 | 3 | 1 | 0 |" in text


def test_a_name_cannot_break_out_of_the_card(small_dataset: Path) -> None:
    write_card(small_dataset, 'a"b\n---\n<script> | é')

    assert front_matter(small_dataset)["pretty_name"] == 'a"b\n---\n<script> | é'
    assert '# a"b --- &lt;script> \\| é' in (small_dataset / "README.md").read_text()


def test_the_same_data_set_gives_the_same_card(small_dataset: Path) -> None:
    before = (small_dataset / "README.md").read_bytes()

    write_card(small_dataset, "toys")

    assert (small_dataset / "README.md").read_bytes() == before
