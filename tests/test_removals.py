"""Taking things out of a data set."""

import shutil
from pathlib import Path

import pytest
from builds import THREADS, build, contents, faults, quick_config, written
from drawn_videos import draw_videos

from somtom.pipelines.config_rules import ConfigError
from somtom.pipelines.relabel import relabel_data_set
from somtom.schemas.folder import removals_path, tracks_path
from somtom.schemas.meta_tables import read_counts, read_rejects, read_samples
from somtom.schemas.reasons import DataError
from somtom.schemas.removals import add_removals, read_removals
from somtom.schemas.tar import read_shard
from somtom.schemas.tracks_table import read_tracks


@pytest.fixture
def videos(tmp_path: Path) -> Path:
    """Three videos of four clips each."""
    return draw_videos(tmp_path / "in", 3)


def pictures_of(folder: Path) -> set[bytes]:
    """Every picture that is stored in shards/ or tracks/."""
    found: set[bytes] = set()
    for path in (folder / "shards").glob("*.tar"):
        found |= {data for _, members in read_shard(path) for name, data in members.items() if "jpg" in name}
    for path in (folder / "tracks").glob("*.parquet"):
        found |= {one for clip in read_tracks(path) for one in (clip.clean_jpeg, *clip.extra_jpegs) if one}
    return found


def removed(folder: Path) -> set[str]:
    return {one.key for one in read_rejects(folder) if one.reason == "removed"}


@pytest.mark.parametrize("name", ["key", "uri", "group"])
def test_what_is_named_is_taken_out_by_the_next_build(videos: Path, tmp_path: Path, name: str) -> None:
    out, fresh = tmp_path / "out", tmp_path / "fresh"
    build(quick_config(videos), out)
    rows = list(read_samples(out))
    named = rows[0][name]
    doomed = {row["key"] for row in rows if row[name] == named}
    lost = {
        members["clean.jpg"]
        for path in (out / "shards").glob("*.tar")
        for key, members in read_shard(path)
        if key in doomed
    }
    before = written(out)
    (out / "meta" / "sheets").mkdir()
    (out / "meta" / "sheets" / "sheet-000.png").write_bytes(b"a picture")
    (out / "meta" / "report.html").write_text("pictures")
    removals_path(out).write_text(f"# asked for by its owner\n\n  {named}  \n")

    build(quick_config(videos), out)

    assert faults(out) == []
    assert removed(out) == doomed
    assert {row["key"] for row in read_samples(out)} == {row["key"] for row in rows} - doomed
    assert sum(dict(one.reasons).get("removed", 0) for one in read_counts(out)) == len(doomed)
    assert not lost & pictures_of(out)
    assert not (out / "meta" / "sheets").exists()
    assert not (out / "meta" / "report.html").exists()
    concerned = {row["shard"] for row in rows if row["key"] in doomed}
    again = {Path(path).stem for path, one in written(out).items() if before[path] != one}
    assert again == concerned

    removals_path(fresh).parent.mkdir(parents=True)
    shutil.copyfile(removals_path(out), removals_path(fresh))
    build(quick_config(videos), fresh)
    assert contents(fresh) == contents(out)


def test_a_line_taken_out_brings_the_sample_back(videos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    build(quick_config(videos), out)
    whole = contents(out)
    add_removals(out, [next(read_samples(out))["uri"]])
    build(quick_config(videos), out)
    assert removed(out)
    removals_path(out).unlink()
    build(quick_config(videos), out)
    assert contents(out) == whole


def test_relabelling_takes_out_too_and_keeps_it_out(videos: Path, tmp_path: Path) -> None:
    old, new, newer, fresh = (tmp_path / name for name in ("old", "new", "newer", "fresh"))
    build(quick_config(videos), old)
    named = next(read_samples(old))["key"]
    listed = tmp_path / "list.txt"
    listed.write_text(f"{named}\n")
    shown = [f"output.removals={listed}"]

    relabel_data_set(old, new, ["motion.epsilon=0.7", *shown], THREADS, overwrite=False)
    build(quick_config(videos, motion={"epsilon": 0.7}, output={"removals": str(listed)}), fresh)
    relabel_data_set(new, newer, ["motion.epsilon=2.0"], THREADS, overwrite=False)

    assert faults(new) == []
    assert removed(new) == removed(newer) == {named}
    assert contents(new) == contents(fresh)


def test_what_was_removed_stays_out_of_a_build_that_begins_anew(videos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    build(quick_config(videos), out)
    named = next(read_samples(out))["key"]
    removals_path(out).write_text(named)
    build(quick_config(videos), out, overwrite=True)
    assert removed(out) == {named}


def test_a_whole_split_may_go(videos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    build(quick_config(videos), out)
    add_removals(out, [row["uri"] for row in read_samples(out) if row["split"] == "val"])
    build(quick_config(videos), out)
    assert faults(out) == []
    assert {row["split"] for row in read_samples(out)} == {"train"}
    assert all(clip.reject for clip in read_tracks(tracks_path(out, "val-000000")))


def test_names_of_nothing_are_said(videos: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    out = tmp_path / "out"
    removals_path(out).parent.mkdir(parents=True)
    removals_path(out).write_text("nobody.mp4\n")
    build(quick_config(videos), out)
    assert removed(out) == set()
    assert "1 names are no key, uri or group of the plan, such as nobody.mp4" in caplog.text


def test_a_list_that_is_not_there_is_said_before_anything_is_written(videos: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"output.removals = .*: is no file"):
        build(quick_config(videos, output={"removals": str(tmp_path / "no.txt")}), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_list_is_read_line_by_line(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    assert read_removals(path) == ()
    path.write_bytes("\ufeff# why\r\na b.mp4\r\n\r\n  caf\u00e9.mp4\na b.mp4\n#c\nx#y".encode())
    assert read_removals(path) == ("a b.mp4", "café.mp4", "x#y")
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="cannot be read as UTF-8 text"):
        read_removals(path)


def test_names_are_added_once_and_what_stands_there_stays(tmp_path: Path) -> None:
    removals_path(tmp_path).parent.mkdir()
    removals_path(tmp_path).write_text("# why\na")
    add_removals(tmp_path, ["b", "a", "b"])
    assert removals_path(tmp_path).read_text() == "# why\na\nb\n"
    add_removals(tmp_path, ["b"])
    assert removals_path(tmp_path).read_text() == "# why\na\nb\n"


def test_check_names_what_should_have_been_taken_out(videos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    build(quick_config(videos), out)
    row = next(read_samples(out))
    add_removals(out, [row["uri"]])
    lines = faults(out)
    assert lines[0].startswith(
        f"meta/removals.txt: '{row['uri']}' is to be taken out, but {row['shard']} holds"
    )
    assert all(line.startswith("meta/removals.txt: ") for line in lines)
