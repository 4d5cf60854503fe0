"""A store that refuses for a moment is asked again; what lasts is not waited for."""

import errno

import pytest

from somtom.transforms import retry
from somtom.transforms.retry import LASTING, TRIES, why_unread, with_retries


class Store:
    """Raises the given errors one after the other, then answers."""

    def __init__(self, *errors: BaseException) -> None:
        self.errors = list(errors)
        self.asked = 0

    def __call__(self) -> str:
        self.asked += 1
        if self.errors:
            raise self.errors.pop(0)
        return "bytes"


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "FIRST_WAIT_S", 0.0)


def test_what_works_is_asked_once() -> None:
    store = Store()
    assert with_retries(store, "it") == "bytes" and store.asked == 1


def test_a_passing_error_is_tried_again() -> None:
    store = Store(OSError(errno.EIO, "shaky"), TimeoutError("slow"))
    assert with_retries(store, "it") == "bytes" and store.asked == 3


def test_an_error_that_stays_is_raised_in_the_end() -> None:
    store = Store(*[OSError(errno.EIO, f"number {number}") for number in range(10)])
    with pytest.raises(OSError, match="number 2"):
        with_retries(store, "it")
    assert store.asked == TRIES


@pytest.mark.parametrize("number", sorted(LASTING))
def test_what_lasts_is_raised_at_once(number: int) -> None:
    store = Store(OSError(number, "lasts"))
    with pytest.raises(OSError, match="lasts"):
        with_retries(store, "it")
    assert store.asked == 1


def test_other_errors_are_not_retried() -> None:
    store = Store(ValueError("a bug"))
    with pytest.raises(ValueError, match="a bug"):
        with_retries(store, "it")
    assert store.asked == 1


@pytest.mark.parametrize("name", ["some/where/a b.mp4", b"a b.mp4"])
def test_what_could_not_be_read_is_named_without_its_folder(name: str | bytes) -> None:
    assert why_unread(OSError(errno.EACCES, "Denied", name)) == "a b.mp4 cannot be read: Denied"
    assert why_unread(TimeoutError("too slow")) == "it cannot be read: too slow"
