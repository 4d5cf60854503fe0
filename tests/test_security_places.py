"""Places: links and pipes among inputs and in data sets, links planted where somtom writes, permissions."""

import os
import re
import shutil
import stat
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from builds import build, contents, faults, quick_config, reasons
from drawn_videos import draw_video
from PIL import Image

from somtom.pipelines.config import parse_config
from somtom.pipelines.export import export_data_set
from somtom.pipelines.export_selection import Selection
from somtom.pipelines.exporters import make_exporter
from somtom.pipelines.output import OutputError
from somtom.pipelines.relabel import relabel_data_set
from somtom.pipelines.report import write_report
from somtom.pipelines.runners import RunOptions
from somtom.schemas import DataError, iterate
from somtom.schemas.check import check_dataset
from somtom.schemas.files import whole_file, write_whole
from somtom.schemas.meta_tables import read_rejects, read_samples

SECRET = "the words of another file 4711"
ONE = RunOptions(workers=1, mode="threads", progress=False)


def test_a_pipe_or_a_device_among_the_inputs_is_one_reject_and_holds_nobody_up(tmp_path: Path) -> None:
    folder = draw_video(tmp_path / "in" / "good.mp4", frames=12).parent
    os.mkfifo(folder / "pipe.mp4")
    (folder / "endless.mp4").symlink_to("/dev/zero")
    (folder / "gone.mp4").symlink_to(tmp_path / "nowhere")
    build(quick_config(folder), tmp_path / "out")
    found = reasons(tmp_path / "out")
    wanted = {"pipe.mp4": "unreadable", "endless.mp4": "unreadable", "gone.mp4": "missing"}
    assert {name: found.get(name) for name in wanted} == wanted
    assert faults(tmp_path / "out") == []


def test_a_picture_that_a_record_names_may_be_no_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    turns = '[{"from": "human", "value": "<image> What?"}, {"from": "gpt", "value": "It."}]'
    (tmp_path / "pairs.json").write_text(f'[{{"id": "1", "image": "pipe.png", "conversations": {turns}}}]')
    config = parse_config({"source": [{"kind": "llava", "path": str(tmp_path / "pairs.json")}]})
    build(config, tmp_path / "out")
    assert set(reasons(tmp_path / "out").values()) == {"unreadable"}


def test_a_link_among_the_inputs_brings_no_word_of_another_file(tmp_path: Path) -> None:
    """Links are followed (caches consist of them), but only what is a video or a picture is used."""
    (tmp_path / "secret.txt").write_text(SECRET + "\n" + '{"token": "' + SECRET + '"}')
    folder = draw_video(tmp_path / "in" / "good.mp4", frames=12).parent
    for name in ("a.mp4", "a.webm", "a.gif"):
        (folder / name).symlink_to(tmp_path / "secret.txt")
    screens = tmp_path / "screens"
    screens.mkdir()
    Image.new("RGB", (64, 64)).save(screens / "ok.png")
    for name in ("a.png", "a.jpg", "b.json"):
        (screens / name).symlink_to(tmp_path / "secret.txt")
    config = parse_config(
        {
            "source": [
                {"kind": "video", "path": str(folder)},
                {"kind": "screenshots", "path": str(screens)},
                {"kind": "dom", "path": str(screens), "dataset": "pages"},
            ],
            "clips": {"steps": 2},
            "tracking": {"tracker": "lk", "grid": 6, "detect": "never"},
        }
    )
    out = tmp_path / "out"
    build(config, out)
    assert len(list(read_rejects(out))) >= 6
    assert not [path for path in out.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]
    assert not [one for one in read_rejects(out) if SECRET in one.message]


@pytest.mark.parametrize("name", ["shards/train-000000.tar", "meta/wids.json", "meta/plan.parquet", "meta/x"])
def test_a_pipe_in_a_data_set_is_named_and_not_read(small_dataset: Path, name: str) -> None:
    (small_dataset / name).unlink(missing_ok=True)
    os.mkfifo(small_dataset / name)
    assert list(check_dataset(small_dataset)) == [f"{name}: is neither a file nor a folder"]


USES: dict[str, Callable[[Path, Path], object]] = {
    "iterate": lambda folder, out: list(iterate(folder)),
    "report": write_report,
    "relabel": lambda folder, out: relabel_data_set(folder, out, [], ONE, overwrite=False),
    "export": lambda folder, out: export_data_set(Selection(folder), "tar", make_exporter("tar"), out),
}


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize(
    "name",
    [
        "shards/train-000000.tar",
        "meta/samples.parquet",
        "meta/manifests/train-000000.json",
        "meta/wids.json",
    ],
)
def test_nobody_waits_for_a_pipe_in_a_data_set(
    small_dataset: Path, tmp_path: Path, use: str, name: str
) -> None:
    (small_dataset / name).unlink(missing_ok=True)
    (small_dataset / name).symlink_to("/dev/zero")
    (small_dataset / "meta" / "config.toml").write_text('[[source]]\nkind = "video"\npath = "in"\n')
    try:
        USES[use](small_dataset, tmp_path / "new")
    except (DataError, OutputError, OSError) as error:
        assert "\n" not in str(error)


@pytest.mark.parametrize("victim", ["there", "not there"])
def test_a_link_planted_where_a_file_is_to_be_is_replaced_and_not_followed(
    tmp_path: Path, victim: str
) -> None:
    other = tmp_path / "other.txt"
    if victim == "there":
        other.write_text(SECRET)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "shard.tar").symlink_to(other)
    write_whole(tmp_path / "out" / "shard.tar", b"whole")
    assert not (tmp_path / "out" / "shard.tar").is_symlink()
    assert (tmp_path / "out" / "shard.tar").read_bytes() == b"whole"
    assert (other.read_text() if other.exists() else SECRET) == SECRET


def test_a_name_of_a_temporary_file_cannot_be_guessed(tmp_path: Path) -> None:
    names = set()
    for _ in range(20):
        with whole_file(tmp_path / "a.tar"):
            names |= {path.name for path in tmp_path.iterdir() if path.suffix == ".part"}
    assert len(names) == 20
    assert len({name.rpartition("-")[2] for name in names}) == 20  # 64 random bits, whatever process


def test_a_temporary_that_is_planted_is_not_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("secrets.token_hex", lambda size: "0" * 2 * size)
    planted = tmp_path / f".a.tar.{os.getpid()}-{'0' * 16}.part"
    planted.symlink_to(tmp_path / "other.txt")
    with pytest.raises(FileExistsError):
        write_whole(tmp_path / "a.tar", b"x")
    assert not (tmp_path / "other.txt").exists()


def test_what_is_written_is_as_private_as_the_user_s_umask(tmp_path: Path) -> None:
    folder = draw_video(tmp_path / "in" / "a.mp4", frames=12).parent
    before = os.umask(0o077)
    try:
        build(quick_config(folder), tmp_path / "out")
        open_to_others = [
            path
            for path in (tmp_path / "out").rglob("*")
            if path.lstat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)
        ]
    finally:
        os.umask(before)
    assert open_to_others == []


def test_links_among_the_inputs_give_what_the_files_give(tmp_path: Path) -> None:
    draw_video(tmp_path / "plain" / "in" / "a.mp4", frames=12)
    (tmp_path / "linked" / "in").mkdir(parents=True)
    shutil.copy(tmp_path / "plain" / "in" / "a.mp4", tmp_path / "blob")
    (tmp_path / "linked" / "in" / "a.mp4").symlink_to(tmp_path / "blob")
    for name in ("plain", "linked"):
        build(quick_config(tmp_path / name / "in"), tmp_path / name / "out")
    told = [contents(tmp_path / name / "out" / "shards") for name in ("plain", "linked")]
    assert told[0] == told[1]


def test_no_name_of_an_input_becomes_the_name_of_a_file(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    names = [
        "CON.mp4",
        "a.tar.mp4",
        "..mp4..mp4",
        "x" * 240 + ".mp4",
        "a\nb\t.mp4",
        "$(id);&.mp4",
        "видео.mp4",
    ]
    first = draw_video(folder / "v.mp4", frames=12)
    for name in names:
        shutil.copy(first, folder / name)
    out = tmp_path / "out"
    build(quick_config(folder, clips={"max_per_video": 1}), out)
    written = [path.relative_to(out).as_posix() for path in out.rglob("*")]
    assert len({row["uri"] for row in read_samples(out)}) == len(names)
    assert not [name for name in written if not re.fullmatch(r"[A-Za-z0-9._/-]{1,60}", name)]
    with tarfile.open(out / "shards" / "train-000000.tar") as tar:
        assert not [name for name in tar.getnames() if not re.fullmatch(r"[a-z0-9_-]{1,80}[.a-z0-9]+", name)]
    assert faults(out) == []
