"""Inputs at s3://: videos, Parquet, JSON, pictures and records, against a real server process."""

import json
from pathlib import Path

import pytest
from builds import build, contents
from s3_server import BUCKET, S3
from three_kinds import draw_three_kinds, tree_of_three_kinds

from somtom.pipelines.config import parse_config
from somtom.pipelines.config_rules import ConfigError
from somtom.pipelines.plan import list_items
from somtom.schemas.meta_tables import read_items
from somtom.sources.fingerprint import fingerprint, shared_fingerprint
from somtom.transforms.store import Store


@pytest.fixture(scope="module")
def inputs(s3: S3, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = draw_three_kinds(tmp_path_factory.mktemp("inputs"))
    names = [path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()]
    Store(f"s3://{BUCKET}/in").put_all(names, root)
    return root


def test_inputs_in_a_store_give_the_shards_of_the_same_files_on_disk(inputs: Path, tmp_path: Path) -> None:
    tree = tree_of_three_kinds(inputs)
    build(parse_config(tree), tmp_path / "local")
    remote = json.loads(json.dumps(tree).replace(str(inputs), f"s3://{BUCKET}/in"))
    build(parse_config(remote), tmp_path / "remote")
    one, other = contents(tmp_path / "local"), contents(tmp_path / "remote")
    parts = ("shards/", "tracks/", "meta/manifests/")
    assert {n: d for n, d in one.items() if n.startswith(parts)} == {
        n: d for n, d in other.items() if n.startswith(parts)
    }
    assert len([name for name in one if name.startswith("shards/")]) >= 12
    assert [row.facts for row in read_items(tmp_path / "local")] == [
        row.facts for row in read_items(tmp_path / "remote")
    ]


def test_a_fingerprint_is_that_of_the_file_and_a_shared_one_is_read_once(
    s3: S3, inputs: Path, tmp_path: Path
) -> None:
    (tmp_path / "large").write_bytes(bytes(range(256)) * (3 << 12))
    Store(f"s3://{BUCKET}/in").put(tmp_path / "large", "large")
    locator = f"s3://{BUCKET}/in/large"
    assert fingerprint(locator) == fingerprint(str(tmp_path / "large")) == shared_fingerprint(locator)
    before = (s3.folder / "log").read_text().count(f"GET /{BUCKET}/in/large")
    assert before
    assert shared_fingerprint(locator) == fingerprint(str(tmp_path / "large"))
    assert (s3.folder / "log").read_text().count(f"GET /{BUCKET}/in/large") == before


@pytest.mark.parametrize(
    ("path", "said"),
    [(f"s3://{BUCKET}/absent", "names no file"), ("s3://nowhere/x", "there is no such bucket")],
)
def test_an_input_that_is_not_there_is_said_in_one_line(s3: S3, path: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as found:
        list_items(parse_config({"source": [{"kind": "video", "path": path}]}))
    assert "\n" not in str(found.value)
