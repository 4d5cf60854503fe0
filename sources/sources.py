"""The sources that a configuration can name."""

import difflib
import importlib
from typing import Any

from somtom.sources.aitw import AitwSource
from somtom.sources.aitz import AitzSource
from somtom.sources.aloha import AlohaSource
from somtom.sources.android_control import AndroidControlSource
from somtom.sources.annotated_video import AnnotatedVideoSource
from somtom.sources.dom import DomSource
from somtom.sources.droidbot import DroidBotSource
from somtom.sources.ego4d import Ego4dSource
from somtom.sources.epic_kitchens import EpicKitchensSource
from somtom.sources.lerobot import LerobotSource
from somtom.sources.libero import LiberoSource
from somtom.sources.llava import LlavaSource
from somtom.sources.mind2web import Mind2WebSource
from somtom.sources.rico import RicoSource
from somtom.sources.rlds import RldsSource
from somtom.sources.robomimic import RobomimicSource
from somtom.sources.screenshots import ScreenshotsSource
from somtom.sources.screenspot import ScreenSpotSource
from somtom.sources.seeclick import SeeClickSource
from somtom.sources.ssv2 import SomethingSomethingSource
from somtom.sources.ui_jsonl import UiJsonlSource
from somtom.sources.video import VideoSource
from somtom.sources.webui import WebUiSource

SOURCES: dict[str, type[Any]] = {
    "video": VideoSource,
    "annotated-video": AnnotatedVideoSource,
    "epic-kitchens": EpicKitchensSource,
    "ego4d": Ego4dSource,
    "lerobot": LerobotSource,
    "rlds": RldsSource,
    "ssv2": SomethingSomethingSource,
    "seeclick": SeeClickSource,
    "screenspot": ScreenSpotSource,
    "mind2web": Mind2WebSource,
    "webui": WebUiSource,
    "robomimic": RobomimicSource,
    "libero": LiberoSource,
    "aloha": AlohaSource,
    "llava": LlavaSource,
    "rico": RicoSource,
    "droidbot": DroidBotSource,
    "aitz": AitzSource,
    "aitw": AitwSource,
    "android-control": AndroidControlSource,
    "dom": DomSource,
    "ui-jsonl": UiJsonlSource,
    "screenshots": ScreenshotsSource,
}


def source_class(kind: str) -> type[Any]:
    """Find the class of a `kind`: a name of `SOURCES`, or "module:Class" for a user's own.

    Raises:
        ValueError: there is no such source.
    """
    if ":" not in kind:
        if kind in SOURCES:
            return SOURCES[kind]
        nearest = difflib.get_close_matches(kind, SOURCES, n=1, cutoff=0.0)[0]
        raise ValueError(f"unknown source kind {kind!r}; did you mean {nearest!r}?")
    module_name, _, class_name = kind.partition(":")
    try:
        found = getattr(importlib.import_module(module_name), class_name)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"source kind {kind!r} cannot be imported: {error}") from error
    missing = [name for name in ("kind", "items", "scan", "read") if not hasattr(found, name)]
    if not isinstance(found, type) or missing:
        raise ValueError(f"source kind {kind!r} is not a source: it has no {', '.join(missing) or 'class'}")
    return found
