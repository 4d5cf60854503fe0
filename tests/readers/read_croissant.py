"""Reads all splits with mlcroissant: python read_croissant.py DATA_SET - OUT; see tests/support/apart.py.

OUT/samples.json gets the table, OUT/issues.txt what validation says.
"""

import json
import sys
from pathlib import Path

import mlcroissant
import numpy as np


def plain(value):
    return value.decode() if isinstance(value, bytes) else value.item() if hasattr(value, "item") else value


def main(folder: Path, out: Path) -> None:
    data = mlcroissant.Dataset(str(folder / "meta" / "croissant.json"))
    (out / "issues.txt").write_text(data.metadata.issues.report())
    rows = [
        {name.partition("/")[2]: plain(value) for name, value in row.items()}
        for row in data.records("samples")
    ]
    (out / "samples.json").write_text(json.dumps(rows))
    for row in data.records("records"):
        place = out / plain(row["records/key"])
        place.mkdir()
        (place / "json").write_bytes(row["records/record"])
    others = [one.id for one in data.metadata.record_sets if one.id not in ("samples", "records", "splits")]
    for one in others:
        member = {"pictures": "jpg", "clean_pictures": "clean.jpg"}.get(one, f"{one}.jpg")
        for row in data.records(one):
            place = out / plain(row[f"{one}/key"]) / f"{member}.npy"
            with place.open("xb") as file:
                np.save(file, np.asarray(row[f"{one}/picture"]))


main(Path(sys.argv[1]), Path(sys.argv[3]))
