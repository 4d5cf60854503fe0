"""What a file is, by its first bytes."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from somtom.schemas.reasons import DataError
from somtom.sources.sniff import check_is_video, is_animated_webp, is_cut_off, kind_of


def picture(image_format: str, frames: int) -> bytes:
    images = [Image.new("RGB", (40, 30), (40 * i, 0, 0)) for i in range(frames)]
    target = io.BytesIO()
    images[0].save(target, image_format, save_all=frames > 1, append_images=images[1:])
    return target.getvalue()


def reason(head: bytes, name: str) -> str:
    try:
        check_is_video(head, name)
    except DataError as error:
        return error.reason
    return "video"


@pytest.mark.parametrize("image_format", ["PNG", "JPEG", "WEBP", "BMP", "TIFF", "ICO", "JPEG2000", "AVIF"])
def test_a_still_picture_is_one_whatever_its_name(image_format: str) -> None:
    for name in ("a.mp4", "a.png", "a"):
        assert reason(picture(image_format, 1), name) == "still_image"


@pytest.mark.parametrize("image_format", ["GIF", "PNG", "WEBP"])
def test_an_animated_picture_is_a_video(image_format: str) -> None:
    assert reason(picture(image_format, 3), "a.png") == "video"
    assert is_animated_webp(picture(image_format, 3)) == (image_format == "WEBP")


@pytest.mark.parametrize(
    "head",
    [
        b"\0\0\0\x20ftypisom",
        b"\0\0\0\x08moov",
        b"\x1aE\xdf\xa3\0",
        b"RIFF\0\0\0\0AVI LIST",
        b"G" + bytes(187) + b"G" + bytes(187) + b"G" + bytes(187) + b"G" + bytes(187),
    ],
)
def test_a_video_is_one_without_a_name_that_says_so(head: bytes) -> None:
    assert kind_of(head) == "video"
    assert reason(head, "no_extension") == "video"


@pytest.mark.parametrize(
    "head",
    [
        b"{}",
        b"a,b\n1,2\n",
        b"<svg/>",
        b"\xef\xbb\xbf{",
        "é".encode(),
        b"PAR1\0",
        b"\x89HDF\r\n\x1a\n\0",
        b"\x1f\x8b\x08",
    ],
)
def test_another_kind_is_filtered_and_fails_only_when_it_claims_to_be_a_video(head: bytes) -> None:
    assert reason(head, "a.json") == "not_video"
    assert reason(head, "a.MP4") == "unreadable"


def test_unknown_bytes_are_tried_only_when_the_name_claims_a_video() -> None:
    assert reason(b"\x01\x02\xfe\x00" * 9, "records-00000-of-00001") == "not_video"
    assert reason(b"\x01\x02\xfe\x00" * 9, "a.h264") == "video"


def test_no_bytes_is_an_empty_file() -> None:
    assert reason(b"", "a.mp4") == "empty_file"


def test_text_cut_within_a_character_is_still_text() -> None:
    assert kind_of(("é" * 600).encode()[:1023]) == "text"


def test_an_mp4_without_its_index_was_cut_off() -> None:
    boxes = b"\0\0\0\x08ftyp" + b"\0\0\0\x0cmdat1234"
    assert not is_cut_off(io.BytesIO(boxes + b"\0\0\0\x08moov"))
    assert is_cut_off(io.BytesIO(boxes))
    assert is_cut_off(io.BytesIO(b"\0\0\0\x08ftyp" + b"\0\0\xff\x0cmdat1234"))
    assert not is_cut_off(io.BytesIO(b"other bytes"))


@given(
    st.binary(max_size=600), st.sampled_from(["", "\x89PNG\r\n\x1a\n", "RIFF\0\0\0\0WEBP", "\0\0\0\x08ftyp"])
)
def test_any_bytes_are_judged_without_an_error(tail: bytes, magic: str) -> None:
    head = magic.encode("latin-1") + tail
    assert kind_of(head) in {"video", "still", "text", "other", "unknown"}
    is_cut_off(io.BytesIO(head))
