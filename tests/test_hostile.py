"""Every file meant to do harm gives samples or the one reject that was written down before."""

import csv
from collections import Counter
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from builds import THREADS, book, build, faults, quick_config

from somtom.pipelines.config import parse_config
from somtom.schemas.meta_tables import read_items, read_rejects
from somtom.schemas.reasons import REASONS

EXPECTED = Path(__file__).parent / "hostile_expected.csv"


def expected_outcomes(folder: Path) -> dict[str, str]:
    """The outcome written down for each file of the folder; `*` does not cross slashes."""
    lines = (line for line in EXPECTED.read_text().splitlines() if not line.startswith("#"))
    rules = [(row["file"], row["outcome"]) for row in csv.DictReader(lines)]
    uris = [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")) if path.is_file()]
    found = {
        uri: [
            outcome for rule, outcome in rules if fnmatchcase(uri, rule) and uri.count("/") == rule.count("/")
        ]
        for uri in uris
    }
    assert {uri: one for uri, one in found.items() if len(one) != 1} == {}
    return {uri: one[0] for uri, one in found.items()}


@pytest.fixture(scope="module")
def hostile(test_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A build over all of them with the settings as they are by default, but fewer points: quicker."""
    folder = tmp_path_factory.mktemp("hostile") / "out"
    config = parse_config(
        {"source": [{"kind": "video", "path": str(test_data / "hostile")}], "clips": {"short_side": 256}}
    )
    build(config, folder, THREADS)
    return folder


def test_hostile_files_leave_a_data_set_that_keeps_the_contract(hostile: Path) -> None:
    assert faults(hostile) == []


def test_every_hostile_file_gives_what_was_written_down(hostile: Path, test_data: Path) -> None:
    expected = expected_outcomes(test_data / "hostile")
    scanned = {row.facts.uri: row.reason for row in read_items(hostile)}
    assert scanned.keys() == expected.keys()
    labelled = {one.uri: one.reason for one in read_rejects(hostile) if one.stage == "label"}
    outcomes = {uri: reason or labelled.get(uri, "samples") for uri, reason in scanned.items()}
    wrong = {uri: (outcomes[uri], expected[uri]) for uri in expected if outcomes[uri] != expected[uri]}
    assert wrong == {}


def test_every_hostile_file_is_rejected_once_with_a_reason_to_act_on(hostile: Path) -> None:
    rejects = list(read_rejects(hostile))
    assert max(Counter(one.uri for one in rejects if one.stage == "scan").values()) == 1
    for one in rejects:
        assert one.reason in REASONS and len(one.message) > 15 and "\n" not in one.message, one


def test_odd_videos_are_built(test_data: Path, tmp_path: Path) -> None:
    config = quick_config(
        test_data / "videos",
        clips={"steps": 8, "max_per_video": 1, "short_side": 128},
        shots={"detector": "none"},
        output={"clips_per_shard": 8},
    )
    build(config, tmp_path / "out")
    assert faults(tmp_path / "out") == []
    scanned, labelled = book(tmp_path / "out", "scan", "videos"), book(tmp_path / "out", "label", "videos")
    assert labelled.failed == 0, dict(labelled.reasons)
    assert labelled.samples > 30
    rejected = {one.uri: (one.reason, one.message) for one in read_rejects(tmp_path / "out")}
    assert scanned.failed == 0, rejected
