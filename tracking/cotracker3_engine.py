"""CoTracker3's inference: features once for a batch of clips, then tracks refined step by step."""

import math
import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from somtom.schemas.settings import TrackingSettings
from somtom.tracking.cotracker3_correlation import Level, correlate, cut_templates, make_pyramid
from somtom.tracking.cotracker3_memory import tells_out_of_memory
from somtom.tracking.cotracker3_model import TIMES, TOKEN, CoTracker3Model
from somtom.tracking.cotracker3_packed import pack

STRIDE = 4  # pixels of a feature
ONLINE_TIMES = 16  # frames that the online model's time embedding is made for
WAVES = 10  # octaves that motion is written in
ROWS_OF_A_FRAME = 2048  # a frame's features take as much memory to compute as so many rows' correlations


@dataclass(frozen=True)
class Features:
    """What is computed once for a batch of B clips of T frames each."""

    pyramid: list[Level]
    clips: int
    frames: int


@dataclass(frozen=True)
class Estimate:
    """Tracks of N points in B clips.

    Args:
        xy: (B, T, N, 2) float32, in pixels of the model's pictures.
        visible, confidence: (B, T, N) float32 probabilities.
    """

    xy: NDArray[np.float32]
    visible: NDArray[np.float32]
    confidence: NDArray[np.float32]


class Engine:
    """A model with weights, on a device; nothing of it changes, so several threads may use it at once.

    On a CPU without torch's compiler everything is computed a little at a time, because what stays in the
    cache costs less than half: one frame in the CNN, `rows_at_once` points times frames elsewhere.
    """

    def __init__(self, weights: Path, settings: TrackingSettings) -> None:
        self.settings = settings
        self.device = prepare_device(settings)
        self.dtype = torch.bfloat16 if settings.precision == "bfloat16" else torch.float32
        self.model = load_model(weights).to(self.device)
        if settings.compile:
            self.model.fnet.compile()
            self.model.corr_mlp.compile()
            self.model.updateformer.compile()
        elif self.device.type == "cpu":
            pack(self.model, self.dtype)

    @tells_out_of_memory
    @torch.inference_mode()
    def extract(self, clips: Sequence[NDArray[np.uint8]]) -> Features:
        """Compute the features of clips, each (T, H, W, 3) uint8 RGB, all of the same T."""
        size = (self.settings.model_height, self.settings.model_width)
        step = max(1, self.settings.rows_at_once // ROWS_OF_A_FRAME)
        features = []
        with self._precision():
            for clip in clips:
                for first in range(0, len(clip), step):
                    part = torch.from_numpy(clip[first : first + step].copy()).to(self.device)
                    pictures = part.permute(0, 3, 1, 2).float() / 127.5 - 1  # stays channels-last in memory
                    if pictures.shape[2:] != size:
                        pictures = functional.interpolate(pictures, size, mode="bilinear", align_corners=True)
                    features.append(self.model.fnet(pictures).to(self.dtype))
            return Features(make_pyramid(torch.cat(features)), len(clips), len(clips[0]))

    @tells_out_of_memory
    @torch.inference_mode()
    def track(self, features: Features, queries: NDArray[np.float32]) -> Estimate:
        """Track queries (B, N, 3: frame, x, y in pixels of the model's pictures) through a batch of clips."""
        with self._precision():
            xy, logits = refine(
                self.model,
                features,
                torch.from_numpy(queries).to(self.device),
                self.settings.iterations,
                self.settings.rows_at_once,
            )
        chances = logits.sigmoid().transpose(1, 2).cpu().numpy()
        return Estimate(xy.transpose(1, 2).cpu().numpy(), chances[..., 0], chances[..., 1])

    def _precision(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.dtype == torch.bfloat16)


def prepare_device(settings: TrackingSettings) -> torch.device:
    """Choose where to compute, and set how torch computes there.

    Raises:
        ValueError: in one line: there is no such device.
    """
    torch.backends.cudnn.allow_tf32 = False  # float32 means float32
    device = torch.device(_best_device() if settings.device == "auto" else settings.device)
    if not (device.type == "cpu" or getattr(torch, device.type).is_available()):
        raise ValueError(f'torch finds no {device.type} here: set tracking.device = "auto", or "cpu"')
    if device.type == "cpu":
        torch.set_num_threads(settings.threads)
    return device


def _best_device() -> str:
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def load_model(weights: Path) -> CoTracker3Model:
    """Load a checkpoint of the offline model; it may hold tensors only.

    Raises:
        ValueError: in one line: it holds other things, or those of another model.
    """
    try:
        state = torch.load(weights, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
        raise ValueError(
            f"{weights}: no checkpoint of tensors alone: {str(error).splitlines()[0]}"
        ) from error
    state = state if isinstance(state, dict) else {}
    with torch.device("meta"):
        model = CoTracker3Model()
    wanted = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    found = {name: tuple(getattr(value, "shape", ())) for name, value in state.items()}
    if found.get("time_emb") == (1, ONLINE_TIMES, TOKEN):
        raise ValueError(
            f"{weights}: is the online CoTracker3, which looks at {ONLINE_TIMES} frames at a time: take the "
            "offline one (scaled_offline.pth or baseline_offline.pth)"
        )
    for name in sorted(wanted.keys() | found.keys()):
        if wanted.get(name) != found.get(name):
            raise ValueError(
                f"{weights}: not the offline CoTracker3: {name} has shape {found.get(name, 'none')}, "
                f"must have {wanted.get(name, 'none')}"
            )
    model.load_state_dict({name: value.float() for name, value in state.items()}, assign=True)
    return model.eval()


def refine(
    model: CoTracker3Model, features: Features, queries: Tensor, iterations: int, rows_at_once: int
) -> tuple[Tensor, Tensor]:
    """Track queries (B, N, 3: frame, x, y in pixels) through the clips of a batch.

    `rows_at_once` bounds the points times frames whose correlations are held at a time; it changes the
    memory needed, not the tracks.

    Returns:
        xy (B, N, T, 2) in pixels, and logits (B, N, T, 2): visible, confident.
    """
    batch, count, length = *queries.shape[:2], features.frames
    home = queries[..., 0].long() + torch.arange(batch, device=queries.device)[:, None] * length
    start = queries[..., 1:] / STRIDE
    templates = cut_templates(features.pyramid, home.flatten(), start.flatten(0, 1))
    frames = torch.arange(batch * length, device=queries.device).reshape(batch, 1, length)
    frames = frames.expand(-1, count, -1).flatten(0, 1)
    times = _time_embedding(model, length)
    xy = start[:, :, None].repeat(1, 1, length, 1).flatten(0, 1)
    logits = torch.zeros_like(xy)
    first = features.pyramid[0]
    size = queries.new_tensor([first.width, first.height])
    step = max(1, rows_at_once // length)
    for _ in range(iterations):
        parts = []
        for begin in range(0, batch * count, step):
            some = slice(begin, begin + step)
            embedded = [
                model.corr_mlp(correlate(level, template[some], frames[some], xy[some] / 2**number))
                for number, (level, template) in enumerate(zip(features.pyramid, templates, strict=True))
            ]
            token = torch.cat([logits[some], *embedded, _motion(xy[some], size)], dim=-1)
            parts.append(model.updateformer.input_transform(token + times))
        steps = model.updateformer(torch.cat(parts).unflatten(0, (batch, count)), rows_at_once)
        change = steps.float().flatten(0, 1)
        xy = xy + change[..., :2]
        logits = logits + change[..., 2:]
    return (xy * STRIDE).unflatten(0, (batch, count)), logits.unflatten(0, (batch, count))


def _time_embedding(model: CoTracker3Model, length: int) -> Tensor:
    """The checkpoint's embedding of 60 frames, stretched to others: (1, T, 1110)."""
    if length == TIMES:
        return model.time_emb
    stretched = functional.interpolate(model.time_emb.mT, length, mode="linear", align_corners=False)
    return stretched.mT


def _motion(xy: Tensor, size: Tensor) -> Tensor:
    """Write how tracks (M, T, 2) move, as shares of the picture's size (2,), in waves: (M, T, 84)."""
    onward = (xy[:, :-1] - xy[:, 1:]) / size
    steps = torch.cat([functional.pad(onward, (0, 0, 0, 1)), functional.pad(-onward, (0, 0, 1, 0))], dim=-1)
    octaves = 2.0 ** torch.arange(WAVES, device=xy.device, dtype=xy.dtype)
    angles = (steps[..., None, :] * octaves[:, None]).flatten(-2)
    return torch.cat([steps, angles.sin(), (angles + math.pi / 2).sin()], dim=-1)
