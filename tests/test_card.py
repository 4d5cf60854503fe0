import re
from importlib.metadata import version
from pathlib import Path
from typing import Any

import datasets
import pytest
import yaml

from somtom.pipelines.card import write_card
from somtom.pipelines.card_making import limit_lines, making_lines
from somtom.schemas.features import dataset_features, features_yaml
from somtom.schemas.meta_tables import read_samples, write_samples
from somtom.schemas.reasons import REASONS


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


def test_the_card_says_how_the_data_was_made(mixed_dataset: Path) -> None:
    text = (mixed_dataset / "README.md").read_text()

    assert re.search(r"\| lk \| [0-9]+ \| [0-9]+ \| Apache-2\.0 \|", text)
    assert "| none (one picture) |" in text
    assert "| `clips.steps` | `4` | l: a clip is frame t and the l sampled frames that follow |" in text
    assert '| `tracking.tracker` | `"lk"` |' in text
    assert f"Made by somtom {version('somtom')}." in text


def test_every_setting_on_the_card_has_its_meaning(mixed_dataset: Path) -> None:
    rows = making_lines(mixed_dataset)

    assert len(rows) > 8 and all(all(cells) for cells in rows)


def test_the_card_says_where_the_inputs_come_from(mixed_dataset: Path) -> None:
    text = (mixed_dataset / "README.md").read_text()

    rows = list(read_samples(mixed_dataset))
    arms = sum(row["dataset"] == "arm" for row in rows)
    assert f"| arm | lerobot | CC0-1.0 | {arms} |" in text
    assert "| clips | video | not stated |" in text
    assert f"{len(rows)} samples in {len({row['shard'] for row in rows})} shards, " in text
    assert front_matter(mixed_dataset)["license"] == "other"
    assert front_matter(mixed_dataset)["size_categories"] == ["n<1K"]


def test_the_card_says_why_inputs_gave_no_sample(small_dataset: Path) -> None:
    text = (small_dataset / "README.md").read_text()

    assert f"| too_few_points | filtered | 1 | {REASONS['too_few_points'][1]} |" in text
    assert "| crashed | failed | 1 |" in text


def test_limits_are_those_of_the_tasks_there_are() -> None:
    of_screens, of_clips, of_all = limit_lines(["ui"]), limit_lines(["tom"]), limit_lines(["ui", "tom", "vl"])

    assert any("screenshot" in line for line in of_screens)
    assert not any("screenshot" in line for line in of_clips)
    assert not any("homography" in line for line in of_screens)
    assert set(of_screens) | set(of_clips) == set(of_all)
    assert set(limit_lines(["vl"])) == set(of_screens) & set(of_clips)


def test_a_name_cannot_break_out_of_the_card(small_dataset: Path) -> None:
    write_card(small_dataset, 'a"b\n---\n<script> | é')

    assert front_matter(small_dataset)["pretty_name"] == 'a"b\n---\n<script> | é'
    assert '# a"b --- &lt;script> \\| é' in (small_dataset / "README.md").read_text()


def test_the_same_data_set_gives_the_same_card(small_dataset: Path) -> None:
    before = (small_dataset / "README.md").read_bytes()

    write_card(small_dataset, "toys")

    assert (small_dataset / "README.md").read_bytes() == before
