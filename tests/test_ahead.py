"""What is prepared in a thread: the same, in order, bounded, and over when it is to be over."""

import contextlib
import threading
from collections.abc import Generator

import pytest

from somtom.transforms.ahead import ahead


class Numbers:
    """Counts how far it is, and ends with an error where one is given."""

    def __init__(self, count: int, error: Exception | None = None) -> None:
        self.count, self.error = count, error
        self.given = 0
        self.closed_by: threading.Thread | None = None
        self.reached = {number: threading.Event() for number in range(count)}

    def __call__(self) -> Generator[int, None, None]:
        try:
            for number in range(self.count):
                self.given += 1
                self.reached[number].set()
                yield number
            if self.error is not None:
                raise self.error
        finally:
            self.closed_by = threading.current_thread()


def helpers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "ahead"]


@pytest.mark.parametrize("most", [1, 3, 1000])
def test_all_comes_in_order(most: int) -> None:
    numbers = Numbers(200)

    assert list(ahead(numbers(), lambda _: 1, most, 1 << 30)) == list(range(200))

    assert not helpers() and numbers.closed_by not in (None, threading.current_thread())


def test_an_error_is_raised_in_its_place() -> None:
    got = []
    with pytest.raises(OSError, match="gone"):
        for number in ahead(Numbers(5, OSError("gone"))(), lambda _: 1, 2, 100):
            got.append(number)
    assert got == list(range(5)) and not helpers()


def test_who_stops_early_ends_the_thread_and_closes_what_it_reads() -> None:
    numbers = Numbers(100)

    with contextlib.closing(ahead(numbers(), lambda _: 1, 4, 100)) as coming:
        assert [next(coming), next(coming)] == [0, 1]

    assert not helpers() and numbers.closed_by is not None
    assert numbers.given <= 2 + 4 + 1


@pytest.mark.parametrize(("most", "most_bytes", "waiting"), [(3, 1000, 3), (100, 25, 3), (100, 1, 1)])
def test_no_more_is_prepared_than_may_wait(most: int, most_bytes: int, waiting: int) -> None:
    numbers = Numbers(50)

    with contextlib.closing(ahead(numbers(), lambda _: 10, most, most_bytes)) as coming:
        for taken in range(40):
            assert next(coming) == taken
            # It comes as far as it may, but never further: one is taken, and `waiting` others wait.
            assert numbers.reached[taken + waiting].wait(timeout=30)
            assert numbers.given == taken + 1 + waiting


def test_nothing_is_begun_before_the_first_is_asked_for() -> None:
    numbers = Numbers(3)
    coming = ahead(numbers(), lambda _: 1, 2, 100)
    assert not helpers() and not numbers.given
    coming.close()
    assert not numbers.given
