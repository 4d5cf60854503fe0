"""Prepares what is needed next in a thread, while what was prepared is worked on."""

import threading
from collections import deque
from collections.abc import Callable, Generator
from contextvars import copy_context
from typing import Generic, TypeVar

T = TypeVar("T")


def ahead(
    items: Generator[T, None, None], size_of: Callable[[T], int], most: int, most_bytes: int
) -> Generator[T, None, None]:
    """Go through `items` in a thread, in front of whoever goes through what this gives: the same, in order.

    The thread stops while `most` items or `most_bytes` bytes wait to be taken (a single item may be larger).
    What `items` raises is raised in its place. When this ends or is closed, the thread has closed `items` and
    ended.
    """
    line = _Line[T](size_of, most, most_bytes)
    here = copy_context()  # what is logged there names what is worked on here
    thread = threading.Thread(target=here.run, args=(line.fill, items), name="ahead", daemon=True)
    thread.start()
    try:
        yield from line.take_all()
    finally:
        line.close()
        thread.join()


class _Line(Generic[T]):
    """The items that wait, and how their giver and their taker wait for each other."""

    def __init__(self, size_of: Callable[[T], int], most: int, most_bytes: int) -> None:
        self._size_of, self._most, self._most_bytes = size_of, most, most_bytes
        self._items: deque[tuple[T, int]] = deque()
        self._bytes = 0
        self._error: BaseException | None = None
        self._is_filled, self._is_closed = False, False
        self._changed = threading.Condition()

    def fill(self, items: Generator[T, None, None]) -> None:
        """Put in every item, until there are no more or nobody wants them."""
        try:
            for item in items:
                if not self._put(item):
                    break
            items.close()
        except BaseException as error:  # raised again where the items are taken
            self._error = error
        with self._changed:
            self._is_filled = True
            self._changed.notify_all()

    def _put(self, item: T) -> bool:
        size = self._size_of(item)
        with self._changed:
            self._items.append((item, size))
            self._bytes += size
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._is_closed or not self._is_full())
            return not self._is_closed

    def _is_full(self) -> bool:
        return len(self._items) >= self._most or (self._bytes >= self._most_bytes and bool(self._items))

    def take_all(self) -> Generator[T, None, None]:
        """Give the items as they come."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._items or self._is_filled)
                if not self._items:
                    break
                item, size = self._items.popleft()
                self._bytes -= size
                self._changed.notify_all()
            yield item
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        """No more is wanted."""
        with self._changed:
            self._is_closed = True
            self._items.clear()
            self._changed.notify_all()
