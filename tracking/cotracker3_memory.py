"""Says of torch's many ways to run out of memory that they are one."""

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import torch

from somtom.tracking.batches import OutOfMemory

Given = ParamSpec("Given")
Result = TypeVar("Result")

# Torch has a type for it on CUDA alone: elsewhere (CPU, MPS) it says so in the text of a RuntimeError.
SAID = ("can't allocate memory", "not enough memory", "out of memory")


def tells_out_of_memory(compute: Callable[Given, Result]) -> Callable[Given, Result]:
    """Let `compute` raise `OutOfMemory` where the device's memory, or the machine's, does not suffice."""

    @functools.wraps(compute)
    def told(*args: Given.args, **kwargs: Given.kwargs) -> Result:
        try:
            return compute(*args, **kwargs)
        except (RuntimeError, MemoryError) as error:
            if not isinstance(error, MemoryError) and not any(text in str(error).lower() for text in SAID):
                raise
            said = next(iter(str(error).splitlines()), "no memory left")
        # Not until the error is gone is what was computed so far: it can be given back for smaller pieces.
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        raise OutOfMemory(said)

    return told
