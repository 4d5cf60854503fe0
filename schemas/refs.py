"""Small frozen records that say what to read: they cross shuffles, pixels do not."""

from dataclasses import dataclass, field, fields
from typing import Any

from somtom.schemas.keys import KEY_PATTERN
from somtom.schemas.reasons import Reject
from somtom.schemas.sketch import ActionSketch


@dataclass(frozen=True, slots=True)  # a driver holds all of them
class Item:
    """One thing a source lists: a video file, an episode, a file of records.

    `uri` is relative to the source's root (what lands in the record, the same on every machine),
    `locator` is what opens it here (a local path or a Beam file-system URI); `payload` is JSON that the
    source needs to scan it, "" where the rest is enough.
    """

    source: int
    uri: str
    locator: str
    payload: str = ""


@dataclass(frozen=True)
class Ref:
    """One sample to be made.

    Args:
        key: the sample's key.
        source: position of its `[[source]]` in the configuration.
        kind: kind of that source, such as "video".
        dataset, licence, uri, group: land in the record; samples of one group share a split.
        locator: what opens the input on this machine; in no digest.
        fingerprint: hash of the input's size, first and last MiB.
        run: refs of one run are consecutive and are read in one pass.
        position: order within the input.
        start_s, end_s: times in seconds of the first and last sampled frame; -1.0 for a screenshot.
        step_s: seconds between sampled frames; -1.0 for a screenshot.
        fps: frames a second of the input, measured, not read from a header; -1.0 for a screenshot.
        frames: handles of the sampled frames that the source understands (a video's pts, an episode's steps).
        first_person: head-mounted camera: always compensated.
        instruction: the input's own text, "" where it has none.
        camera: name of the camera or stream, "" where there is one.
        split: "train" or "val"; "" until planned, unless the source asks for one.
        payload: JSON the source needs to read it, "" where the rest is enough.
        history: how many of `frames`, the first ones, are earlier pictures; the clip is the others.
        weight: how often the sample should be drawn in training, 1.0 as often as any other.
        picture: fingerprint of the picture alone, where `fingerprint` covers what is said of it as well:
            inputs with the same picture share a split whatever is said. "" = `fingerprint`.
    """

    key: str
    source: int
    kind: str
    dataset: str
    uri: str
    locator: str
    fingerprint: str
    licence: str
    group: str
    run: int
    position: int
    start_s: float
    end_s: float
    step_s: float
    fps: float
    frames: tuple[int, ...]
    first_person: bool = False
    instruction: str = ""
    camera: str = ""
    split: str = ""
    payload: str = ""
    history: int = 0
    weight: float = 1.0
    picture: str = ""

    def __post_init__(self) -> None:
        if not KEY_PATTERN.fullmatch(self.key):
            raise ValueError(f"{self.key}: a key is 1 to 80 of [a-z0-9_-]")

    @property
    def shown(self) -> str:
        """What two refs that show the same have in common."""
        return self.picture or self.fingerprint


REF_FIELDS = tuple(one.name for one in fields(Ref))
_FRAMES = REF_FIELDS.index("frames")


def ref_values(ref: Ref) -> list[object]:
    """Plain values of all `REF_FIELDS`."""
    return [getattr(ref, name) for name in REF_FIELDS]


def ref_of_values(values: list[Any]) -> Ref:
    """Make the ref of what `ref_values` gave, also when it has been JSON since."""
    return Ref(**dict(zip(REF_FIELDS, values, strict=True)) | {"frames": tuple(values[_FRAMES])})


@dataclass(frozen=True)
class ItemFacts:
    """What scanning learned of one item: a row of meta/items.parquet.

    `fingerprint` is "" where the item could not be read; `warning` says what was odd about an item that
    could be used all the same (a damaged tail, say), "" if nothing was.
    """

    uri: str
    fingerprint: str = ""
    width: int = 0
    height: int = 0
    frames: int = 0
    duration_s: float = 0.0
    fps: float = 0.0
    codec: str = ""
    rotation: int = 0
    shots: int = 0
    warning: str = ""


@dataclass(frozen=True)
class Scan:
    """What scanning one item gave: refs, or exactly one reject when there are none.

    `actions` sums up a robot episode's actions, whose dimensions are `action_names`; None and empty for
    anything else.
    """

    facts: ItemFacts
    refs: tuple[Ref, ...] = ()
    reject: Reject | None = None
    actions: ActionSketch | None = None
    action_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if bool(self.refs) == (self.reject is not None):
            raise ValueError(f"{self.facts.uri}: a scan gives refs or one reject, not both or neither")


@dataclass(frozen=True)
class ShardSpec:
    """One shard to be labelled: the element of the label stage.

    `copies`, which is in no plan, says of keys to leave out whose pictures theirs look like.
    """

    name: str
    split: str
    refs: tuple[Ref, ...] = field(repr=False)
    track_digest: str
    label_digest: str
    copies: dict[str, str] = field(default_factory=dict, repr=False)
