"""Outputs and inputs in a store: against a real S3-compatible server, a process of its own on loopback."""

import dataclasses
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from builds import THREADS, build, contents, faults, quick_config, quick_tree
from commands import ENVIRONMENT, held_somtom, somtom, write_config
from drawn_videos import draw_video, draw_videos
from s3_server import BUCKET, S3

from somtom.pipelines.build import build_data_set, label_data_set, plan_data_set
from somtom.pipelines.config import BuildConfig
from somtom.pipelines.fetch import fetch_data_set
from somtom.pipelines.mirror import Mirror, open_output
from somtom.pipelines.output import OutputError
from somtom.pipelines.relabel import relabel_data_set
from somtom.pipelines.runners import RUNNERS, RunOptions
from somtom.pipelines.store_lock import DEAD_S, LOCKS, hold_store
from somtom.schemas.reasons import DataError
from somtom.sources import s3_client
from somtom.transforms.store import Store

# Five videos of four clips: ten shards or so. One clip is marked, see `bad_trackers`.
SECTIONS: dict[str, dict[str, Any]] = {
    "tracking": {"tracker": "bad_trackers:OnMarked"},
    "output": {"clips_per_shard": 2},
}


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = draw_videos(tmp_path_factory.mktemp("inputs") / "toys", 4)
    draw_video(folder / "v4.mp4", seed=4, marked=range(11, 14))
    return folder


@pytest.fixture(scope="module")
def config(videos: Path) -> BuildConfig:
    return quick_config(videos, **SECTIONS)


@pytest.fixture(scope="module")
def local(config: BuildConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same build in a folder of this machine; no test may change it."""
    folder = tmp_path_factory.mktemp("local") / "out"
    build(config, folder)
    return folder


def build_at(uri: str, config: BuildConfig, cache: Path, **more: bool) -> None:
    with open_output(uri, cache, THREADS) as (folder, options):
        build_data_set(config, folder, options, **more)


def fetched(uri: str, folder: Path) -> dict[str, str]:
    fetch_data_set(uri, folder)
    assert faults(folder) == []
    return contents(folder)


def keys_below(s3: S3, uri: str) -> list[str]:
    prefix = uri.removeprefix(f"s3://{BUCKET}/") + "/"
    return [name.removeprefix(prefix) for name in s3.names(BUCKET) if name.startswith(prefix)]


def test_a_killed_build_to_s3_goes_on_and_gives_the_bytes_of_a_local_one(
    s3: S3, videos: Path, local: Path, tmp_path: Path
) -> None:
    uri = f"s3://{BUCKET}/killed/out"
    tree = write_config(tmp_path / "c.toml", quick_tree(videos, **SECTIONS))
    command = ("build", tree, "--out", uri, "--quiet", "--cache", tmp_path / "cache")
    environment = {"PATH": os.environ["PATH"], **s3.environment}
    with held_somtom(tmp_path / "fifo", *command, "--workers", 1, **environment) as process:
        second = somtom(*command[:-1], tmp_path / "other", env={**ENVIRONMENT, **s3.environment})
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert second.returncode == 1 and len(second.stderr.splitlines()) == 1
    assert f"{uri}: another run is working on it (on " in second.stderr
    begun = keys_below(s3, uri)
    made = {name for name in begun if name.startswith("meta/manifests/")}
    assert 0 < len(made) < 10 and any(name.startswith(LOCKS) for name in begun)
    times = {
        one["Key"]: one["LastModified"]
        for one in s3.client().list_objects_v2(Bucket=BUCKET, Prefix="killed/out/shards/")["Contents"]
    }
    again = somtom(*command, "--workers", 2, "--threads", env={**ENVIRONMENT, **s3.environment})
    assert again.returncode == 0, again.stderr
    assert f"in {uri}/shards" in again.stdout
    for key, then in times.items():
        if key.replace("shards", "meta/manifests").replace(".tar", ".json") in made:
            assert s3.client().head_object(Bucket=BUCKET, Key=key)["LastModified"] == then
    assert fetched(uri, tmp_path / "fetched") == contents(local)
    assert not any(name.startswith((LOCKS, "meta/work")) for name in keys_below(s3, uri))
    scratch = [path for path in (tmp_path / "cache").rglob("*") if path.name.startswith("somtom-")]
    assert scratch == []


def test_a_run_on_another_machine_goes_on_from_the_store_alone(
    s3: S3, config: BuildConfig, local: Path, tmp_path: Path
) -> None:
    uri = f"s3://{BUCKET}/moved"
    with open_output(uri, tmp_path / "here", THREADS) as (folder, options):
        plan_data_set(config, folder, options)
    with open_output(uri, tmp_path / "there", THREADS) as (folder, options):
        label_data_set(folder, options)
    assert fetched(uri, tmp_path / "fetched") == contents(local)


def test_workers_on_other_machines_share_nothing_but_the_store(
    s3: S3, config: BuildConfig, local: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Workers that see this machine's disk, but are told nothing of it, for want of others."""
    uri, options = f"s3://{BUCKET}/far", RunOptions(progress=False, is_chosen=False, runner="direct")
    monkeypatch.setitem(RUNNERS, "direct", dataclasses.replace(RUNNERS["direct"], is_elsewhere=True))
    with open_output(uri, tmp_path / "cache", options) as (folder, far):
        build_data_set(config, folder, far)
    assert fetched(uri, tmp_path / "fetched") == contents(local)
    log = (s3.folder / "log").read_text()
    for part in ("scans/scan-", "tasks/tasks-", "notes/train-"):
        assert f"PUT /{BUCKET}/far/meta/work/{part}" in log


def test_another_configuration_is_refused_with_the_difference_and_overwrite_leaves_nothing_of_the_old(
    s3: S3, config: BuildConfig, videos: Path, local: Path, tmp_path: Path
) -> None:
    uri = f"s3://{BUCKET}/changed"
    build_at(uri, quick_config(videos, output={"clips_per_shard": 1, "limit": 3}), tmp_path / "cache")
    s3.client().put_object(Bucket=BUCKET, Key="changed/meta/report.html", Body=b"of the old one")
    with pytest.raises(OutputError, match=r"s3://data/changed: holds a build with other settings \(output"):
        build_at(uri, config, tmp_path / "cache")
    build_at(uri, config, tmp_path / "elsewhere", overwrite=True)
    assert fetched(uri, tmp_path / "fetched") == contents(local)


def test_append_adds_shards_and_leaves_the_old_ones(s3: S3, tmp_path: Path) -> None:
    draw_videos(tmp_path / "in", 2)
    config = quick_config(tmp_path / "in")
    for cache in ("cache", "other"):
        build_at(f"s3://{BUCKET}/grown", config, tmp_path / cache, append=cache == "other")
        build(config, tmp_path / "out", append=cache == "other")
        draw_video(tmp_path / "in" / "later.mp4", seed=7)
    assert fetched(f"s3://{BUCKET}/grown", tmp_path / "fetched") == contents(tmp_path / "out")


class Dying(Mirror):
    """A mirror whose run ends when the tables of a new plan were about to be put in place."""

    def keep_plan(self) -> None:
        super().keep_plan()
        raise KeyboardInterrupt


def test_a_plan_that_was_kept_is_put_in_place_by_the_next_run(
    s3: S3, config: BuildConfig, local: Path, tmp_path: Path
) -> None:
    uri = f"s3://{BUCKET}/planned"
    with (
        pytest.raises(KeyboardInterrupt),
        open_output(uri, tmp_path / "here", THREADS, Dying) as (folder, options),
    ):
        plan_data_set(config, folder, options)
    assert "meta/work/ready.tar" in keys_below(s3, uri)
    assert "meta/plan.parquet" not in keys_below(s3, uri)
    (tmp_path / "here").rename(tmp_path / "lost")
    with open_output(uri, tmp_path / "there", THREADS) as (folder, options):
        label_data_set(folder, options)  # needs a plan, makes none
    assert fetched(uri, tmp_path / "fetched") == contents(local)


def test_a_shard_that_was_cut_off_in_the_store_is_made_again(
    s3: S3, config: BuildConfig, local: Path, tmp_path: Path
) -> None:
    uri = f"s3://{BUCKET}/damaged"
    build_at(uri, config, tmp_path / "cache")
    s3.client().put_object(Bucket=BUCKET, Key="damaged/shards/train-000001.tar", Body=b"short")
    s3.client().delete_object(Bucket=BUCKET, Key="damaged/tracks/train-000002.parquet")
    build_at(uri, config, tmp_path / "cache")
    assert fetched(uri, tmp_path / "fetched") == contents(local)


def test_labels_are_made_again_from_a_folder_into_a_store(s3: S3, local: Path, tmp_path: Path) -> None:
    uri, override = (
        f"s3://{BUCKET}/relabelled",
        ["motion.epsilon=1.5", "tracking.tracker=bad_trackers:OnMarked"],
    )
    with open_output(uri, tmp_path / "cache", THREADS) as (new, options):
        relabel_data_set(local, new, override, options, overwrite=False)
    relabel_data_set(local, tmp_path / "new", override, THREADS, overwrite=False)
    assert fetched(uri, tmp_path / "fetched") == contents(tmp_path / "new")


def test_fetching_again_fetches_nothing_and_a_run_that_works_there_is_waited_for(
    s3: S3, local: Path, tmp_path: Path
) -> None:
    store = Store(f"s3://{BUCKET}/still")
    names = [path.relative_to(local).as_posix() for path in local.rglob("*") if path.is_file()]
    store.put_all(names, local)
    assert fetch_data_set(store.uri, tmp_path / "fetched")[0] == len(names)
    assert fetch_data_set(store.uri, tmp_path / "fetched") == (0, 0)
    with hold_store(store, "somebody"), pytest.raises(OutputError, match="is working on it"):
        fetch_data_set(store.uri, tmp_path / "fetched")
    with pytest.raises(OutputError, match=r"holds no data set \(meta/config.toml is missing\)"):
        fetch_data_set(f"s3://{BUCKET}/nothing", tmp_path / "fetched")


def test_of_two_runs_on_one_store_the_second_is_refused(s3: S3, tmp_path: Path) -> None:
    store = Store(f"s3://{BUCKET}/wanted")
    with (
        hold_store(store, "one"),
        pytest.raises(OutputError, match="another run is working on it"),
        hold_store(store, "other"),
    ):
        pass
    with hold_store(store, "other"):
        pass
    assert store.names(LOCKS) == {}
    with (
        open_output(store.uri, tmp_path / "cache", THREADS),
        pytest.raises(OutputError, match="on this machine"),
        open_output(store.uri, tmp_path / "cache", THREADS),
    ):
        pass


def test_a_lock_of_a_dead_run_is_known_by_its_holder_or_its_age(
    s3: S3, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(f"s3://{BUCKET}/orphaned")
    store.write(f"{LOCKS}/dead.json", b'{"holder": "me", "host": "here"}')
    with hold_store(store, "me"):
        assert f"{LOCKS}/dead.json" not in store.names(LOCKS)
    store.write(f"{LOCKS}/dead.json", b"no json")
    with pytest.raises(OutputError, match=f"counts as working for {DEAD_S:.0f} s"), hold_store(store, "me"):
        pass
    monkeypatch.setattr("somtom.pipelines.store_lock.DEAD_S", -1.0)
    with hold_store(store, "me"):
        assert len(store.names(LOCKS)) == 1


def test_a_run_whose_lock_was_taken_away_stops_writing(s3: S3, tmp_path: Path) -> None:
    uri = f"s3://{BUCKET}/taken"
    store = Store(uri)
    with hold_store(store, "me") as lock:
        store.delete(store.names(LOCKS))
        lock.beat(every_s=0.01)
        with pytest.raises(OutputError, match="was not heard of"):
            Mirror(store, tmp_path, lock).save()


def test_a_folder_with_something_else_is_refused_and_left_alone(
    s3: S3, config: BuildConfig, tmp_path: Path
) -> None:
    s3.client().put_object(Bucket=BUCKET, Key="other/thesis.pdf", Body=b"x")
    with pytest.raises(OutputError, match="thesis"):
        build_at(f"s3://{BUCKET}/other", config, tmp_path, overwrite=True)
    assert keys_below(s3, f"s3://{BUCKET}/other") == ["thesis.pdf"]


@pytest.mark.parametrize("name", ["meta/../../../x", "meta//x", "shards/./x"])
def test_a_name_that_leaves_the_folder_is_refused(s3: S3, tmp_path: Path, name: str) -> None:
    s3.client().put_object(Bucket=BUCKET, Key=f"evil/{name}", Body=b"x")
    store = Store(f"s3://{BUCKET}/evil")
    try:
        with pytest.raises(DataError, match="no name of a file"):
            store.names()
    finally:
        s3.client().delete_object(Bucket=BUCKET, Key=f"evil/{name}")


def test_uploads_that_died_are_taken_away_and_only_below_the_output(
    s3: S3, config: BuildConfig, tmp_path: Path
) -> None:
    client = s3.client()
    for key in ("swept/shards/train-000000.tar", "swept-not/x"):
        client.create_multipart_upload(Bucket=BUCKET, Key=key)
    with open_output(f"s3://{BUCKET}/swept", tmp_path, THREADS):
        left = client.list_multipart_uploads(Bucket=BUCKET)["Uploads"]
    assert [one["Key"] for one in left] == ["swept-not/x"]


@pytest.mark.parametrize("size", [0, 1, (5 << 20) + 1, 20 << 20])
def test_files_of_any_size_come_back_whole(s3: S3, tmp_path: Path, size: int) -> None:
    (tmp_path / "there").write_bytes(os.urandom(size))
    store = Store(f"s3://{BUCKET}/sizes")
    store.put(tmp_path / "there", f"{size}")
    store.fetch(f"{size}", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == (tmp_path / "there").read_bytes()
    assert store.names()[f"{size}"].size_bytes == size


def test_a_store_that_refuses_for_a_moment_is_survived(s3: S3, tmp_path: Path) -> None:
    store = Store(f"s3://{BUCKET}/moody")
    for action in (
        lambda: store.write("a", b"content"),
        lambda: store.fetch("a", tmp_path / "a"),
        lambda: store.names(),
        lambda: store.delete(["a"]),
    ):
        s3.refuse(1)
        action()
    assert (tmp_path / "a").read_bytes() == b"content" and store.names() == {}


def test_a_store_that_stalls_ends_in_a_clear_line(s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_client, "READ_TIMEOUT_S", 0.2)
    monkeypatch.setattr(s3_client, "TRIES", 1)
    s3_client._boto3_client.cache_clear()
    s3.stall(True)
    try:
        with pytest.raises(TimeoutError, match="the store does not answer"):
            Store(f"s3://{BUCKET}/slow").read("a")
    finally:
        s3.stall(False)
        s3_client._boto3_client.cache_clear()


@pytest.mark.parametrize(
    ("uri", "change", "said"),
    [
        (
            "s3://data/x",
            {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""},
            "no credentials; set AWS_ACC",
        ),
        ("s3://nowhere/x", {}, "there is no such bucket"),
        ("gs://data/x", {"NO_GCE_CHECK": "true"}, "no credentials; run `gcloud auth"),
        ("hdfs://data/x", {}, 'pip install "apache-beam[hadoop]"'),
        ("what://data/x", {}, "Unable to get filesystem"),
    ],
)
def test_what_cannot_work_is_said_in_one_line(
    s3: S3, videos: Path, tmp_path: Path, uri: str, change: dict[str, str], said: str
) -> None:
    tree = write_config(tmp_path / "c.toml", quick_tree(videos))
    nobody = {
        "HOME": str(tmp_path),
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    }
    environment = {**ENVIRONMENT, **s3.environment, **nobody, **change}
    done = somtom("build", tree, "--out", uri, "--quiet", env={k: v for k, v in environment.items() if v})
    assert done.returncode in (1, 2) and done.stdout == ""
    assert said in done.stderr and len(done.stderr.splitlines()) == 1, done.stderr


def test_a_command_that_reads_a_folder_names_fetch(s3: S3) -> None:
    done = somtom("check", "s3://data/x", env={**ENVIRONMENT, **s3.environment})
    assert done.returncode == 2 and "`somtom fetch s3://data/x DIR`" in done.stderr


def test_near_duplicates_are_left_out_in_the_store(
    s3: S3, videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One shard is left without a sample; what an earlier run had put there is taken away."""
    monkeypatch.setitem(RUNNERS, "direct", dataclasses.replace(RUNNERS["direct"], is_elsewhere=True))
    folder = tmp_path / "toys"
    folder.mkdir()
    (folder / "v0.mp4").write_bytes((videos / "v0.mp4").read_bytes())
    (folder / "copy.mp4").write_bytes((videos / "v0.mp4").read_bytes() + b"\0")
    config = quick_config(folder, output={"clips_per_shard": 4}, filter={"near_duplicates": "all"})
    build(config, tmp_path / "local")
    far = RunOptions(progress=False, is_chosen=False, runner="direct")
    for name, given in (("copies", THREADS), ("far-copies", far)):
        uri = f"s3://{BUCKET}/{name}"
        with open_output(uri, tmp_path / "cache", given) as (mirror, options):
            build_data_set(config, mirror, options)
        assert fetched(uri, tmp_path / name) == contents(tmp_path / "local")
        assert sum(key.startswith("shards/") for key in keys_below(s3, uri)) == 1
