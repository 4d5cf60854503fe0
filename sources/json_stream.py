"""Large JSON files, one element of the outer array or object at a time."""

import codecs
import json
from collections.abc import Iterator
from typing import IO

CHUNK_BYTES = 1 << 18
MAX_VALUE = 1 << 26  # characters of one element
LONGEST_TAIL = 2  # characters that may follow what reads as a whole number and is not


class JsonStreamError(ValueError):
    """The text is no JSON, ends too early, or an element is too large; in one line."""


class JsonStream:
    """Reads elements off a file; holds one of them and a chunk at a time."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("strict")
        self._json = json.JSONDecoder()
        self._text, self._at, self._ended = "", 0, False
        self._bytes, self._counted = 0, 0  # of the file before `_text[_counted]`

    def elements(self) -> Iterator[object]:
        """The elements of the array that the file is.

        Raises:
            JsonStreamError: also after elements were given.
        """
        for value, _, _ in self.placed_elements():
            yield value

    def placed_elements(self) -> Iterator[tuple[object, int, int]]:
        """The elements, each with where in the file it starts and how long it is, in bytes.

        Raises:
            JsonStreamError: also after elements were given.
        """
        self._expect("[")
        if self._next() == "]":
            return
        while True:
            self._next()
            start = self._place()
            value = self._value()
            yield value, start, self._place() - start
            if self._comma_or("]"):
                return

    def members(self) -> Iterator[tuple[str, object]]:
        """The names and values of the object that the file is.

        Raises:
            JsonStreamError: also after members were given.
        """
        self._expect("{")
        if self._next() == "}":
            return
        while True:
            name = self._value()
            if not isinstance(name, str):
                raise JsonStreamError("a member's name is no text")
            self._expect(":")
            yield name, self._value()
            if self._comma_or("}"):
                return

    def _place(self) -> int:
        """Where in the file the next character lies, in bytes."""
        self._bytes += len(self._text[self._counted : self._at].encode("utf-8"))
        self._counted = self._at
        return self._bytes

    def _next(self) -> str:
        """The next character that is no space, "" at the end."""
        while True:
            while self._at < len(self._text):
                if self._text[self._at] not in " \t\r\n":
                    return self._text[self._at]
                self._at += 1
            if not self._more(CHUNK_BYTES):
                return ""

    def _expect(self, sign: str) -> None:
        found = self._next()
        if found != sign:
            raise JsonStreamError(f"expected {sign!r}, found {found!r}" if found else "the file is cut off")
        self._at += 1

    def _comma_or(self, end: str) -> bool:
        if self._next() == end:
            return True
        self._expect(",")
        return False

    def _value(self) -> object:
        self._next()
        while True:
            try:
                value, end = self._json.raw_decode(self._text, self._at)
            except (ValueError, RecursionError) as error:
                # Reading as much again as there is keeps the whole effort within twice the text.
                if len(self._text) - self._at > MAX_VALUE:
                    raise JsonStreamError(f"no element of up to {MAX_VALUE} characters: {error}") from error
                if isinstance(error, RecursionError) or not self._more(len(self._text) - self._at):
                    raise JsonStreamError(f"not valid JSON: {error}") from error
                continue
            # A number may go on behind the chunk: 1 of "1", "1." or "1e-".
            if len(self._text) - end > LONGEST_TAIL or not self._more(CHUNK_BYTES):
                self._at = end
                return value

    def _more(self, size: int) -> bool:
        """Read on; whether anything came."""
        while not self._ended:
            data = self._file.read(max(size, CHUNK_BYTES))
            self._ended = not data
            if not self._text and self._bytes == 0 and data.startswith(codecs.BOM_UTF8):
                self._bytes = len(codecs.BOM_UTF8)
            try:
                text = self._decoder.decode(data, final=self._ended)
            except UnicodeDecodeError as error:
                raise JsonStreamError(f"not UTF-8: {error.reason}") from error
            if text:
                self._place()
                self._text, self._at, self._counted = self._text[self._at :] + text, 0, 0
                return True
        return False
