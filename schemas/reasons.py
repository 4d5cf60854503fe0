"""The closed list of reasons why an input gives no sample, and the error that carries one."""

from dataclasses import dataclass

from somtom.schemas.record_fields import RECORD
from somtom.schemas.shown import shortened, shown

FILTERED = "filtered"
FAILED = "failed"

# reason -> (outcome, what it means). `filtered` is left out on purpose, `failed` could not be used.
REASONS: dict[str, tuple[str, str]] = {
    # listing and scanning
    "missing": (FAILED, "the file is not there"),
    "empty_file": (FAILED, "the file has no bytes"),
    "io_error": (FAILED, "the store could not be read, also after retries"),
    "not_video": (FILTERED, "the file is of another kind than video"),
    "still_image": (FILTERED, "one picture, so nothing can move"),
    "unreadable": (FAILED, "the container is damaged or cut off"),
    "no_video_stream": (FAILED, "the container holds no video stream"),
    "undecodable": (FAILED, "the stream's frames cannot be decoded (damaged, encrypted or unknown codec)"),
    "too_large": (FAILED, "the picture is larger than the bound set for decoding"),
    "too_small": (FILTERED, "the picture is too small to carry marks"),
    "extreme_aspect": (FILTERED, "the picture is too long and thin to carry marks"),
    "too_short": (FILTERED, "no shot is as long as one clip"),
    "frame_gap": (FILTERED, "frames are missing where the clip needs them"),
    "bad_timestamps": (FAILED, "the frames' times are missing or contradict each other"),
    "unsafe_path": (FAILED, "a path in the metadata leaves the data set's folder"),
    "bad_record": (FAILED, "a record of the source is malformed"),
    "not_image": (FAILED, "the file is no picture, or of a kind that is not read"),
    "missing_camera": (FAILED, "the episode lacks the camera that is asked for"),
    "bad_action": (FAILED, "the actions are missing, not finite or of the wrong width"),
    "bad_box": (FAILED, "a box is malformed, outside of the picture or in another convention"),
    "unsupported": (FILTERED, "the record is of a form that gives no sample"),
    "duplicate": (FILTERED, "the same input was listed before"),
    # labelling
    "changed_input": (FAILED, "the input is no longer the one that was planned"),
    "corrupt_frame": (FAILED, "a frame the clip needs is damaged or missing"),
    "no_texture": (FILTERED, "the picture has nothing a tracker can hold on to"),
    "too_few_points": (FILTERED, "too few points stayed visible to choose marks from"),
    "frozen_action": (FILTERED, "the robot's action does not change over the clip"),
    "action_jump": (FILTERED, "the robot's action jumps further than the settings allow"),
    "no_elements": (FILTERED, "the screenshot has no element to mark"),
    "no_target": (FILTERED, "the action's target is not given"),
    "target_unmatched": (FILTERED, "the action's target is no marked element (hidden, tiny or outside)"),
    **{
        f"filter_{field.name}": (FILTERED, f"its {field.name} is outside of what [filter] allows")
        for field in next(one for one in RECORD if one.name == "quality").fields
    },
    "filter_near_duplicates": (FILTERED, "its picture looks like that of a sample which is kept"),
    "removed": (FILTERED, "meta/removals.txt, or the file of output.removals, names it"),
    "image_filter": (FILTERED, "the image filter of the settings drops it"),
    "tracker_failed": (FAILED, "the tracker could not handle the clip"),
    "out_of_memory": (FAILED, "the tracker ran out of memory with this clip alone"),
    "crashed": (FAILED, "the process died twice while it worked on this input"),
}


class DataError(Exception):
    """An input that cannot be used: becomes one reject, the run goes on.

    `reason` is a name of `REASONS`; `message` says in one line what is wrong and what to do. It may quote
    what strangers wrote: it is shortened, and what would do something on a terminal is written as an escape.
    """

    def __init__(self, reason: str, message: str) -> None:
        if reason not in REASONS:
            raise ValueError(f"unknown reason {reason!r}; known: {', '.join(sorted(REASONS))}")
        super().__init__(reason, shortened(shown(" ".join(message.split()))))

    @property
    def reason(self) -> str:
        """The name in `REASONS`."""
        return str(self.args[0])

    @property
    def message(self) -> str:
        """One line for a person."""
        return str(self.args[1])


@dataclass(frozen=True)
class Reject:
    """One input that gave no sample: a row of meta/rejects.parquet.

    `stage` is "scan" (the input is a file or episode) or "label" (the input is one ref);
    `position_s` is the clip's start in seconds, -1.0 for a whole file; `key` is "" for a whole file.
    """

    source: str
    uri: str
    key: str
    stage: str
    reason: str
    message: str
    position_s: float = -1.0

    def __post_init__(self) -> None:
        if self.reason not in REASONS:
            raise ValueError(f"unknown reason {self.reason!r}")

    @property
    def outcome(self) -> str:
        """`FILTERED` or `FAILED`."""
        return REASONS[self.reason][0]
