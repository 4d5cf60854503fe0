"""Every setting of a training run: one default each, next to its comment; and the values it may have."""

from dataclasses import dataclass, field

PRESETS = ("nano", "small", "base")


@dataclass(frozen=True)
class ModelSettings:
    """Which model is trained."""

    preset: str = "nano"  # nano (a few million parameters) | small (about 200 million) | base (pretrained)
    image_size: int = 0  # pixels of the square that pictures are scaled into; 0 = the preset's
    encoder: str = ""  # base: folder of a pretrained ConvNeXt V2, as transformers saves it
    decoder: str = ""  # base: folder of a pretrained Llama-style decoder (Llama 3, SmolLM2, ...)
    tokenizer: str = ""  # base: folder of its tokenizer.json; "" = the decoder's
    start: str = ""  # a run, or a checkpoint, whose weights and vocabulary are gone on with; "" = none
    vocabulary: int = 1024  # tokens of a tokenizer trained on the data's own texts (nano, small)
    mark_tokens: int = 300  # marks with a token of their own; higher numbers are written in digits


@dataclass(frozen=True)
class DataSettings:
    """What it learns from, and how that is dealt out."""

    paths: tuple[str, ...] = ()  # data sets, as `somtom build` makes them
    weights: tuple[float, ...] = ()  # how often each data set's samples are drawn an epoch; () = once
    workers: int = 1  # processes that prepare steps ahead, for each rank; 0 = none
    shuffle_shards: int = 64  # shards whose samples are mixed with each other
    max_tokens: int = 1536  # of one sample with its pictures; last turns that do not fit are left out
    packing: bool = False  # several samples in a row of max_tokens, where they do not see each other
    picture: str = "marked"  # marked | clean
    answers: tuple[str, ...] = ()  # kinds kept: marks, traces, moving, target, robot, text; () = all


@dataclass(frozen=True)
class OptimSettings:
    """How it learns: AdamW or Muon, warm-up, then a cosine down."""

    steps: int = 0  # optimiser steps; 0 = by epochs
    epochs: float = 10.0  # where steps = 0
    batch: int = 16  # samples a step, over all ranks and micro-batches together
    accumulation: int = 1  # micro-batches a step: less memory, the same gradient
    lr: float = 1e-3  # of the decoder, at its highest
    projector_lr: float = 1e-3  # of the projector
    encoder_lr: float = 1e-3  # of the image encoder; 0 = frozen
    warmup: int = 50  # steps over which the rates rise from 0
    final_share: float = 0.05  # of the highest rate, at the last step
    weight_decay: float = 0.05  # of matrices; never of biases, norms and embeddings
    muon: float = 0.0  # matrices learn by Muon, at so many times their part's rate; 0 = by AdamW, as all else
    beta1: float = 0.9
    beta2: float = 0.95
    clip: float = 1.0  # largest norm of the whole gradient; 0 = any


@dataclass(frozen=True)
class RunSettings:
    """Where and how it runs, and what it leaves behind."""

    out: str = "runs/train"  # folder of logs and checkpoints
    seed: int = 0  # of the first weights and of the order of samples
    device: str = "auto"  # auto (the first there is of cuda, mps, cpu) | cuda | mps | cpu
    precision: str = "auto"  # float32 | bfloat16 (autocast; weights stay float32) | auto (where it is fast)
    compile: bool = False  # torch.compile: minutes at first, faster steps then
    threads: int = 0  # of each process on a CPU; 0 = the processors there are, shared by the ranks
    log_every: int = 10  # steps
    save_every: int = 200  # steps; the last one is always saved
    keep: int = 2  # checkpoints kept, the newest ones
    eval_every: int = 0  # steps; 0 = never while training
    eval_limit: int = 64  # held-out samples that are evaluated then
    tensorboard: bool = False  # write a TensorBoard log beside log.csv


@dataclass(frozen=True)
class TrainSettings:
    """The whole of a training run's settings."""

    model: ModelSettings = field(default_factory=ModelSettings)
    data: DataSettings = field(default_factory=DataSettings)
    optim: OptimSettings = field(default_factory=OptimSettings)
    run: RunSettings = field(default_factory=RunSettings)


# Lowest and highest value of every numeric setting; `data.weights` for each of its numbers.
BOUNDS: dict[str, tuple[float, float]] = {
    "model.image_size": (0, 4096),
    "model.vocabulary": (320, 1_000_000),
    "model.mark_tokens": (1, 100_000),
    "data.weights": (0.0, 1000.0),
    "data.workers": (0, 256),
    "data.shuffle_shards": (1, 1_000_000),
    "data.max_tokens": (64, 1_000_000),
    "optim.steps": (0, 10**9),
    "optim.epochs": (0.0, 1e6),
    "optim.batch": (1, 1_000_000),
    "optim.accumulation": (1, 100_000),
    "optim.lr": (0.0, 10.0),
    "optim.projector_lr": (0.0, 10.0),
    "optim.encoder_lr": (0.0, 10.0),
    "optim.warmup": (0, 10**9),
    "optim.final_share": (0.0, 1.0),
    "optim.weight_decay": (0.0, 10.0),
    "optim.muon": (0.0, 100.0),
    "optim.beta1": (0.0, 0.9999),
    "optim.beta2": (0.0, 0.99999),
    "optim.clip": (0.0, 1e9),
    "run.seed": (0, 2**62),
    "run.threads": (0, 1024),
    "run.log_every": (1, 10**9),
    "run.save_every": (1, 10**9),
    "run.keep": (1, 10**6),
    "run.eval_every": (0, 10**9),
    "run.eval_limit": (1, 10**9),
}
CHOICES: dict[str, tuple[str, ...]] = {
    "model.preset": PRESETS,
    "data.picture": ("marked", "clean"),
    "data.answers": ("marks", "traces", "moving", "target", "robot", "text"),
    "run.device": ("auto", "cuda", "mps", "cpu"),
    "run.precision": ("auto", "float32", "bfloat16"),
}
