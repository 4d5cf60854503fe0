"""Torch runs out of memory in many words: trackers say so in one."""

import numpy as np
import pytest

from somtom.tracking.batches import OutOfMemory

torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'somtom[cotracker]'")

TOO_LARGE = 2**52  # bytes: no machine has them, and none begins to look for them


def test_what_torch_cannot_allocate_is_out_of_memory() -> None:
    from somtom.tracking.cotracker3_memory import tells_out_of_memory

    with pytest.raises(OutOfMemory, match="can't allocate memory"):
        tells_out_of_memory(torch.empty)(TOO_LARGE, dtype=torch.uint8)


def test_what_numpy_cannot_allocate_is_out_of_memory() -> None:
    from somtom.tracking.cotracker3_memory import tells_out_of_memory

    with pytest.raises(OutOfMemory, match="Unable to allocate"):
        tells_out_of_memory(np.empty)(TOO_LARGE, np.uint8)


@pytest.mark.parametrize(
    "text", ["CUDA out of memory. Tried to allocate 20 MiB", "MPS backend out of memory"]
)
def test_devices_say_so_in_words_of_their_own(text: str) -> None:
    from somtom.tracking.cotracker3_memory import tells_out_of_memory

    @tells_out_of_memory
    def compute() -> None:
        raise torch.OutOfMemoryError(text) if "CUDA" in text else RuntimeError(text)

    with pytest.raises(OutOfMemory, match=text.split(".")[0]) as raised:
        compute()
    # What was computed so far hangs on the first error, which must therefore be gone.
    assert raised.value.__context__ is None and raised.value.__cause__ is None


def test_other_mistakes_stay_what_they_are() -> None:
    from somtom.tracking.cotracker3_memory import tells_out_of_memory

    multiply = tells_out_of_memory(torch.matmul)

    assert multiply(torch.ones(2, 3), torch.ones(3, 1)).tolist() == [[3.0], [3.0]]
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        multiply(torch.ones(2, 3), torch.ones(2, 3))


@pytest.mark.parametrize("device", ["cuda", "mps"])
def test_a_device_that_is_not_there_is_one_line(device: str) -> None:
    from somtom.schemas.settings import TrackingSettings
    from somtom.tracking.cotracker3_engine import prepare_device

    if getattr(torch, device).is_available():
        pytest.skip(f"there is {device} here")
    with pytest.raises(ValueError, match=f"torch finds no {device} here"):
        prepare_device(TrackingSettings(device=device))
