import dataclasses
import json
import sys
from pathlib import Path

import pytest
from lerobot_folders import write_v21
from screens import draw_page

from somtom.pipelines.config import parse_config
from somtom.pipelines.config_rules import ConfigError
from somtom.pipelines.kinds import kind_lines, settings_of
from somtom.pipelines.peek import peek, peek_lines
from somtom.sources.sources import SOURCES


@pytest.mark.parametrize("kind", SOURCES)
def test_every_setting_of_a_kind_has_a_meaning(kind: str) -> None:
    settings = settings_of(SOURCES[kind])

    assert [one.name for one in settings] == [field.name for field in dataclasses.fields(SOURCES[kind])]
    assert [one.name for one in settings if not one.meaning] == []
    assert {one.name for one in settings} >= {"path", "dataset", "licence", "split", "weight"}


def test_all_kinds_are_described() -> None:
    text = "\n".join(kind_lines())

    assert [kind for kind in SOURCES if f"{kind}: " not in text] == []
    assert [line for line in text.splitlines() if line.startswith("  path ")]


def test_an_unknown_kind_is_answered_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'video'"):
        list(kind_lines("vidoe"))


def test_a_folder_of_videos_is_read_by_the_block_that_is_printed(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"")

    (one,) = peek(str(tmp_path))

    assert (one.path, one.kind) == (str(tmp_path), "video")
    assert one.found.notes == ("1 videos, such as a.mp4",)
    config = parse_config({"source": [{"kind": one.kind, **one.found.settings}]})
    assert [item.uri for item in config.sources[0].items(0)] == ["a.mp4"]


def test_a_table_of_annotations_goes_before_the_videos_beside_it(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"")
    table = tmp_path / "rows.csv"
    table.write_text("video,start_s,stop_s,text\na.mp4,0,1,x\n")

    lines = list(peek_lines(str(tmp_path)))

    assert lines[0] == f"{tmp_path}: annotated-video"
    assert lines[1] == f"  1 annotations in {table}"
    assert f'annotations = "{table}"' in lines and f'path = "{tmp_path}"' in lines
    assert not any(line.endswith(": video") for line in lines)


@pytest.mark.parametrize("folder", ["", "videos", ".."])
def test_the_folder_of_annotated_videos_is_looked_for_around_their_table(tmp_path: Path, folder: str) -> None:
    table = tmp_path / "here" / "rows.csv"
    videos = (table.parent / folder).resolve()
    videos.mkdir(parents=True, exist_ok=True)
    table.parent.mkdir(exist_ok=True)
    table.write_text("video,start_s,stop_s,text\ngone.mp4,0,1,x\n../b.mp4,0,1,x\na.mp4,0,1,x\n")
    lines = list(peek_lines(str(table)))
    assert 'path = "the/folder/of/the/videos"' in lines and any("not found" in line for line in lines)

    (videos / "a.mp4").write_bytes(b"")

    assert f'path = "{videos}"' in list(peek_lines(str(table)))


@pytest.mark.parametrize("content", [b"", b"\x00\xff" * 50, b"{", b"[1, 2]", b'{"a": {"b": 1}}', b"PAR1"])
@pytest.mark.parametrize(
    "name", ["x.json", "x.csv", "x.parquet", "x.hdf5", "info.json", "x.tfrecord", "x.png"]
)
def test_what_no_kind_knows_is_said_so_in_one_line(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)

    for path in (tmp_path, tmp_path / name):
        if name != "x.png":  # a picture is one by its name
            with pytest.raises(ConfigError, match="no kind of source knows"):
                list(peek_lines(str(path)))


def test_a_built_data_set_is_said_to_be_one(tmp_path: Path) -> None:
    built = tmp_path / "out"
    draw_page(built / "meta" / "sheets" / "sheet-000.png")
    (built / "meta" / "config.toml").write_text("")
    (built / "shards").mkdir()

    lines = list(peek_lines(str(built)))
    assert lines[0] == f"{built}: a data set that somtom built" and "[[source]]" not in lines

    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / "a.mp4").write_bytes(b"")
    kinds = [one.kind for one in peek(str(tmp_path))]
    assert "video" in kinds and "a data set that somtom built" in kinds


def test_without_h5py_what_to_install_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "hdf5").mkdir()
    (tmp_path / "hdf5" / "a.hdf5").write_bytes(b"")
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(ConfigError, match=r'hdf5/a.hdf5 .*pip install "somtom\[hdf5\]"'):
        list(peek_lines(str(tmp_path)))

    (tmp_path / "a.mp4").write_bytes(b"")
    lines = list(peek_lines(str(tmp_path)))
    assert lines[0].endswith(": video") and "pip install" in lines[-1]


def test_a_path_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is not there"):
        list(peek_lines(str(tmp_path / "gone")))


def test_folders_are_looked_into_where_nothing_above_them_is_known(tmp_path: Path) -> None:
    for name in ("one/two/table", "one/two/films"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "one/two/films/a.mp4").write_bytes(b"")
    (tmp_path / "one/two/table/rows.csv").write_text("video,start_s,stop_s,text\na.mp4,0,1,x\n")

    assert {(Path(one.path).name, one.kind) for one in peek(str(tmp_path))} == {
        ("table", "annotated-video"),
        ("films", "video"),
    }
    assert [one.path for one in peek(str(tmp_path / "one/two/films"))] == [str(tmp_path / "one/two/films")]


def test_data_sets_that_lie_side_by_side_speak_for_themselves(tmp_path: Path) -> None:
    write_v21(tmp_path / "lerobot", {0: 3})
    draw_page(tmp_path / "pages" / "a.png")
    row = {"image": "a.png", "elements": [{"box": [1, 1, 9, 9]}]}
    (tmp_path / "pages" / "rows.jsonl").write_text(json.dumps(row))

    seen = {(Path(one.path).name, one.kind) for one in peek(str(tmp_path))}

    assert ("lerobot", "lerobot") in seen
    assert any(name == "pages" for name, _ in seen)
    assert not any(kind == "video" for _, kind in seen)
