"""Why a clip was kept or dropped: its motion and marks computed again, every trace against epsilon."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from somtom.marks.select import select_marks
from somtom.pipelines.config import parse_config
from somtom.pipelines.config_rules import ConfigError
from somtom.pipelines.explain_screen import screen_lines
from somtom.pipelines.foreign_config import without_code
from somtom.pipelines.output import OutputError, read_config_tree
from somtom.schemas.annotation import RobotStep
from somtom.schemas.folder import META, plan_path, tracks_path
from somtom.schemas.manifest import read_manifest
from somtom.schemas.meta_tables import ITEM_COLUMNS, ITEMS, REJECT_COLUMNS, REJECTS
from somtom.schemas.motion import Motion
from somtom.schemas.parquet import find_rows
from somtom.schemas.plan_table import PLAN_COLUMNS, read_plan
from somtom.schemas.reasons import REASONS, DataError
from somtom.schemas.settings import BuildSettings
from somtom.schemas.tracks import Tracks
from somtom.schemas.tracks_table import StoredClip
from somtom.tracking.motion import MIN_CONFIDENCE, REFERENCE_SIDE, mean_displacement
from somtom.transforms.attempts import Attempts
from somtom.transforms.label_clip import judge_motion, tracks_of
from somtom.transforms.relabel_shard import stored_clips

SHOWN_KEYS = 5  # of those that an ambiguous prefix means


def explain_lines(folder: Path, key: str) -> Iterator[str]:
    """Explain one clip by its key or the first characters of it, or a whole input by its uri.

    Raises:
        ConfigError: the key is unknown or means several clips.
        OutputError: the folder holds no build.
        DataError: `unreadable`: a table is damaged.
    """
    settings = parse_config(without_code(read_config_tree(folder))).settings
    if not plan_path(folder).is_file():
        raise OutputError(f"{folder}: holds no plan yet; run `somtom build`")
    refs = list(find_rows(plan_path(folder), PLAN_COLUMNS, "key", key)) if key else []
    refs = [row for row in refs if row["key"] == key] or refs
    if len(refs) == 1:
        return _explain_clip(folder, refs[0]["shard"], refs[0]["key"], settings)
    if refs:
        some = ", ".join(row["key"] for row in refs[:SHOWN_KEYS])
        raise ConfigError(f"{key}: {len(refs)} clips begin so ({some}{', ...' * (len(refs) > SHOWN_KEYS)})")
    items = [row for row in find_rows(folder / META / ITEMS, ITEM_COLUMNS, "uri", key) if row["uri"] == key]
    if not items:
        raise ConfigError(f"{key}: {folder} has no clip of this key and no input of this uri")
    return _explain_inputs(folder, key, items)


def _explain_inputs(folder: Path, uri: str, items: list[dict[str, Any]]) -> Iterator[str]:
    """Say what scanning the inputs of this uri gave: clips, or a reject."""
    for item in items:
        yield f"{item['source']}: {uri}"
        yield f"  input     {_said_of(item)}"
        if item["warning"]:
            yield f"  warning   {item['warning']}"
    rejects = [
        row for row in find_rows(folder / META / REJECTS, REJECT_COLUMNS, "uri", uri) if row["uri"] == uri
    ]
    for row in rejects:
        if not row["key"]:
            yield from _why(row["reason"], row["message"])
    reasons = {row["key"]: row["reason"] for row in rejects}
    for row in find_rows(plan_path(folder), PLAN_COLUMNS, "uri", uri):
        if row["uri"] == uri:
            what = reasons.get(row["key"], "")
            place = f"{row['start_s']:10.3f} s" if row["start_s"] >= 0 else f"  no. {row['position']:6}"
            yield f"  {row['key']}  {place}  {row['shard']}  {what}".rstrip()


def _said_of(item: Mapping[str, Any]) -> str:
    """Say what scanning learned of an input: which facts there are tells what sort it is of."""
    size, time = f"{item['width']} x {item['height']}", f"{item['duration_s']:.2f} s"
    if item["codec"]:
        frames = f"{item['frames']} frames, {time}, {item['fps']:.2f} fps, {item['shots']} shots"
        return f"video: {item['codec']}, {size}, {frames}"
    if item["fps"]:
        return f"robot episode: {item['frames']} control steps, {time}, {item['fps']:.2f} a second"
    if item["width"]:
        return f"picture: {size}"
    if item["frames"]:
        return f"screenshots: {item['frames']} steps or instructions"
    return "nothing was learned of it"


def _why(reason: str, message: str) -> Iterator[str]:
    outcome, meaning = REASONS[reason]
    yield f"  {outcome:<9} {reason}: {meaning}"
    yield f"            {message}"


def _explain_clip(folder: Path, shard: str, key: str, settings: BuildSettings) -> Iterator[str]:
    path = tracks_path(folder, shard)
    manifest = read_manifest(folder, shard)
    if manifest is None or not path.is_file():
        raise OutputError(f"{key}: its shard {shard} is not built yet; run the build again")
    spec = next(read_plan(plan_path(folder), {shard}))
    stored = stored_clips(folder, spec, Attempts(None, shard))
    clip = next((one for one in stored if one.ref.key == key), None)
    if clip is None:
        raise DataError("unreadable", f"{path.name}: does not hold {key}, which was planned for it")
    yield key
    yield from _what_it_is(clip)
    reject = next((one for one in manifest.rejects if one.key == key), None)
    if reject is None:
        yield f"  kept      as a sample in shards/{shard}.tar"
    else:
        yield from _why(reject.reason, reject.message)
    if clip.annotation.screen is not None:
        yield from screen_lines(clip, settings)
    if clip.annotation.robot is not None:
        yield from _what_is_done(clip.annotation.robot)
    if clip.tracks is not None:
        yield from _what_moves(clip, settings)


def _what_it_is(clip: StoredClip) -> Iterator[str]:
    ref = clip.ref
    yield f"  input     {ref.dataset}: {ref.uri}" + (f", camera {ref.camera}" if ref.camera else "")
    if ref.start_s >= 0:
        yield (
            f"  time      {ref.start_s:.3f} to {ref.end_s:.3f} s, {len(ref.frames) - ref.history} frames, "
            f"{ref.step_s:.4f} s apart, of {ref.fps:.2f} a second"
        )
    if ref.history:
        yield f"  history   {ref.history} earlier pictures"
    if clip.width:
        source = f"{clip.source_width} x {clip.source_height}"
        yield f"  size      {clip.width} x {clip.height}, in the input {source}"
    if clip.tracker is not None:
        yield f"  tracker   {clip.tracker.name} {clip.tracker.version}"


def _what_is_done(robot: RobotStep) -> Iterator[str]:
    """Say what the robot does at the clip's first frame, and how its actions behave over the clip."""
    repeat = f"{robot.frozen:.0%} of the clip's repeat the one before"
    yield f"  actions   {len(robot.actions)} control steps; {repeat}"
    for index, name in enumerate(robot.names):
        first, jump = robot.actions[0, index], robot.jumps[index]
        yield f"            {name}: {first:.6g}, changes by up to {jump:.3g} a step"


def _what_moves(clip: StoredClip, settings: BuildSettings) -> Iterator[str]:
    """Say what the camera did, then judge every trace."""
    tracks, motion = tracks_of(clip), judge_motion(clip, settings)
    yield from _camera(clip, motion, settings)
    yield (
        f"  epsilon   {motion.epsilon:.3f} px a step: {settings.motion.epsilon:g} for a shorter side of "
        f"{REFERENCE_SIDE}, here {min(clip.width, clip.height)}"
    )
    moving = int((motion.kept & motion.moving).sum())
    dropped = int((~motion.kept).sum())
    yield (
        f"  traces    {len(motion.kept)}: {moving} moving, {len(motion.kept) - moving - dropped} static, "
        f"{dropped} dropped (seen in less than {settings.motion.min_visible:.0%} of the frames)"
    )
    numbers = _mark_numbers(clip, tracks, motion, settings)
    yield from _map(motion, numbers)
    yield from _table(tracks, motion, numbers)


def _camera(clip: StoredClip, motion: Motion, settings: BuildSettings) -> Iterator[str]:
    tracks, rule = tracks_of(clip), settings.motion
    static = motion.kept & ~motion.moving
    # Epsilon and eta are both scaled by the picture and by the step.
    eta = rule.eta * motion.epsilon / rule.epsilon if rule.epsilon else 0.0
    steps = mean_displacement(tracks.xy[:, static], _believed(tracks)[:, static])
    share = float((steps > eta).mean()) if len(steps) else 0.0
    verdict = "moved, and was compensated" if motion.camera_moved else "stood still"
    if rule.camera == "never":
        verdict = "was not looked for"
    because = " (first person: always compensated)" if clip.ref.first_person else ""
    if rule.camera != "auto":
        because = f" (motion.camera = {rule.camera})"
    yield (
        f"  camera    {verdict}{because}: {share:.0%} of the static points went more than {eta:.3f} px "
        f"a step in the picture (more than {rule.camera_share:.0%} are needed)"
    )
    if motion.camera_moved:
        refused = np.flatnonzero(motion.refused).tolist()
        ratio = motion.inlier_ratio[1:]
        yield (
            f"            inliers {ratio.mean():.0%} on average, {ratio.min():.0%} in the worst frame; "
            f"frames left uncompensated: {', '.join(map(str, refused)) or 'none'}"
        )


def _believed(tracks: Tracks) -> NDArray[np.bool_]:
    """(T, N): where the motion counts a position."""
    return tracks.seen & (tracks.confidence >= MIN_CONFIDENCE)


def _mark_numbers(
    clip: StoredClip, tracks: Tracks, motion: Motion, settings: BuildSettings
) -> dict[int, int]:
    """Choose the marks again: index of the trace -> its number; none where the clip is filtered."""
    try:
        chosen = select_marks(tracks, motion, clip.width, clip.height, settings.marks, clip.ref.key)
    except DataError:
        return {}  # the reject says why
    points = np.array([(mark.x, mark.y) for mark in chosen.marks])
    nearest = np.abs(motion.xy[0][None] - points[:, None]).sum(axis=2).argmin(axis=1)
    return {int(index): mark.id for index, mark in zip(nearest, chosen.marks, strict=True)}


def _map(motion: Motion, numbers: dict[int, int]) -> Iterator[str]:
    """Draw the grid in characters, as it lies in the picture."""
    side = round(len(motion.kept) ** 0.5)
    if side * side != len(motion.kept):
        return
    yield ""
    cells = np.where(motion.kept, np.where(motion.moving, " #", " ."), " x").tolist()
    for index, number in numbers.items():
        cells[index] = f"{number:2}"
    for row in range(side):
        yield "    " + " ".join(cells[row * side : (row + 1) * side])
    yield "    (# moving, . static, x dropped, a number: the mark chosen there)"


def _table(tracks: Tracks, motion: Motion, numbers: dict[int, int]) -> Iterator[str]:
    yield ""
    yield "   trace       x       y   seen  confidence  px/step  of epsilon  verdict  mark"
    shares, confidences = _believed(tracks).mean(axis=0), tracks.confidence.mean(axis=0)
    for index, (x, y) in enumerate(tracks.queries[:, 1:]):
        speed, ratio, verdict = "-", "-", "dropped"
        if motion.kept[index]:
            pixels = float(motion.displacement[index])
            speed, ratio = f"{pixels:.3f}", f"{pixels / motion.epsilon:.2f}x" if motion.epsilon else "-"
            verdict = "moving" if motion.moving[index] else "static"
        line = (
            f"  {index:6} {x:7.1f} {y:7.1f} {shares[index]:6.0%} {confidences[index]:11.2f} {speed:>8} "
            f"{ratio:>11}  {verdict:<7}  {numbers.get(index, '')}"
        )
        yield line.rstrip()
