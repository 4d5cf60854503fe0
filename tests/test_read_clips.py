"""Reading the clips of a run: each once and in order, also from a store that stumbles."""

import errno
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from somtom.schemas.clips import Clip
from somtom.schemas.reasons import DataError
from somtom.schemas.refs import Ref
from somtom.schemas.settings import ClipSettings
from somtom.transforms import retry
from somtom.transforms.read_clips import read_run, runs_of

CLIP = Clip(np.zeros((2, 8, 8, 3), np.uint8), np.array([0.0, 0.1]), 8, 8)


class Store:
    """A source that stumbles at the given refs: an OSError counts once, a DataError ends the reading."""

    def __init__(self, **trouble: Exception) -> None:
        self.trouble = trouble

    def read(self, refs: Sequence[Ref], clips: Any) -> Iterator[tuple[Ref, Clip | DataError]]:
        given = 0
        try:
            for ref in refs:
                error = self.trouble.pop(ref.key, None)
                if error is not None:
                    raise error
                given += 1
                yield ref, CLIP
        except DataError as error:
            for ref in refs[given:]:
                yield ref, error


def ref(number: int, run: int = 0) -> Ref:
    times = {"start_s": float(number), "end_s": number + 1.0, "step_s": 0.1, "fps": 30.0}
    texts = dict.fromkeys(("kind", "dataset", "uri", "locator", "fingerprint", "licence", "group"), "x")
    return Ref(f"k{number}", source=0, run=run, position=number, frames=(0, 1), **times, **texts)


def read(store: Store, refs: Sequence[Ref]) -> list[tuple[str, str]]:
    return [
        (got.key, clip.reason if isinstance(clip, DataError) else "clip")
        for got, clip in read_run(refs, store, ClipSettings())  # type: ignore[arg-type]  # it only reads
    ]


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "FIRST_WAIT_S", 0.0)


def test_every_ref_of_a_run_comes_once_and_in_order() -> None:
    refs = [ref(number) for number in range(6)]
    assert read(Store(), refs) == [(one.key, "clip") for one in refs]


def test_an_input_that_breaks_off_rejects_the_rest_of_its_run() -> None:
    refs = [ref(number) for number in range(6)]
    store = Store(k2=DataError("undecodable", "broken from here on"))
    expected = ["clip"] * 2 + ["undecodable"] * 4
    assert read(store, refs) == [(one.key, said) for one, said in zip(refs, expected, strict=True)]


def test_a_store_that_stumbles_is_asked_again_for_what_is_due() -> None:
    refs = [ref(number) for number in range(6)]
    store = Store(k1=OSError(errno.EIO, "shaky"), k4=TimeoutError("slow"))
    assert read(store, refs) == [(one.key, "clip") for one in refs]


def test_a_store_that_stays_away_rejects_what_is_due() -> None:
    class Gone(Store):
        def read(self, refs: Sequence[Ref], clips: Any) -> Iterator[tuple[Ref, Clip | DataError]]:
            for one in refs:
                if one.key == "k2":
                    raise OSError(errno.EIO, "gone")
                yield one, CLIP

    said = [outcome for _, outcome in read(Gone(), [ref(number) for number in range(4)])]
    assert said == ["clip", "clip", "io_error", "io_error"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EMFILE, errno.ENOMEM])
def test_trouble_of_this_machine_rejects_no_input(number: int) -> None:
    class Machine(Store):
        def read(self, refs: Sequence[Ref], clips: Any) -> Iterator[tuple[Ref, Clip | DataError]]:
            raise OSError(number, "trouble")
            yield

    with pytest.raises(OSError, match="trouble"):
        read(Machine(), [ref(0)])


def test_runs_are_neighbours_of_one_input() -> None:
    refs = [ref(0), ref(1), ref(2, run=1), ref(3)]
    assert [[one.key for one in run] for run in runs_of(refs)] == [["k0", "k1"], ["k2"], ["k3"]]
