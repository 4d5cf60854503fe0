"""What strangers wrote, where it is shown: on a terminal, in a log, in messages of rejects."""

from pathlib import Path

import pytest
from builds import build, quick_config
from drawn_videos import draw_video
from hypothesis import given
from hypothesis import strategies as st

from somtom.pipelines.cli import main
from somtom.schemas.reasons import DataError
from somtom.schemas.shown import MOST, shortened, shown

CLEAR, RENAME, BACKWARDS = "\x1b[2J", "\x1b]0;owned\x07", "\u202e"


@given(st.text())
def test_what_is_shown_does_nothing_and_says_all(text: str) -> None:
    said = shown(text)
    assert not any(ord(one) < 0x20 or 0x7F <= ord(one) < 0xA0 or "\ud800" <= one <= "\udfff" for one in said)
    assert not set(said) & set("\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
    if text.isprintable():
        assert said == text


@given(st.text(max_size=60), st.integers(20, 40))
def test_a_long_text_keeps_its_beginning_and_its_end(text: str, most: int) -> None:
    said = shortened(text, most)
    assert len(said) <= most
    assert said == text if len(text) <= most else " ... " in said
    assert said[:5] == text[:5] and said[-5:] == text[-5:]


def test_a_message_is_one_short_line_that_does_nothing_on_a_terminal() -> None:
    message = DataError("bad_record", f"{CLEAR}{RENAME}\n{BACKWARDS}gnp.exe" + "x" * 100_000).message
    assert message.startswith(r"\x1b[2J\x1b]0;owned\x07 \u202egnp.exexxx")
    assert len(message) <= MOST and message.isprintable()


@pytest.mark.parametrize("text", ["打开抽屉", "می‌خواهم", "👩‍🔧 हिन्दी", "naïve – “x”"])
def test_words_of_any_language_stay_as_they_are(text: str) -> None:
    assert DataError("bad_record", text).message == text


def test_names_of_inputs_do_nothing_on_a_terminal(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    good, bad = f"{CLEAR}a.mp4", f"{RENAME}b{BACKWARDS}.mp4"
    draw_video(tmp_path / "in" / good, frames=12)
    (tmp_path / "in" / bad).write_bytes(b"no video")
    out = tmp_path / "out"
    build(quick_config(tmp_path / "in", shots={"detector": "none"}), out)
    (out / "shards" / f"{CLEAR}x.tar").write_bytes(b"no tar")
    calls = [("explain", out, good), ("explain", out, bad), ("check", out), ("peek", tmp_path / "in")]
    for call in calls:
        main([str(one) for one in call])
        said = "".join(capfd.readouterr())
        assert said and not any(sign in said for sign in (CLEAR, "\x07", BACKWARDS)), call
        assert r"\x1b" in said or call[0] == "peek"
