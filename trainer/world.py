"""The processes that train together, as torchrun starts them; one alone without it."""

import os
from dataclasses import dataclass

import torch
from torch import distributed

from somtom.schemas.reasons import DataError


@dataclass(frozen=True)
class World:
    """This process among the `ranks` that train together; `local` is its number on its machine."""

    rank: int = 0
    ranks: int = 1
    local: int = 0
    local_ranks: int = 1

    @classmethod
    def of_environment(cls) -> "World":
        """What torchrun says: RANK, WORLD_SIZE, LOCAL_RANK, LOCAL_WORLD_SIZE."""
        names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
        return cls(*(int(os.environ.get(name, default)) for name, default in zip(names, "0101", strict=True)))

    def join(self, device: torch.device) -> None:
        """Meet the other ranks: over NCCL with GPUs, over gloo without."""
        if self.ranks > 1:
            distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")

    def leave(self) -> None:
        """Part from them."""
        if self.ranks > 1:
            distributed.destroy_process_group()

    def sum(self, values: torch.Tensor) -> torch.Tensor:
        """Add the tensors of all ranks; every one gets the sum."""
        if self.ranks > 1:
            distributed.all_reduce(values)
        return values

    def wait(self) -> None:
        """Wait for the others."""
        if self.ranks > 1:
            distributed.barrier()


def in_bfloat16(precision: str, device: torch.device) -> bool:
    """Whether `run.precision` means bfloat16 on the device; "auto" means it where it computes with that."""
    if precision != "auto":
        return precision == "bfloat16"
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    known: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()  # not in every version
    return device.type == "cpu" and bool(known.get("avx512_bf16") or known.get("amx_bf16"))


def find_device(name: str, world: World) -> torch.device:
    """The device that `run.device` names: "auto" is the first there is of cuda, mps, cpu.

    Raises:
        DataError: `unsupported`: this machine has none.
    """
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        name = next(kind for kind, found in there.items() if found)
    if not there[name]:
        raise DataError("unsupported", f"run.device = {name!r}: there is none here; take auto")
    return torch.device("cuda", world.local) if name == "cuda" else torch.device(name)
