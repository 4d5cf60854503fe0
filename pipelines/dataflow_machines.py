"""Machine types and accelerators of Compute Engine that a build can use, as Dataflow wants them spelt.

Dataflow looks at these strings only once workers are to start, minutes after the job was taken, and then says
little. A type that is newer than this file belongs in it.
"""

import re
from dataclasses import dataclass

from somtom.pipelines.beam_options import nearest
from somtom.pipelines.config_rules import ConfigError

_SIZES = {
    **dict.fromkeys(("n1-standard",), (1, 2, 4, 8, 16, 32, 64, 96)),
    **dict.fromkeys(("n1-highmem", "n1-highcpu"), (2, 4, 8, 16, 32, 64, 96)),
    **dict.fromkeys(("n2-standard", "n2-highmem"), (2, 4, 8, 16, 32, 48, 64, 80, 96, 128)),
    "n2-highcpu": (2, 4, 8, 16, 32, 48, 64, 80, 96),
    **dict.fromkeys(("n2d-standard", "n2d-highcpu"), (2, 4, 8, 16, 32, 48, 64, 80, 96, 128, 224)),
    "n2d-highmem": (2, 4, 8, 16, 32, 48, 64, 80, 96),
    **dict.fromkeys(("e2-standard", "e2-highcpu"), (2, 4, 8, 16, 32)),
    "e2-highmem": (2, 4, 8, 16),
    "c2-standard": (4, 8, 16, 30, 60),
    **dict.fromkeys(("c2d-standard", "c2d-highmem", "c2d-highcpu"), (2, 4, 8, 16, 32, 56, 112)),
    **dict.fromkeys(("c3-standard", "c3-highmem", "c3-highcpu"), (4, 8, 22, 44, 88, 176)),
    "t2d-standard": (1, 2, 4, 8, 16, 32, 48, 60),
}
_WITH_ONE_GPU = {
    "nvidia-l4": tuple(f"g2-standard-{cpus}" for cpus in (8, 4, 12, 16, 32)),
    "nvidia-tesla-a100": ("a2-highgpu-1g",),
    "nvidia-a100-80gb": ("a2-ultragpu-1g",),
    "nvidia-h100-80gb": ("a3-highgpu-1g",),
}
_ON_N1 = ("nvidia-tesla-t4", "nvidia-tesla-p4", "nvidia-tesla-p100", "nvidia-tesla-v100")
ACCELERATORS = (*_WITH_ONE_GPU, *_ON_N1)
MACHINES = frozenset(
    [
        *(f"{family}-{size}" for family, sizes in _SIZES.items() for size in sizes),
        *(machine for machines in _WITH_ONE_GPU.values() for machine in machines),
    ]
)
_CUSTOM = re.compile(r"(n1-|n2-|n2d-|e2-)?custom-\d+-\d+(-ext)?")


@dataclass(frozen=True)
class Accelerator:
    """One GPU a worker, and the machine it is in."""

    kind: str
    machine: str

    def __str__(self) -> str:
        return f"type:{self.kind};count:1;machine_type:{self.machine};install-nvidia-driver"


def check_machine(name: str) -> None:
    """Refuse a machine type that is not known.

    Raises:
        ConfigError: naming the nearest.
    """
    if name not in MACHINES and not _CUSTOM.fullmatch(name):
        raise ConfigError(f"machine type {name!r}: is not known; nearest: {nearest(name, MACHINES)}")


def read_accelerator(text: str) -> Accelerator:
    """Read "nvidia-l4", or all of "type:nvidia-l4;count:1;machine_type:g2-standard-8;install-nvidia-driver".

    Raises:
        ConfigError: a part is wrong, or the machine cannot have that GPU.
    """
    parts = [one.strip() for one in text.split(";")] if ":" in text else [f"type:{text.strip()}"]
    values = {"count": "1", "machine_type": ""}
    for part in parts:
        name, _, value = part.partition(":")
        if name not in ("type", "count", "machine_type", "install-nvidia-driver"):
            known = "type, count, machine_type, install-nvidia-driver"
            raise ConfigError(f"--accelerator {text!r}: {part!r} is none of {known}")
        values[name] = value
    kind = values.get("type", "")
    if kind not in ACCELERATORS:
        near = nearest(kind, ACCELERATORS)
        raise ConfigError(f"--accelerator {text!r}: {kind!r} is not known; nearest: {near}")
    if values["count"] != "1":
        raise ConfigError(
            f"--accelerator {text!r}: count must be 1: a worker is one process, and uses one GPU; "
            "ask for more workers (--max_num_workers)"
        )
    machine = values["machine_type"] or _WITH_ONE_GPU.get(kind, ("n1-standard-8",))[0]
    check_machine(machine)
    fits = machine.startswith(("n1-", "custom-")) if kind in _ON_N1 else machine in _WITH_ONE_GPU[kind]
    if not fits:
        fitting = "an n1 machine" if kind in _ON_N1 else " or ".join(_WITH_ONE_GPU[kind])
        raise ConfigError(f"--accelerator {text!r}: {machine} has no {kind}; take {fitting}")
    return Accelerator(kind, machine)
