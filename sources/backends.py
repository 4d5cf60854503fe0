"""What decodes the videos: the choice of `VideoSource.backend`."""

from collections.abc import Callable

from somtom.schemas.settings import ClipSettings
from somtom.sources.av_video import AvVideo
from somtom.sources.decord_video import DecordVideo
from somtom.sources.files import open_binary
from somtom.sources.pictures import Video
from somtom.sources.sniff import HEAD_BYTES, is_animated_webp
from somtom.sources.webp_video import WebpVideo

BACKENDS: dict[str, Callable[[str, ClipSettings], Video]] = {"pyav": AvVideo, "decord": DecordVideo}


def open_video(backend: str, locator: str, settings: ClipSettings) -> Video:
    """Open a video with a backend of `BACKENDS`; an animated WebP is always left to Pillow.

    Raises:
        DataError: it cannot be opened.
        OSError: the store failed.
    """
    with open_binary(locator) as file:
        webp = is_animated_webp(file.read(HEAD_BYTES))
    return (WebpVideo if webp else BACKENDS[backend])(locator, settings)
