"""Screenshots for tests: drawn pages, and everything that a source of screenshots gives."""

from collections import Counter
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from somtom.schemas.annotation import Element, Screen
from somtom.schemas.clips import Clip
from somtom.schemas.reasons import DataError
from somtom.schemas.refs import Ref
from somtom.schemas.settings import ClipSettings, ShotSettings
from somtom.sources.screens import ScreenSource

Made = list[tuple[Ref, Clip | DataError]]

RUN_LENGTH = 2


def make_screens(source: ScreenSource, clips: ClipSettings | None = None) -> tuple[Made, Counter[str]]:
    """Everything a source gives, and the reasons of its scan's rejects."""
    clips = clips or ClipSettings()
    made: Made = []
    rejects: Counter[str] = Counter()
    for item in source.items(0):
        scan = source.scan(item, ShotSettings(), clips, RUN_LENGTH)
        if scan.reject is not None:
            rejects[scan.reject.reason] += 1
        made += source.read(scan.refs, clips)
    return made, rejects


def reasons_of(made: Made) -> list[str]:
    """Why each ref failed, "" where it did not."""
    return [one.reason if isinstance(one, DataError) else "" for _, one in made]


def screen_of(clip: Clip | DataError) -> Screen:
    """The screen of a clip that was made."""
    assert isinstance(clip, Clip) and clip.annotation.screen is not None
    return clip.annotation.screen


def target_of(clip: Clip | DataError) -> Element:
    """What the clip's action is done to, first of all."""
    screen = screen_of(clip)
    return screen.elements[screen.action.targets[0]]


def corners(element: Element) -> tuple[float, float, float, float]:
    """The element's box."""
    return element.x0, element.y0, element.x1, element.y1


def draw_page(path: Path, width: int = 400, height: int = 200) -> None:
    """Save a ramp of reds, of this size."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[..., 0] = np.arange(width) % 256
    Image.fromarray(pixels).save(path)


BUTTONS_SIZE = (400, 300)  # width and height of the page of `draw_buttons`


def button_corner(number: int) -> tuple[int, int]:
    """The top-left corner of a button that `draw_buttons` draws, 140 x 30 pixels large."""
    return 30 + 190 * (number % 2), 20 + 45 * (number // 2)


def draw_buttons(count: int) -> NDArray[np.uint8]:
    """A white page with grey buttons in two columns, written on in white."""
    width, height = BUTTONS_SIZE
    picture = np.full((height, width, 3), 255, np.uint8)
    for number in range(count):
        x, y = button_corner(number)
        picture[y : y + 30, x : x + 140] = 70
        cv2.putText(picture, f"Send {number}", (x + 30, y + 21), 0, 0.6, (255, 255, 255), 1, cv2.LINE_AA)
    return picture
