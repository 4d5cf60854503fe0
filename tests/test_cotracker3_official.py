"""The authors' package behind our interface, where it is installed: the same outputs as our engine's."""

import importlib.util
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from somtom.schemas.settings import TrackingSettings
from somtom.schemas.tracks import Tracks
from somtom.tracking import cotracker3_official
from somtom.tracking.grid import grid_queries
from somtom.tracking.trackers import make_tracker, track_clip

pytest.importorskip("torch", reason="torch is not installed: pip install 'somtom[cotracker]'")
needs_package = pytest.mark.skipif(
    importlib.util.find_spec(cotracker3_official.PACKAGE) is None,
    reason=f"the authors' package is not installed: {cotracker3_official.INSTALL}",
)

HEIGHT, WIDTH = 64, 96  # of the pictures in these tests


@pytest.fixture(scope="module")
def official(tmp_path_factory: pytest.TempPathFactory) -> TrackingSettings:
    """Settings for the authors' model with made-up weights and small pictures."""
    from somtom.tracking.cotracker3_made_up import write_made_up_weights

    weights = write_made_up_weights(tmp_path_factory.mktemp("weights") / "made_up.pth")
    return TrackingSettings(
        tracker="cotracker3-official",
        weights=str(weights),
        accept_licence="CC-BY-NC-4.0",
        model_height=HEIGHT,
        model_width=WIDTH,
        device="cpu",
    )


def draw_clip(seed: int, length: int = 6, height: int = HEIGHT, width: int = WIDTH) -> NDArray[np.uint8]:
    """Coloured squares of 8 pixels that move 2 pixels a frame to the left."""
    draw = np.random.Generator(np.random.PCG64(seed))
    scene = draw.integers(0, 255, (height // 8 + 1, (width + 2 * length) // 8 + 1, 3), np.uint8)
    scene = scene.repeat(8, axis=0).repeat(8, axis=1)
    return np.stack([scene[:height, 2 * t : 2 * t + width] for t in range(length)])


def assert_alike(one: Tracks, other: Tracks, pixels: float, share: float) -> None:
    assert np.abs(one.xy - other.xy).max() <= pixels
    assert np.abs(one.visible - other.visible).max() <= share
    assert np.abs(one.confidence - other.confidence).max() <= share


@needs_package
@pytest.mark.parametrize(("iterations", "pixels", "share"), [(1, 5e-5, 2e-6), (3, 5e-4, 2e-5)])
@pytest.mark.parametrize("length", [2, 9, 60])
def test_our_engine_computes_what_the_authors_do(
    official: TrackingSettings, iterations: int, pixels: float, share: float, length: int
) -> None:
    # Few iterations: random weights make more and more of what was rounded otherwise.
    official = replace(official, iterations=iterations)
    clip = draw_clip(1, length, height=72, width=101)  # resized for the model
    queries = grid_queries(101, 72, 4)
    queries[::3, 0] = length - 1  # followed back, the others forth

    theirs = make_tracker(official).open(clip).track(queries)
    ours = make_tracker(replace(official, tracker="cotracker3")).open(clip).track(queries)

    assert np.abs(theirs.xy - queries[:, 1:]).max() > 3  # there is something to compute
    assert_alike(ours, theirs, pixels, share)


@needs_package
def test_no_points_single_frames_and_long_clips_are_fine(official: TrackingSettings) -> None:
    settings = replace(official, iterations=1, chunk_frames=8)
    tracker, queries = make_tracker(settings), grid_queries(WIDTH, HEIGHT, 3) + np.float32([9, 0, 0])

    nothing = track_clip(tracker, draw_clip(2), np.zeros((0, 3), np.float32), settings)
    one_frame = track_clip(tracker, draw_clip(2, 1), grid_queries(WIDTH, HEIGHT, 3), settings)
    long = track_clip(tracker, draw_clip(2, 19), queries, settings)

    assert nothing.xy.shape == (6, 0, 2)
    assert np.array_equal(one_frame.xy[0], queries[:, 1:])
    ours = make_tracker(replace(settings, tracker="cotracker3"))
    assert_alike(track_clip(ours, draw_clip(2, 19), queries, settings), long, 1e-3, 2e-5)


@needs_package
def test_the_random_state_is_as_it_was(official: TrackingSettings) -> None:
    import torch

    torch.manual_seed(5)
    wanted = torch.rand(3)
    torch.manual_seed(5)

    make_tracker(official)

    assert torch.equal(torch.rand(3), wanted)


@needs_package
def test_the_info_names_package_weights_and_licences(official: TrackingSettings) -> None:
    info = make_tracker(official).info

    assert info.name == "cotracker3-official"
    assert info.licence == info.weights_licence == "CC-BY-NC-4.0"
    assert len(info.weights_sha256) == 64
    assert "3." in info.version


@needs_package
def test_what_the_package_cannot_do_is_said_in_one_line(official: TrackingSettings) -> None:
    for change in ({"precision": "bfloat16"}, {"compile": True}):
        with pytest.raises(ValueError, match="computes in float32") as caught:
            make_tracker(replace(official, **change))  # type: ignore[arg-type]
        assert "\n" not in str(caught.value)


def test_without_the_package_it_is_said_how_to_get_it(
    official: TrackingSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cotracker3_official, "PACKAGE", "cotracker_that_nobody_has")

    with pytest.raises(ValueError, match=r"pip install git\+https://github.com/facebookresearch") as caught:
        make_tracker(official)

    assert "\n" not in str(caught.value)


def test_weights_and_their_licence_are_asked_for_as_by_our_engine(official: TrackingSettings) -> None:
    for change, said in (
        ({"weights": ""}, "weights is not set"),
        ({"accept_licence": ""}, 'set tracking.accept_licence = "CC-BY-NC-4.0"'),
    ):
        with pytest.raises(ValueError, match=said):
            make_tracker(replace(official, **change))  # type: ignore[arg-type]
