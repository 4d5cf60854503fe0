"""The fields of a sample's record: the one table that writer, checker, exporters and trainer read."""

from dataclasses import dataclass
from typing import Any

SCHEMA_VERSION = 1
TASKS = ("som", "tom", "ui", "robot", "vl")
SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class Field:
    """One field of the record.

    Args:
        name: its key in the JSON object.
        kind: "text", "int" (64 bits), "float" (always written with a point), "bool" or "object".
        meaning: one line for a person.
        unit: "px", "s", ... or "".
        default: what stands where nothing is known; None: the field must be given.
        many: a list of such values.
        fields: what an object holds, in order.
    """

    name: str
    kind: str
    meaning: str
    unit: str = ""
    default: Any = None
    many: bool = False
    fields: tuple["Field", ...] = ()


def _text(name: str, meaning: str, default: str | None = "") -> Field:
    return Field(name, "text", meaning, default=default)


def _int(name: str, meaning: str, default: int | None = 0) -> Field:
    return Field(name, "int", meaning, default=default)


def _float(name: str, meaning: str, unit: str = "", default: float | None = -1.0) -> Field:
    return Field(name, "float", meaning, unit, default)


def _many(name: str, kind: str, meaning: str, unit: str = "") -> Field:
    return Field(name, kind, meaning, unit, default=(), many=True)


def _object(name: str, meaning: str, *fields: Field, default: Any = None) -> Field:
    return Field(name, "object", meaning, default=default, fields=fields)


def _objects(name: str, meaning: str, *fields: Field) -> Field:
    return Field(name, "object", meaning, default=(), many=True, fields=fields)


RECORD: tuple[Field, ...] = (
    _int("schema_version", "version of this table", SCHEMA_VERSION),
    _text("id", "the sample's key", None),
    _text("split", f"one of {', '.join(SPLITS)}", None),
    _text("task", f"the richest the sample supports: {', '.join(TASKS)}", None),
    _text("instruction", "the input's own text"),
    _objects(
        "history",
        "what happened before, oldest first; each has a picture <key>.hNN.jpg",
        _float(
            "t_s", "seconds before the sample's picture, negative; a screenshot's counts steps", "s", None
        ),
        _text("action_text", "what was done there"),
        Field("known", "bool", "there was such a step; its picture is black otherwise", default=True),
    ),
    _objects(
        "conversations",
        "LLaVA turns; <image> stands once for each history picture, then once for the marked one, "
        "all in the first turn",
        _text("from", "human or gpt", None),
        _text("value", "what is said", None),
    ),
    _objects(
        "marks",
        "the numbered marks in the order of their numbers",
        _int("id", "the number drawn, from 1", None),
        _float("x", "the point; a box's centre", "px", None),
        _float("y", "the point; a box's centre", "px", None),
        _float("x0", "the box's left edge; -1.0 for a bare point", "px"),
        _float("y0", "the box's top edge; -1.0 for a bare point", "px"),
        _float("x1", "the box's right edge; -1.0 for a bare point", "px"),
        _float("y1", "the box's bottom edge; -1.0 for a bare point", "px"),
        Field("foreground", "bool", "it moves (video) or the instruction is about it", default=False),
        _text("text", "a UI element's text"),
        _text("role", "a UI element's role"),
    ),
    _int("target_mark", "id of the mark to act on; -1 where there is none", -1),
    _object(
        "action",
        "what is done at this picture",
        _text("kind", 'such as click or robot; "" for a video'),
        _text("text", "the action in words"),
        _many("values", "float", "raw robot action: one number a dimension, step after step of the chunk"),
        _many("bins", "int", "the same, scaled by the data set's percentiles and cut into 256 bins"),
        _many("names", "text", "names of the dimensions"),
        default={},
    ),
    _object(
        "state",
        "a robot's own state at this picture",
        _many("values", "float", "one number a dimension"),
        _many("names", "text", "names of the dimensions"),
        default={},
    ),
    Field("width", "int", "width of the pictures", "px"),
    Field("height", "int", "height of the pictures", "px"),
    _object(
        "source",
        "where the sample comes from",
        _text("kind", "the source's kind, such as video", None),
        _text("dataset", "the data set's name", None),
        _text("uri", "path relative to the data set's root", None),
        _text("fingerprint", "hash of the input's size, first and last MiB"),
        _text(
            "picture_hash", '64 bits in hex: near pictures without marks have near ones; "" for a flat one'
        ),
        _text("licence", 'licence of the input; "" where unknown'),
        _text("group", "samples of one group share a split", None),
        _text("camera", 'camera or stream; "" where there is one'),
        _float("start_s", "time of the picture in the input; -1.0 for a screenshot", "s"),
        _float("end_s", "time of the last sampled frame; -1.0 for a screenshot", "s"),
        _float("fps", "frames a second of the input; -1.0 for a screenshot", "1/s"),
        _float("step_s", "time between sampled frames; -1.0 for a screenshot", "s"),
        _float("weight", "how often it should be drawn in training, 1.0 as often as any other", default=1.0),
    ),
    _object(
        "motion",
        "how the traces were made",
        Field("camera_moved", "bool", "the traces were stabilised to the picture", default=False),
        _many(
            "homographies",
            "float",
            "T x 9, row by row: maps a stabilised position to where it was in frame k; "
            "the identity where frame k was left as it is; empty for a screenshot",
        ),
        _many("inlier_ratio", "float", "T: share of the background points that the homography fits"),
        _int("refused", "frames whose homography was refused"),
        _float("epsilon", "a point moves when its mean displacement is more than this", "px per step"),
        _int("moving", "points that move"),
        _int("static", "points that stand still"),
        _int("dropped", "points seen in too few frames"),
        _int("clamped", "trace positions outside the picture, which the text puts on its border"),
        default={},
    ),
    _object(
        "tracker",
        "who followed the points",
        _text("name", 'name of the tracker; "" for a screenshot'),
        _text("version", "its version"),
        _text("weights_sha256", 'hash of its weights; "" without weights'),
        _text("licence", "licence of its code and weights"),
        default={},
    ),
    _object(
        "quality",
        "scores; -1.0 where one was not measured",
        _float("visible_share", "share of the marks' positions that are visible", "0..1"),
        _float("confidence", "mean confidence of the marks' positions", "0..1"),
        _float(
            "forward_backward_px",
            "how far following the marks a step and back again misses, on average",
            "px",
        ),
        _float("inlier_ratio", "mean of motion.inlier_ratio over the later frames", "0..1"),
        _float("residual_px", "mean displacement of the static points", "px per step"),
        _float("epsilon_margin", "smallest distance of a mark's displacement from epsilon", "px per step"),
        _float("mark_overlap", "share of the labels' area that another label covers", "0..1"),
        _float(
            "mark_contrast", "smallest difference of light and dark in a label, as it was written", "0..1"
        ),
        _float("mark_height_px", "height of the labels' digits", "px"),
        _float(
            "marks_read", "share of the labels that OCR reads; measured only when the settings ask", "0..1"
        ),
        _float("action_clipped", "share of the action's numbers outside of q01..q99", "0..1"),
        _float("action_frozen", "share of the clip's control steps that repeat the action before", "0..1"),
        _float("action_jump", "largest change between control steps, in ranges q01..q99"),
        default={},
    ),
)
