"""Parquet files with everything in columns, which `datasets.load_dataset` and the Hub's viewer read."""

from dataclasses import dataclass
from pathlib import Path

from somtom.pipelines.export_selection import Selection, Written
from somtom.pipelines.export_table import IMAGE, TableFiles, front_matter, picture
from somtom.schemas.features import dataset_features
from somtom.schemas.files import write_whole
from somtom.schemas.folder import CARD
from somtom.schemas.sample import JSON, TRACES

_CARD = """
# Set-of-Mark and Trace-of-Mark samples

`image` is the picture with its numbered marks, `clean_image` the same without, `traces` (T, K, 3): x, y in
pixels and visible 0 or 1 of each mark; all other columns are the fields of the record.

    from datasets import load_dataset
    data = load_dataset("PATH OF THIS FOLDER")
"""


@dataclass(frozen=True)
class Parquet:
    """All members of every sample; a file holds about `file_mb` megabytes."""

    file_mb: int = 500

    def export(self, chosen: Selection, out: Path) -> Written:
        """See `Exporter`."""
        extra = chosen.extra()
        declared = dataset_features(extra)
        names = {name: name.partition(".")[0] for name in extra}  # h00, cam1
        features = {
            **declared[JSON],
            "image": IMAGE,
            "clean_image": IMAGE,
            **dict.fromkeys(names.values(), IMAGE),
            "traces": declared[TRACES],
        }
        for split in chosen.counts:
            with TableFiles(out, split, features, self.file_mb * 1_000_000) as table:
                for sample in chosen.samples(split):
                    pictures = {"image": sample.marked_jpeg, "clean_image": sample.clean_jpeg}
                    pictures |= {names[name]: data for name, data in sample.extra}
                    of_files = {
                        name: picture(f"{sample.key}.{name}.jpg", data) for name, data in pictures.items()
                    }
                    size_bytes = sum(map(len, pictures.values())) + sample.traces.nbytes
                    table.write(sample.record | of_files | {"traces": sample.traces.tolist()}, size_bytes)
        write_whole(out / CARD, (front_matter(chosen.counts) + _CARD).encode())
        return Written(chosen.total)
