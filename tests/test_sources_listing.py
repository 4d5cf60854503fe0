"""Which files a path names."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from permissions import locked, obey_permissions
from shelf import Shelf

from somtom.schemas.reasons import DataError
from somtom.sources.files import local_locator, local_path, open_binary
from somtom.sources.fingerprint import fingerprint
from somtom.sources.listing import leaves_root, list_files

NAMES = (
    "a/clip.mp4",
    "b/clip.mp4",
    "-dash.mp4",
    "percent%20quote's.mp4",
    "ünï 视频.mp4",
    "n" * 200 + ".mp4",
    "no_ext",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in (*NAMES, ".hidden.mp4", ".git/config"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    return tmp_path


def uris(path: str | Path, **choice: tuple[str, ...]) -> list[str]:
    return [listed.uri for listed in list_files(str(path), **choice)]


def test_a_folder_gives_every_file_that_is_not_hidden_sorted(folder: Path) -> None:
    assert uris(folder) == sorted(NAMES)
    for listed in list_files(str(folder)):
        with open_binary(listed.locator) as file:
            assert file.read() == listed.uri.encode()


def test_a_file_a_glob_and_a_list_give_uris_relative_to_their_root(folder: Path) -> None:
    assert uris(folder / "a/clip.mp4") == ["clip.mp4"]
    assert uris(folder / "*/clip.mp4") == ["a/clip.mp4", "b/clip.mp4"]
    assert uris(folder / "**/*.mp4") == sorted(name for name in NAMES if name.endswith(".mp4"))
    (folder / "list.txt").write_text(f"# comment\n\nb/clip.mp4\r\na/clip.mp4\nb/clip.mp4\n{folder}/no_ext\n")
    assert uris(folder / "list.txt") == uris(f"@{folder}/list.txt") == ["a/clip.mp4", "b/clip.mp4", "no_ext"]


def test_include_and_exclude_match_names_or_whole_uris(folder: Path) -> None:
    assert uris(folder, include=("clip.mp4",), exclude=("b/*",)) == ["a/clip.mp4"]


def test_what_names_nothing_is_one_clear_error(folder: Path) -> None:
    for path in (folder / "absent", folder / "*.mkv", folder / "absent.txt"):
        with pytest.raises(DataError, match="missing"):
            uris(path)


def test_a_path_with_glob_characters_is_taken_as_it_is_when_it_exists(tmp_path: Path) -> None:
    (tmp_path / "take[1].mp4").write_bytes(b"x")
    assert uris(tmp_path / "take[1].mp4") == ["take[1].mp4"]


def test_a_name_that_is_no_text_becomes_text_and_still_opens(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.mp4"))
    path.write_bytes(b"x")
    (listed,) = list_files(str(tmp_path))
    assert listed.uri == "\\xff.mp4"
    assert listed.locator.isascii()
    assert local_path(local_locator(path)) == path
    with open_binary(listed.locator) as file:
        assert file.read() == b"x"


def test_links_to_folders_are_followed_once(folder: Path) -> None:
    (folder / "loop").symlink_to(folder)
    (folder / "other").symlink_to(folder / "a")
    assert len(uris(folder)) == len(NAMES)


def test_a_listed_path_that_leaves_the_folder_is_kept_as_written_to_be_rejected(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("../secret.mp4\na/../b.mp4\n/else/where.mp4\ngs://b/c.mp4\n")
    assert uris(tmp_path / "list.txt") == ["../secret.mp4", "b.mp4", "b/c.mp4", "else/where.mp4"]
    assert leaves_root("../secret.mp4")
    assert leaves_root("a/../../b")
    assert not leaves_root("a/../b")


def test_the_fingerprint_sees_size_and_both_ends(tmp_path: Path) -> None:
    content = bytes(3 << 20)
    prints = set()
    for changed in (content, content + b"x", b"x" + content[1:], content[:-1] + b"x"):
        (tmp_path / "f").write_bytes(changed)
        prints.add(fingerprint(str(tmp_path / "f")))
    assert len(prints) == 4
    assert fingerprint(str(tmp_path / "f")) in prints


def test_a_remote_folder_glob_file_and_list_are_read_like_local_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("a.mp4", "b/c.mp4", ".hidden.mp4", "list.txt")
    content = {f"shelf://raw/kitchen/{name}": name.encode() for name in names}
    content["shelf://raw/kitchen/list.txt"] = b"b/c.mp4\nshelf://raw/kitchen/a.mp4\nshelf://raw/other.mp4\n"
    monkeypatch.setattr(Shelf, "content", content)
    assert uris("shelf://raw/kitchen") == uris("shelf://raw/kitchen/") == ["a.mp4", "b/c.mp4", "list.txt"]
    assert uris("shelf://raw/kitchen/**.mp4") == ["a.mp4", "b/c.mp4"]
    assert uris("shelf://raw/kitchen/a.mp4") == ["a.mp4"]
    assert uris("shelf://raw/kitchen/list.txt") == ["a.mp4", "b/c.mp4", "raw/other.mp4"]
    with open_binary("shelf://raw/kitchen/a.mp4") as file:
        assert file.seek(2) == 2
        assert file.read() == b"mp4"
    assert fingerprint("shelf://raw/kitchen/a.mp4")
    with pytest.raises(DataError, match="missing"):
        open_binary("shelf://raw/kitchen/absent.mp4")
    with pytest.raises(DataError, match="missing"):
        uris("shelf://raw/absent")


@pytest.mark.parametrize(
    ("path", "exclude"), [("", ()), ("", ("locked/*",)), ("**/*.mp4", ()), ("*/*.mp4", ())]
)
def test_a_folder_that_may_not_be_read_is_refused_unless_it_is_excluded(
    folder: Path, path: str, exclude: tuple[str, ...]
) -> None:
    (folder / "locked").mkdir()
    (folder / "locked/lost.mp4").write_bytes(b"x")
    listing = (
        "import sys; from somtom.sources.listing import list_files; "
        "print(len(list(list_files(sys.argv[1], exclude=tuple(sys.argv[2:])))))"
    )
    with locked(folder / "locked"):
        done = subprocess.run(
            [sys.executable, "-c", listing, str(folder / path), *exclude],
            capture_output=True,
            text=True,
            preexec_fn=obey_permissions,
        )

    if exclude:
        assert done.stdout == f"{len(NAMES)}\n"
    else:
        assert f"the folder {folder}/locked may not be read (Permission denied)" in done.stderr


def test_why_nothing_is_found_is_said_in_words_of_the_path(folder: Path) -> None:
    pictures = ("*.[pP][nN][gG]", "*.[jJ][pP][gG]")
    (folder / "empty").mkdir()
    for path, choice, words in (
        (folder / "absent", {}, "is not there"),
        (folder / "empty", {"include": pictures}, "empty names no file"),
        (
            folder / "a",
            {"include": pictures},
            r"a names no file named \*.png or \*.jpg \(other files there: 1\)",
        ),
        (folder / "a", {"exclude": ("*.mp4",)}, r"no file \(excluding \*.mp4; other files there: 1\)"),
    ):
        with pytest.raises(DataError, match=words):
            uris(path, **choice)
