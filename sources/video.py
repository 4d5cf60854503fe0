"""Video files as a source: listed, scanned for shots and clips, read clip by clip."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import ClassVar

from somtom.schemas.clips import Clip
from somtom.schemas.reasons import DataError, Reject
from somtom.schemas.refs import Item, ItemFacts, Ref, Scan
from somtom.schemas.settings import ClipSettings, ShotSettings
from somtom.sources.backends import BACKENDS, open_video
from somtom.sources.decord_video import import_decord
from somtom.sources.files import open_binary
from somtom.sources.fingerprint import fingerprint
from somtom.sources.listing import leaves_root, list_files
from somtom.sources.pictures import check_size
from somtom.sources.reading import read_clips
from somtom.sources.shots import detector_maker
from somtom.sources.sniff import HEAD_BYTES, check_is_video, claims_video
from somtom.sources.source import DataSetSettings, Found
from somtom.sources.texts import load_texts
from somtom.sources.timeline import record_timeline
from somtom.sources.video_refs import Origin, lay_clips, learn, make_refs


@dataclass(frozen=True)
class VideoSource(DataSetSettings):
    """Video files; whatever FFmpeg decodes, judged by content and not by name."""

    kind: ClassVar[str] = "video"

    path: str  # a file, a folder, a glob (** too) or a list of files (.txt, or @list); local or a Beam URI
    include: tuple[str, ...] = ()  # globs of uris or file names to take; empty = all
    exclude: tuple[str, ...] = ()  # globs of uris or file names to leave out
    first_person: bool = False  # head-mounted camera: its motion is always compensated
    backend: str = "pyav"  # pyav | decord: what decodes the clips
    texts: str = ""  # a CSV or JSONL of (video, text): the instruction of each video, by its uri

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.backend not in BACKENDS:
            raise ValueError(f"backend must be one of {', '.join(BACKENDS)}, got {self.backend!r}")
        if self.backend == "decord":
            import_decord()

    @cached_property
    def instructions(self) -> dict[str, str]:
        """Texts by uri; loaded once and carried along when the source is sent to a worker."""
        return load_texts(self.texts) if self.texts else {}

    @classmethod
    def recognise(cls, path: str) -> Found | None:
        """Count the files that are named like videos; see `Source.recognise`."""
        try:
            names = [listed.uri for listed in list_files(path)]
        except (DataError, OSError):
            return None
        videos = [name for name in names if claims_video(name)]
        if not videos:
            return None
        return Found({"path": path}, (f"{len(videos)} videos, such as {videos[0]}",), is_fallback=True)

    def items(self, index: int) -> Iterator[Item]:
        """List the files; see `Source.items`."""
        wanted = set(self.instructions)
        for listed in list_files(self.path, self.include, self.exclude):
            wanted.discard(listed.uri)
            yield Item(source=index, uri=listed.uri, locator=listed.locator)
        if self.instructions and len(wanted) == len(self.instructions):
            raise ValueError(f"no video that {self.texts} names is among the files of {self.path}")

    def scan(self, item: Item, shots: ShotSettings, clips: ClipSettings, run_length: int) -> Scan:
        """Decode a file once at low resolution and lay clips into its shots; see `Source.scan`."""
        facts = ItemFacts(uri=item.uri)
        make_detector = detector_maker(shots)
        try:
            if leaves_root(item.uri):
                raise DataError(
                    "unsafe_path", f"{item.uri} leaves the folder of the list: write an absolute path"
                )
            with open_binary(item.locator) as file:
                check_is_video(file.read(HEAD_BYTES), item.uri)
            facts = replace(facts, fingerprint=fingerprint(item.locator))
            with open_video("pyav", item.locator, clips) as video:
                info = video.info
                facts = replace(facts, width=info.width, height=info.height, codec=info.codec)
                if info.width:
                    check_size(info.width, info.height, clips)
                timeline = record_timeline(video, make_detector)
            facts = learn(facts, timeline, info)
            if self.backend != "pyav":
                self._check_backend(item, facts, clips)
            cut = lay_clips(timeline, info, shots, clips)
            origin = Origin(
                kind=self.kind,
                dataset=self.name,
                licence=self.licence,
                group=f"{self.name}/{item.uri}",
                split=self.split,
                first_person=self.first_person,
                instruction=self.instructions.get(item.uri, ""),
                weight=self.weight,
            )
            return Scan(
                facts, refs=tuple(make_refs(item, facts, origin, timeline, info, cut, clips, run_length))
            )
        except DataError as error:
            return Scan(facts, reject=Reject(self.name, item.uri, "", "scan", error.reason, error.message))

    def read(self, refs: Sequence[Ref], clips: ClipSettings) -> Iterator[tuple[Ref, Clip | DataError]]:
        """Decode the refs of one run; see `Source.read`."""
        return read_clips(refs, clips, partial(open_video, self.backend))

    def _check_backend(self, item: Item, facts: ItemFacts, clips: ClipSettings) -> None:
        """Refuse a file that another backend than PyAV could give wrong frames of.

        Raises:
            DataError: `undecodable`.
        """
        if facts.warning:
            raise DataError("undecodable", f'{self.backend} would not notice "{facts.warning}": use "pyav"')
        with open_video(self.backend, item.locator, clips):
            pass
