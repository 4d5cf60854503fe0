"""A data set of a stranger brings its configuration along: it runs no code and reads no file here."""

import sys
from pathlib import Path

import pytest
import tomli_w
from builds import THREADS, build, quick_config
from drawn_videos import draw_video

from somtom.pipelines.config_rules import ConfigError
from somtom.pipelines.explain import explain_lines
from somtom.pipelines.output import read_config_tree
from somtom.pipelines.relabel import relabel_data_set
from somtom.schemas.check import check_dataset
from somtom.schemas.meta_tables import read_samples
from somtom.schemas.removals import read_removals

# When it is imported, it says so.
MODULE = "import pathlib\npathlib.Path({told!r}).write_text('it ran')\ndef harm(*_, **__): return None\n"


@pytest.fixture
def stranger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A finished data set, and a module `strangers` that can be imported."""
    (tmp_path / "strangers.py").write_text(MODULE.format(told=str(tmp_path / "told.txt")))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "strangers", raising=False)
    build(quick_config(draw_video(tmp_path / "in" / "a.mp4").parent), tmp_path / "old")
    return tmp_path / "old"


def change(folder: Path, section: str, name: str, value: str) -> None:
    tree = read_config_tree(folder)
    found = tree["source"][0] if section == "source" else tree.setdefault(section, {})  # type: ignore[index]
    found[name] = value  # type: ignore[index]
    (folder / "meta" / "config.toml").write_text(tomli_w.dumps(tree))


CODE = [("tracking", "tracker"), ("marks", "style"), ("clips", "image_filter"), ("source", "kind")]


@pytest.mark.parametrize(("section", "name"), CODE)
def test_a_strangers_configuration_runs_no_code(stranger: Path, section: str, name: str) -> None:
    change(stranger, section, name, "strangers:harm")
    key = str(next(read_samples(stranger))["key"])
    with pytest.raises(ConfigError, match="would run code here"):
        relabel_data_set(stranger, stranger.parent / "new", ["motion.eta=0.6"], THREADS, overwrite=False)
    assert list(explain_lines(stranger, key))
    list(check_dataset(stranger))
    assert not (stranger.parent / "told.txt").exists() and "strangers" not in sys.modules


def test_own_code_is_run_when_it_is_named_here(stranger: Path) -> None:
    change(stranger, "clips", "image_filter", "strangers:harm")
    named = ["clips.image_filter=strangers:harm"]
    relabel_data_set(stranger, stranger.parent / "new", named, THREADS, overwrite=False)
    assert list(read_samples(stranger.parent / "new"))


def test_a_strangers_configuration_reads_no_list_of_this_machine(stranger: Path) -> None:
    secret = stranger.parent / "secret.txt"
    secret.write_text("a secret line\n")
    change(stranger, "output", "removals", str(secret))
    new = stranger.parent / "new"
    relabel_data_set(stranger, new, ["motion.eta=0.6"], THREADS, overwrite=False)
    assert read_removals(new / "meta" / "removals.txt") == ()
    assert not [one for one in new.rglob("*") if one.is_file() and b"a secret line" in one.read_bytes()]
