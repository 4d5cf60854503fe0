"""Every setting of a build but the sources' own: one default each, next to its comment."""

from dataclasses import dataclass, field, fields


@dataclass(frozen=True)
class ShotSettings:
    """How a video is cut into shots."""

    detector: str = "adaptive"  # adaptive | content (the paper's) | none (the whole video is one shot)
    threshold: float = 0.0  # the detector's threshold; 0 = PySceneDetect's default for that detector
    min_length_s: float = 0.5  # a shot that is shorter gives no clips


@dataclass(frozen=True)
class ClipSettings:
    """How a shot is cut into clips."""

    steps: int = 16  # l: a clip is frame t and the l sampled frames that follow
    step_s: float = 0.0667  # seconds between sampled frames; a slower video is taken frame by frame
    stride: int = 0  # n > 0: every n-th frame instead of a fixed time
    overlap: float = 0.0  # share of a clip that the next one repeats, 0 <= overlap < 1
    max_per_video: int = 0  # clips a video gives at most, spread evenly over it; 0 = all
    short_side: int = 512  # pixels; pictures are scaled down to it, never up
    jpeg_quality: int = 90  # of every picture written
    min_side: int = 32  # pixels; a picture whose shorter side is less is filtered
    max_aspect: float = 8.0  # longer side / shorter side; beyond it a picture is filtered
    max_pixels: int = 67_108_864  # pixels of a frame (8192 x 8192); larger is refused before decoding
    screen_short_side: int = 1080  # pixels; screenshots are scaled down to it, never up
    cameras: int = 0  # further cameras that come along with each sample as cam1, ...; black where it has none
    history: int = 0  # earlier pictures that come along as h00, ...; black where there are none
    history_step_s: float = (
        0.5  # seconds between them in a video or episode; a screenshot's are earlier steps
    )
    image_filter: str = ""  # "module:function" that changes each picture to be written, or gives None
    action_chunk: int = 1  # control steps of robot action given with a sample, from its first frame on


@dataclass(frozen=True)
class TrackingSettings:
    """Which tracker follows which points; for screenshots, when elements are looked for in the pixels."""

    tracker: str = "dis"  # a name of TRACKERS, or "module:Class"
    grid: int = 15  # s: s x s query points on the clip's first frame
    short_side: int = 384  # pixels the tracker works at; positions are mapped back
    detect: str = (
        "auto"  # elements found in a screenshot's pixels: auto (where few are given) | always | never
    )
    min_elements: int = 4  # elements given below which "auto" looks for more
    # What follows is for trackers with weights (cotracker3).
    weights: str = ""  # path or URI of the checkpoint
    weights_sha256: str = ""  # that it must have; "" takes any
    accept_licence: str = ""  # the weights' licence, as a sign that you accept it: "CC-BY-NC-4.0"
    iterations: int = 6  # refinements of all tracks; fewer are faster and worse
    model_height: int = 384  # pixels; pictures are resized to model_width x model_height for the model
    model_width: int = 512
    batch_clips: int = 0  # clips of equal length tracked at once; 0 = 8 on a GPU, elsewhere 1
    chunk_frames: int = 60  # a longer clip is tracked in parts of this many frames, which overlap
    rows_at_once: int = 512  # points times frames worked on at once: bounds memory; 65536 suits a GPU
    precision: str = "float32"  # float32 | bfloat16 (faster, off by about a tenth of a pixel)
    device: str = "auto"  # auto (the first there is of cuda, mps, cpu) | cuda | mps | cpu
    threads: int = 1  # of each process on a CPU; a build has a process for every core
    compile: bool = False  # let torch compile the model first, for minutes; on a CPU it is slower then


@dataclass(frozen=True)
class MotionSettings:
    """When the camera moved, and what moves."""

    camera: str = "auto"  # its motion is taken out of the traces: auto (where it moved) | always | never
    min_visible: float = 0.5  # a point seen in a smaller share of the frames is dropped
    eta: float = 0.5  # pixels per sampled step when the shorter side is 512: a point that moves more ...
    camera_share: float = 0.5  # ... and a larger share of such points in the background: the camera moves
    reprojection_px: float = 4.0  # pixels at height 512: inliers of the homography
    epsilon: float = 2.0  # pixels per sampled step when the shorter side is 512


@dataclass(frozen=True)
class MarkSettings:
    """Which traces get a number and how it is drawn."""

    style: str = "box"  # a name of STYLES, or "module:Class"; none draws nothing
    foreground_min: int = 2  # k_f: clusters of moving traces, drawn from this range
    foreground_max: int = 5
    background_min: int = 6  # k_b: clusters of static traces
    background_max: int = 14
    min_points: int = 4  # clips with fewer points to choose from are filtered
    min_moving: int = 2  # a clip with fewer moving traces gives no trace supervision; they get no mark
    min_confidence: float = 0.1  # traces the tracker trusts less on average (0 to 1) get no mark
    min_distance: float = 0.05  # share of the shorter side that marks keep between them where they can
    max_cover: float = 0.3  # share of the picture that labels may cover: small ones get fewer marks


@dataclass(frozen=True)
class TextSettings:
    """What the conversations look like."""

    use_instruction: bool = True  # say the input's own text where it has one
    numbers: bool = True  # call marks by their numbers; false: clips' points by their places alone
    future: str = "traces"  # what is asked of what moves in a clip: traces | marks (only which)


@dataclass(frozen=True)
class RobotSettings:
    """Which robot actions are refused; those that are not finite or of the wrong width always are."""

    max_frozen: float = 1.0  # share of a clip's control steps that may repeat the action before; 1 = all
    max_jump: float = 0.0  # largest change between control steps, in ranges q01..q99; 0 = any


@dataclass(frozen=True)
class UiSettings:
    """Which elements of a screenshot get a number."""

    max_marks: int = 300  # of more elements a seeded choice is marked, always with the action's target
    min_side: float = 5.0  # pixels of the picture written; narrower or lower elements get no mark
    max_area: float = 0.8  # share of the picture; larger elements get no mark
    merge_iou: float = 0.8  # boxes that overlap more (intersection over union) are one element


@dataclass(frozen=True)
class PairSettings:
    """What becomes of image-text pairs."""

    boxes: str = "keep"  # keep | marks: boxes and points in the text become numbered marks
    box_frame: str = "square"  # boxes are ratios of the picture padded to a square (LLaVA-1.5's) | picture


@dataclass(frozen=True)
class QualitySettings:
    """What is measured of each sample besides the scores that cost next to nothing."""

    read_marks: bool = (
        False  # let tesseract read every label: the score marks_read, in a tenth of a second each
    )


@dataclass(frozen=True)
class FilterSettings:
    """Which samples are left out: {min = ...}, {max = ...} or both for a score of the record's `quality`.

    A sample whose score was not measured (-1.0) is kept.
    """

    visible_share: dict[str, float] = field(default_factory=dict)
    confidence: dict[str, float] = field(default_factory=dict)
    forward_backward_px: dict[str, float] = field(default_factory=dict)
    inlier_ratio: dict[str, float] = field(default_factory=dict)
    residual_px: dict[str, float] = field(default_factory=dict)
    epsilon_margin: dict[str, float] = field(default_factory=dict)
    mark_overlap: dict[str, float] = field(default_factory=dict)
    mark_contrast: dict[str, float] = field(default_factory=dict)
    mark_height_px: dict[str, float] = field(default_factory=dict)
    marks_read: dict[str, float] = field(default_factory=dict)
    action_clipped: dict[str, float] = field(default_factory=dict)
    action_frozen: dict[str, float] = field(default_factory=dict)
    action_jump: dict[str, float] = field(default_factory=dict)
    # Of samples that pass all that, those whose pictures look the same and whose groups differ:
    near_duplicates: str = "off"  # off | across_splits (val keeps its own) | all (also one group a split)
    near_bits: int = 4  # of the 64 of picture_hash, in which the same look may differ

    def chosen(self) -> dict[str, object]:
        """What is not as it is by default."""
        default = FilterSettings()
        mine = {one.name: getattr(self, one.name) for one in fields(self)}
        return {name: value for name, value in mine.items() if value != getattr(default, name)}

    def limits(self) -> dict[str, dict[str, float]]:
        """The limits that are set, by score, in the order of the scores."""
        return {name: value for name, value in self.chosen().items() if isinstance(value, dict)}


@dataclass(frozen=True)
class OutputSettings:
    """Where the data set goes and how it is cut."""

    path: str = "out/"
    clips_per_shard: int = 128  # refs a shard; small, so that little is redone after a crash
    clips_per_run: int = 32  # consecutive clips of one video that are decoded in one pass
    removals: str = ""  # file of keys, uris or groups to take out, a line each; added to meta/removals.txt
    val_fraction: float = 0.05  # share of groups that go to the validation split
    limit: int = 0  # clips planned at most (and inputs looked at), to try things out; 0 = all


@dataclass(frozen=True)
class BuildSettings:
    """The whole of a build's settings, without its sources."""

    shots: ShotSettings = field(default_factory=ShotSettings)
    clips: ClipSettings = field(default_factory=ClipSettings)
    tracking: TrackingSettings = field(default_factory=TrackingSettings)
    motion: MotionSettings = field(default_factory=MotionSettings)
    marks: MarkSettings = field(default_factory=MarkSettings)
    text: TextSettings = field(default_factory=TextSettings)
    robot: RobotSettings = field(default_factory=RobotSettings)
    ui: UiSettings = field(default_factory=UiSettings)
    vl: PairSettings = field(default_factory=PairSettings)
    quality: QualitySettings = field(default_factory=QualitySettings)
    filter: FilterSettings = field(default_factory=FilterSettings)
    output: OutputSettings = field(default_factory=OutputSettings)
