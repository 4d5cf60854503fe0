"""A store that stumbles, fails or falls silent in the middle of a build: the next run completes it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from bad_trackers import BEHAVIOUR
from builds import THREADS, build, contents, faults, quick_config, quick_tree, reasons
from commands import write_config
from drawn_videos import draw_videos
from s3_server import BUCKET, S3

from somtom.pipelines.build import build_data_set, label_data_set, plan_data_set
from somtom.pipelines.cli import main
from somtom.pipelines.config import BuildConfig, parse_config
from somtom.pipelines.fetch import fetch_data_set
from somtom.pipelines.mirror import open_output
from somtom.pipelines.runners import RUNNERS, RunOptions
from somtom.sources import s3_client
from somtom.transforms import retry
from somtom.transforms.store import Store


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_videos(tmp_path_factory.mktemp("inputs") / "toys", 2)


@pytest.fixture(scope="module")
def config(videos: Path) -> BuildConfig:
    return quick_config(videos)


@pytest.fixture(scope="module")
def expected(config: BuildConfig, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("local") / "out"
    build(config, folder)
    return contents(folder)


@pytest.fixture(scope="module")
def requests(s3: S3, config: BuildConfig, tmp_path_factory: pytest.TempPathFactory) -> int:
    """How many an undisturbed build sends."""
    before = s3.requests()
    build_at(f"s3://{BUCKET}/undisturbed", config, tmp_path_factory.mktemp("cache"))
    return s3.requests() - before


@contextmanager
def impatience() -> Iterator[None]:
    """What takes minutes otherwise."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(s3_client, "READ_TIMEOUT_S", 2.0)
        patch.setattr(s3_client, "TRIES", 1)
        patch.setattr(retry, "FIRST_WAIT_S", 0.01)
        s3_client._boto3_client.cache_clear()
        yield
    s3_client._boto3_client.cache_clear()


def build_at(uri: str, config: BuildConfig, cache: Path) -> None:
    with open_output(uri, cache, THREADS) as (folder, options):
        build_data_set(config, folder, options)


def fetched(uri: str, folder: Path) -> dict[str, str]:
    fetch_data_set(uri, folder)
    assert faults(folder) == []
    return contents(folder)


def left_over(s3: S3, prefix: str) -> list[str]:
    """What only a run under way needs."""
    return [
        name for name in s3.names(BUCKET) if name.startswith((f"{prefix}/meta/work", f"{prefix}/meta/.l"))
    ]


def test_a_build_goes_on_while_requests_fail_and_answers_are_cut_off(
    s3: S3, config: BuildConfig, expected: dict[str, str], tmp_path: Path
) -> None:
    uri, before = f"s3://{BUCKET}/stumbling", s3.requests()
    s3.plan(refuse_every=7, cut_every=12)
    try:
        build_at(uri, config, tmp_path / "cache")
        assert fetched(uri, tmp_path / "fetched") == expected
    finally:
        s3.plan()
    assert s3.requests() - before > 5 * 12 and left_over(s3, "stumbling") == []


@pytest.mark.parametrize("part", [0.1, 0.5, 0.9])
@pytest.mark.parametrize(("trouble", "said"), [("refuse", "the store failed"), ("stall", "does not answer")])
def test_an_outage_ends_a_build_in_one_line_and_the_next_run_completes_it(
    s3: S3,
    videos: Path,
    expected: dict[str, str],
    requests: int,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    trouble: str,
    part: float,
    said: str,
) -> None:
    name = f"{trouble}{part}"
    tree = write_config(tmp_path / "c.toml", quick_tree(videos))
    command = ["build", str(tree), "--out", f"s3://{BUCKET}/{name}", "--quiet", "--threads"]
    command += ["--cache", str(tmp_path / "cache")]
    s3.plan(**{f"{trouble}_from": int(part * requests)})
    try:
        with impatience():
            assert main(command) == 1
    finally:
        s3.plan()
    told = capfd.readouterr().err
    assert told.splitlines()[-1].startswith("somtom: s3://") and said in told.splitlines()[-1], told
    assert "Traceback" not in told + caplog.text  # Beam logs one where an upload fails
    assert main(command) == 0
    assert fetched(f"s3://{BUCKET}/{name}", tmp_path / "fetched") == expected
    assert left_over(s3, name) == []
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.name.startswith("somtom-")]


def test_where_one_upload_fails_to_the_end_the_rest_is_not_tried(s3: S3, tmp_path: Path) -> None:
    names = [f"f{number}" for number in range(300)]
    for name in names:
        (tmp_path / name).write_text("x")
    before = s3.requests()
    s3.plan(refuse_from=1)
    try:
        with impatience(), pytest.raises(OSError, match="the store failed"):
            Store(f"s3://{BUCKET}/many").put_all(names, tmp_path)
    finally:
        s3.plan()
    assert s3.requests() - before < 300


@pytest.mark.parametrize("runner", ["portable", "direct"])
def test_a_clip_whose_decoding_ends_the_process_is_one_reject_in_a_store(
    s3: S3, videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runner: str
) -> None:
    """`direct`: by workers that are told nothing of this machine's disk, as those of a cluster."""
    uri, tree = f"s3://{BUCKET}/aborted-{runner}", quick_tree(videos / "v0.mp4")
    tree["source"][0]["kind"] = "bad_trackers:AbortsWhileDecoding"
    config = parse_config(tree)
    with open_output(uri, tmp_path / "cache", THREADS) as (folder, options):
        plan_data_set(config, folder, options)
    monkeypatch.setenv(BEHAVIOUR, "abort")
    monkeypatch.setitem(RUNNERS, "direct", replace(RUNNERS["direct"], is_elsewhere=True))
    on_beam = RunOptions(progress=False, is_chosen=False, runner=runner)
    with open_output(uri, tmp_path / "cache", on_beam) as (folder, options):
        label_data_set(folder, options)
    build(config, tmp_path / "local", RunOptions(1, "processes", progress=False))
    assert fetched(uri, tmp_path / "fetched") == contents(tmp_path / "local")
    assert reasons(tmp_path / "local") == {"v0.mp4@0.20": "crashed"}
    assert left_over(s3, f"aborted-{runner}") == []
