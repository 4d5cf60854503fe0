"""A store that is no local disk, for the tests."""

import io
from collections.abc import Iterator
from typing import ClassVar

from apache_beam.io.filesystem import BeamIOError, FileMetadata, FileSystem


class Shelf(FileSystem):
    """A store without folders, as Beam sees one: `shelf://` names are keys of a dict; reading cannot seek."""

    content: ClassVar[dict[str, bytes]] = {}

    @classmethod
    def scheme(cls) -> str:
        return "shelf"

    def has_dirs(self) -> bool:
        return False

    def join(self, basepath: str, *paths: str) -> str:
        return "/".join((basepath.rstrip("/"), *paths))

    def split(self, path: str) -> tuple[str, str]:
        head, _, tail = path.rpartition("/")
        return head, tail

    def _list(self, prefix: str) -> Iterator[FileMetadata]:
        for name, content in self.content.items():
            if name.startswith(prefix):
                yield FileMetadata(name, len(content))

    def open(self, path: str, *_: object, **__: object) -> io.BytesIO:
        if path not in self.content:
            raise BeamIOError(f"no {path}")
        stream = io.BytesIO(self.content[path])
        stream.seekable = lambda: False  # type: ignore[method-assign]  # like a download
        return stream

    def exists(self, path: str) -> bool:
        return path in self.content

    def metadata(self, path: str) -> FileMetadata:
        return FileMetadata(path, len(self.content[path]))

    create = mkdirs = copy = rename = size = last_updated = checksum = delete = None
