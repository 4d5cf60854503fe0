"""The networks of CoTracker3 (Karaev et al., arXiv 2410.11831), under the names its checkpoints use."""

import torch
from torch import Tensor, nn
from torch.nn import functional

CHANNELS = 128  # of a feature
LEVELS = 4  # of the feature pyramid, each half of the one before
PATCH = 7  # features on a side of the patches that are compared
MOTION = 84  # numbers that say how a point moves
EMBEDDED = 256  # numbers that a level's correlations are turned into
TOKEN = 2 + LEVELS * EMBEDDED + MOTION
WIDTH = 384
HEADS = 8
ROUNDS = 3
VIRTUAL = 64  # tokens beside the points', through which all points learn of each other
TIMES = 60  # frames that the time embedding was made for


class FeatureNet(nn.Module):
    """Turns pictures into features at a quarter of their size."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3)
        self.layer1 = _stage(64, 64, 1)
        self.layer2 = _stage(64, 96, 2)
        self.layer3 = _stage(96, 128, 2)
        self.layer4 = _stage(128, 128, 2)
        self.conv2 = nn.Conv2d(64 + 96 + 128 + 128, 256, 3, padding=1)
        self.conv3 = nn.Conv2d(256, CHANNELS, 1)

    def forward(self, pictures: Tensor) -> Tensor:
        """Map (B, 3, H, W) from -1 to 1 to (B, 128, H / 4, W / 4), each feature of length 1."""
        size = (pictures.shape[2] // 4, pictures.shape[3] // 4)
        x = functional.relu_(_norm(self.conv1(pictures)))
        found = []
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = stage(x)
            found.append(_resize(x, size))
        x = functional.relu_(_norm(self.conv2(torch.cat(found, dim=1))))
        return functional.normalize(self.conv3(x).float(), dim=1, eps=1e-12)


class _Residual(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.downsample = None if stride == 1 else nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride=stride))

    def forward(self, x: Tensor) -> Tensor:
        y = functional.relu_(_norm(self.conv1(x)))
        y = functional.relu_(_norm(self.conv2(y)))
        if self.downsample is not None:
            x = _norm(self.downsample(x))
        return functional.relu_(y.add_(x))


def _stage(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    return nn.Sequential(_Residual(inputs, outputs, stride), _Residual(outputs, outputs, 1))


def _resize(x: Tensor, size: tuple[int, int]) -> Tensor:
    if x.shape[2:] == size:
        return x
    return functional.interpolate(x, size, mode="bilinear", align_corners=True)


def _norm(x: Tensor) -> Tensor:
    # Instance norm: with as many groups as channels the same, and faster in channels_last.
    return functional.group_norm(x, x.shape[1], eps=1e-5)


class Mlp(nn.Module):
    """Two linear layers with a GELU between them: exact, or by tanh."""

    def __init__(self, inputs: int, hidden: int, outputs: int, approximate: str) -> None:
        super().__init__()
        self.fc1 = nn.Linear(inputs, hidden)
        self.fc2 = nn.Linear(hidden, outputs)
        self.approximate = approximate

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., inputs) to (..., outputs)."""
        mapped: Tensor = self.fc2(functional.gelu(self.fc1(x), approximate=self.approximate))
        return mapped


class _Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.to_q = nn.Linear(WIDTH, WIDTH)
        self.to_kv = nn.Linear(WIDTH, 2 * WIDTH)
        self.to_out = nn.Linear(WIDTH, WIDTH)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        """Let (B, L, 384) look at (B, M, 384)."""
        key, value = self.to_kv(context).chunk(2, dim=-1)
        heads = (one.unflatten(-1, (HEADS, -1)).transpose(1, 2) for one in (self.to_q(x), key, value))
        seen: Tensor = self.to_out(functional.scaled_dot_product_attention(*heads).transpose(1, 2).flatten(2))
        return seen


class SelfBlock(nn.Module):
    """Tokens of a sequence look at each other."""

    def __init__(self) -> None:
        super().__init__()
        self.attn = _Attention()
        self.mlp = Mlp(WIDTH, 4 * WIDTH, WIDTH, "tanh")

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, L, 384) to the same."""
        y = _layer_norm(x)
        x = x + self.attn(y, y)
        summed: Tensor = x + self.mlp(_layer_norm(x))
        return summed


class CrossBlock(nn.Module):
    """Tokens of a sequence look at those of another."""

    def __init__(self) -> None:
        super().__init__()
        self.norm_context = nn.LayerNorm(WIDTH, eps=1e-5)
        self.cross_attn = _Attention()
        self.mlp = Mlp(WIDTH, 4 * WIDTH, WIDTH, "tanh")

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        """Map (B, L, 384), with (B, M, 384) looked at, to (B, L, 384)."""
        x = x + self.cross_attn(_layer_norm(x), self.norm_context(context))
        summed: Tensor = x + self.mlp(_layer_norm(x))
        return summed


def _layer_norm(x: Tensor) -> Tensor:
    return functional.layer_norm(x, (WIDTH,), eps=1e-6)


class UpdateFormer(nn.Module):
    """Says how each point's estimate should change, from the tokens of all points in all frames."""

    def __init__(self) -> None:
        super().__init__()
        self.virual_tracks = nn.Parameter(torch.empty(1, VIRTUAL, 1, WIDTH))  # spelt so in the checkpoints
        self.input_transform = nn.Linear(TOKEN, WIDTH)
        self.flow_head = nn.Linear(WIDTH, 2)
        self.vis_conf_head = nn.Linear(WIDTH, 2)
        self.time_blocks = nn.ModuleList(SelfBlock() for _ in range(ROUNDS))
        self.space_virtual_blocks = nn.ModuleList(SelfBlock() for _ in range(ROUNDS))
        self.space_point2virtual_blocks = nn.ModuleList(CrossBlock() for _ in range(ROUNDS))
        self.space_virtual2point_blocks = nn.ModuleList(CrossBlock() for _ in range(ROUNDS))

    def forward(self, points: Tensor, rows_at_once: int) -> Tensor:
        """Turn embedded tokens (B, N, T, 384) into steps (B, N, T, 4): x, y, and the two logits'.

        What acts on each track alone is done for about `rows_at_once` tokens at a time.
        """
        batch, count, length = points.shape[:3]
        virtual = self.virual_tracks.to(points.dtype).expand(batch, -1, length, -1)
        tracks = torch.cat([points, virtual], dim=1)
        for time, to_virtual, among, to_point in zip(
            self.time_blocks,
            self.space_virtual2point_blocks,
            self.space_virtual_blocks,
            self.space_point2virtual_blocks,
            strict=True,
        ):
            flat = tracks.flatten(0, 1)
            step = max(1, rows_at_once // length)
            flat = torch.cat([time(part) for part in flat.split(step)])
            frames = flat.unflatten(0, (batch, -1)).transpose(1, 2).flatten(0, 1)  # (B T, N + 64, 384)
            step = max(1, rows_at_once // (count + VIRTUAL))
            mixed = []
            for part in frames.split(step):
                seen, hidden = part[:, :count], part[:, count:]
                hidden = among(to_virtual(hidden, seen))
                mixed.append(torch.cat([to_point(seen, hidden), hidden], dim=1))
            tracks = torch.cat(mixed).unflatten(0, (batch, length)).transpose(1, 2)
        seen = tracks[:, :count]
        return torch.cat([self.flow_head(seen), self.vis_conf_head(seen)], dim=-1)


class CoTracker3Model(nn.Module):
    """All that a checkpoint holds; `somtom.tracking.cotracker3_engine` puts it to work."""

    def __init__(self) -> None:
        super().__init__()
        self.time_emb = nn.Buffer(torch.empty(1, TIMES, TOKEN))
        self.fnet = FeatureNet()
        self.updateformer = UpdateFormer()
        self.corr_mlp = Mlp(PATCH**4, WIDTH, EMBEDDED, "none")
