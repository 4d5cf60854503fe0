"""Files of a data set that were damaged later: the next run makes them again, or says how in one line."""

import shutil
from pathlib import Path

import pytest
from builds import build, contents, faults, quick_config, written
from drawn_videos import draw_videos

from somtom.pipelines.config import BuildConfig
from somtom.pipelines.output import OutputError

SHARD = "train-000000"


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> BuildConfig:
    return quick_config(draw_videos(tmp_path_factory.mktemp("inputs") / "toys", 2))


@pytest.fixture(scope="module")
def built(config: BuildConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """No test may change it."""
    folder = tmp_path_factory.mktemp("built") / "out"
    build(config, folder)
    assert (folder / "shards" / f"{SHARD}.tar").is_file()
    return folder


DAMAGE = {
    "cut off": lambda data: data[: len(data) // 2],
    "empty": lambda data: b"",
    "something else": lambda data: bytes(255 - one for one in data),
}
NAMES = (
    *(f"meta/{name}" for name in ("counts.json", "samples.parquet", "features.json", "wids.json")),
    f"meta/manifests/{SHARD}.json",
    f"meta/timings/{SHARD}.json",
    f"meta/dali/{SHARD}.idx",
    ".nv-meta/.info.json",
    "README.md",
)


@pytest.mark.parametrize("how", DAMAGE)
def test_what_follows_from_the_shards_is_made_again(
    config: BuildConfig, built: Path, tmp_path: Path, how: str
) -> None:
    out = shutil.copytree(built, tmp_path / "out")
    for name in NAMES:
        (out / name).write_bytes(DAMAGE[how]((out / name).read_bytes()))
    assert faults(out) != []
    build(config, out)
    assert faults(out) == [] and contents(out) == contents(built)


@pytest.mark.parametrize("name", ["plan.parquet", "items.parquet", "rejects.parquet"])
@pytest.mark.parametrize("how", DAMAGE)
def test_a_damaged_plan_is_named_with_its_cure_which_keeps_the_shards(
    config: BuildConfig, built: Path, tmp_path: Path, name: str, how: str
) -> None:
    out = shutil.copytree(built, tmp_path / "out")
    before = written(out)
    (out / "meta" / name).write_bytes(DAMAGE[how]((out / "meta" / name).read_bytes()))
    with pytest.raises(
        OutputError, match=rf"{name}.*; remove it and plan.parquet there, and build"
    ) as raised:
        build(config, out)
    assert len(str(raised.value).splitlines()) == 1
    for one in {name, "plan.parquet"}:
        (out / "meta" / one).unlink()
    build(config, out)
    assert faults(out) == [] and contents(out) == contents(built) and written(out) == before


def test_a_damaged_configuration_is_refused_until_it_is_put_back(
    config: BuildConfig, built: Path, tmp_path: Path
) -> None:
    out = shutil.copytree(built, tmp_path / "out")
    path = out / "meta" / "config.toml"
    whole = path.read_bytes()
    path.write_bytes(whole[:40])
    with pytest.raises(OutputError, match=r"config\.toml: cannot be read: .*; put it back"):
        build(config, out)
    path.unlink()
    with pytest.raises(OutputError, match=r"meta/config\.toml is missing; put it back"):
        build(config, out)
    path.write_bytes(whole)
    build(config, out)
    assert faults(out) == [] and contents(out) == contents(built)


def test_a_shard_of_its_size_that_is_none_is_named_with_its_cure(
    config: BuildConfig, built: Path, tmp_path: Path
) -> None:
    out = shutil.copytree(built, tmp_path / "out")
    shard = out / "shards" / f"{SHARD}.tar"
    shard.write_bytes(DAMAGE["something else"](shard.read_bytes()))
    with pytest.raises(OutputError, match=f"{SHARD}.tar: .*; remove meta/manifests/{SHARD}.json, and run"):
        build(config, out)
    (out / "meta" / "manifests" / f"{SHARD}.json").unlink()
    build(config, out)
    assert faults(out) == [] and contents(out) == contents(built)
