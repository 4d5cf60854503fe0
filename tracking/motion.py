"""Camera motion of a clip and the split of its points into moving and static."""

import numpy as np
from numpy.typing import NDArray

from somtom.schemas.motion import Motion
from somtom.schemas.settings import MotionSettings
from somtom.schemas.tracks import Tracks
from somtom.tracking.camera import find_camera, still_camera
from somtom.tracking.homography import apply_homographies

REFERENCE_SIDE = 512  # pixels: the shorter side that the settings are given for
MIN_CONFIDENCE = 0.6  # a position that the tracker believes in less counts as not seen


def mean_displacement(xy: NDArray[np.floating], usable: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Average each point's step lengths over the steps whose two ends are usable.

    `xy` is (T, N, 2), `usable` (T, N); the result (N,) is in pixels per step, 0.0 without any such step.
    """
    steps = np.linalg.norm(np.diff(xy.astype(np.float64), axis=0), axis=2)
    counted = usable[1:] & usable[:-1]
    return np.asarray((steps * counted).sum(axis=0) / np.maximum(counted.sum(axis=0), 1), np.float32)


def estimate_motion(
    tracks: Tracks,
    width: int,
    height: int,
    steps_per_epsilon: float,
    settings: MotionSettings,
    always_compensate: bool,
    key: str,
) -> Motion:
    """Estimate the camera's motion, take it out of the tracks and judge which points move.

    Args:
        width: of the frames that the tracks are in, pixels.
        steps_per_epsilon: sampled step / wanted step; above 1 for a video slower than the wanted step.
        always_compensate: first-person footage, whose camera always moves; `settings.camera` goes before
            only where it says "never".
        key: the clip's key; seeds the search.
    """
    scale = min(width, height) / REFERENCE_SIDE
    epsilon = settings.epsilon * scale * steps_per_epsilon
    eta = settings.eta * scale * steps_per_epsilon
    frames, points = tracks.visible.shape
    evidence = tracks.seen & (tracks.confidence >= MIN_CONFIDENCE)
    kept = evidence.mean(axis=0) >= settings.min_visible if frames else np.zeros(points, bool)
    always = always_compensate or settings.camera == "always"
    camera, moved = still_camera(frames, points), False
    if settings.camera != "never":
        camera = find_camera(
            tracks.xy, evidence, width, height, settings.reprojection_px * scale, not always, key
        )
        background = camera.background & kept
        camera_steps = mean_displacement(tracks.xy[:, background], evidence[:, background])
        moved = always or (
            not camera.is_still
            and bool((camera_steps > eta).mean() > settings.camera_share if len(camera_steps) else False)
        )
    if not moved:
        camera = still_camera(frames, points)
    xy = apply_homographies(np.linalg.inv(camera.background_motion).astype(np.float64), tracks.xy).astype(
        np.float32
    )
    displacement = mean_displacement(xy, evidence & ~camera.refused[:, None])
    return Motion(
        camera_moved=moved,
        background_motion=camera.background_motion,
        inlier_ratio=camera.inlier_ratio,
        refused=camera.refused,
        xy=xy,
        kept=kept,
        displacement=displacement,
        moving=kept & (displacement > epsilon),
        epsilon=epsilon,
    )
