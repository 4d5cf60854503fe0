"""The model of CoTracker3's authors, put to work as our engine is: the same calls, the same outputs."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from somtom.schemas.settings import TrackingSettings
from somtom.tracking.cotracker3_correlation import RADIUS
from somtom.tracking.cotracker3_engine import STRIDE, Estimate, load_model, prepare_device
from somtom.tracking.cotracker3_memory import tells_out_of_memory
from somtom.tracking.cotracker3_model import TIMES


class OfficialEngine:
    """The authors' model with weights, on a device."""

    def __init__(self, weights: Path, settings: TrackingSettings) -> None:
        self.settings = settings
        self.device = prepare_device(settings)
        state = load_model(weights).state_dict()
        # To import the package sets torch's random state, and to make the model draws from it.
        with torch.random.fork_rng(range(torch.cuda.device_count())):
            from cotracker.models.core.cotracker.cotracker3_offline import CoTrackerThreeOffline
            from cotracker.version import __version__

            model = CoTrackerThreeOffline(
                window_len=TIMES,
                stride=STRIDE,
                corr_radius=RADIUS,
                model_resolution=(settings.model_height, settings.model_width),
            )
        model.load_state_dict(state)
        self.model = model.eval().to(self.device)
        self.package_version = str(__version__)

    @tells_out_of_memory
    @torch.inference_mode()
    def extract(self, clips: Sequence[NDArray[np.uint8]]) -> Tensor:
        """Resize the one clip, (T, H, W, 3) uint8 RGB, to (1, T, 3, h, w) from 0 to 255.

        The package computes features anew with every call.
        """
        (clip,) = clips
        size = (self.settings.model_height, self.settings.model_width)
        pictures = torch.from_numpy(clip.copy()).to(self.device).permute(0, 3, 1, 2).float()
        return functional.interpolate(pictures, size, mode="bilinear", align_corners=True)[None]

    @tells_out_of_memory
    @torch.inference_mode()
    def track(self, features: Tensor, queries: NDArray[np.float32]) -> Estimate:
        """Track queries (1, N, 3: frame, x, y in pixels of the model's pictures)."""
        asked = torch.from_numpy(queries).to(self.device)
        xy, visible, confidence, _ = self.model(video=features, queries=asked, iters=self.settings.iterations)
        return Estimate(*(output.cpu().numpy() for output in (xy, visible, confidence)))
