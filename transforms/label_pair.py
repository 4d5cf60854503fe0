"""From a stored image-text pair to a sample: its turns pass through, its boxes may become marks."""

from somtom.marks.pair_marks import write_pair
from somtom.schemas.pictures import decode_jpeg
from somtom.schemas.record import complete_record
from somtom.schemas.sample import Sample
from somtom.schemas.settings import BuildSettings
from somtom.schemas.tracks_table import StoredClip
from somtom.transforms.draw_sample import draw_sample
from somtom.transforms.records import extra_members, history_record, source_record


def label_pair(clip: StoredClip, settings: BuildSettings) -> Sample:
    """Make the sample of an image-text pair whose `clean_jpeg` is given; `annotation.turns` must be, too.

    Without marks, the marked picture is the clean one, byte for byte.
    """
    ref, past = clip.ref, clip.annotation.past
    if not clip.annotation.turns:
        raise ValueError(f"{ref.key}: is no image-text pair")
    said = write_pair(clip.annotation.turns, len(past), clip.width, clip.height, settings.vl, ref.key)
    marks, picture = said.marks.marks, decode_jpeg(clip.clean_jpeg)
    marked_jpeg, quality = clip.clean_jpeg, {}
    if marks:
        marked_jpeg, scores = draw_sample(picture, marks, settings)
        quality = {"visible_share": 1.0, **scores}
    record = {
        "id": ref.key,
        "split": ref.split,
        "task": "vl",
        "history": history_record(clip),
        "conversations": said.turns,
        "marks": [vars(mark) for mark in marks],
        "width": clip.width,
        "height": clip.height,
        "source": source_record(ref, picture),
        "quality": quality,
    }
    return Sample(
        key=ref.key,
        record=complete_record(record),
        marked_jpeg=marked_jpeg,
        clean_jpeg=clip.clean_jpeg,
        traces=said.marks.traces,
        extra=extra_members(clip),
    )
