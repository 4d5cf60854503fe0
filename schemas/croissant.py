"""meta/croissant.json: the data set as Croissant 1.1 describes it, the same for the same shards.

Record sets: `samples`, the table meta/samples.parquet; `records`, `pictures`, `clean_pictures` (and `h00`,
`cam1`, ...), the shards' members, each with the sample's key; `splits`. Paths are relative to meta/.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from somtom.schemas.files import open_regular, write_whole
from somtom.schemas.folder import META, SHARDS
from somtom.schemas.manifest import Manifest
from somtom.schemas.meta_tables import SAMPLES
from somtom.schemas.record import storable_text
from somtom.schemas.record_fields import SPLITS
from somtom.schemas.sample import CLEAN, JSON, MARKED, TRACES
from somtom.schemas.sample_rows import SAMPLE_COLUMNS

CROISSANT = "croissant.json"
CONFORMS_TO = "http://mlcommons.org/croissant/1.1"
_DESCRIPTION = (
    "Pictures with numbered marks (Set-of-Mark) and the marks' future traces (Trace-of-Mark), in turns of"
    " questions and answers. Made by somtom: README.md says what is in it, meta/config.toml how it was made."
)
# The context of the specification, word for word; a reader warns of any other.
_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "arrayShape": "cr:arrayShape",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "containedIn": "cr:containedIn",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "description": {"@container": "@language"},
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isArray": "cr:isArray",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "name": {"@container": "@language"},
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
_TYPES = {"text": "sc:Text", "int": "cr:Int64", "float": "cr:Float64", "bool": "sc:Boolean"}
_SPLIT_URLS = {"train": "cr:TrainingSplit", "val": "cr:ValidationSplit", "test": "cr:TestSplit"}
# Of `sample_key`: a kind, a hyphen and 24 digits. It keeps <key>.jpg apart from <key>.clean.jpg, h00.jpg, ...
_KEY = "*-" + "?" * 24
_JPEG = "image/jpeg", "picture", "sc:ImageObject"
# record set -> (member's suffix, its encoding, name and type of the field that holds it, what it is)
_RECORD_SETS = {
    "records": (JSON, "text/plain", "record", "sc:Text", "the record, which is JSON"),
    "pictures": (MARKED, *_JPEG, "the picture with its marks"),
    "clean_pictures": (CLEAN, *_JPEG, "the same picture without marks"),
}


def croissant(
    name: str, manifests: Iterable[Manifest], extra: Sequence[str], table_sha256: str
) -> dict[str, Any]:
    """Describe the data set `name`.

    `extra` names the samples' further members; `table_sha256` is of meta/samples.parquet.
    """
    shards = sorted((one for one in manifests if one.samples), key=lambda one: one.shard)
    version = hashlib.sha256("".join(one.sha256 for one in shards).encode()).hexdigest()[:12]
    described: dict[str, Any] = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "name": storable_text(name),
        "description": _DESCRIPTION,
        "conformsTo": CONFORMS_TO,
        "version": f"1.0.0+{version}",
        "keywords": ["set-of-mark", "trace-of-mark", "webdataset"],
    }
    if licences := sorted({str(row["licence"]) for one in shards for row in one.samples} - {""}):
        described["license"] = licences
    described["distribution"] = [_table(table_sha256), *map(_shard, shards)]
    described["recordSet"] = [_samples(bool(shards))]
    if shards:
        members = _RECORD_SETS | {
            name.partition(".")[0]: (name, *_JPEG, "an earlier picture or a further camera's")
            for name in extra
        }
        traces = _members("traces", TRACES, "application/octet-stream", shards)
        described["distribution"] += [
            *(_members(one, suffix, encoding, shards) for one, (suffix, encoding, *_) in members.items()),
            traces | {"description": "float32 (T, K, 3) in NumPy's format: x, y, visible of each mark"},
        ]
        described["recordSet"] += [
            _splits({one.split for one in shards}),
            *(_member_records(one, *of_field) for one, (_, _, *of_field) in members.items()),
        ]
    return described


def write_croissant(
    folder: Path, name: str, manifests: Iterable[Manifest], extra: Sequence[str] = ()
) -> None:
    """Write meta/croissant.json; meta/samples.parquet must be there."""
    values = croissant(name, manifests, extra, table_digest(folder))
    write_whole(folder / META / CROISSANT, json.dumps(values, ensure_ascii=False, indent=1).encode() + b"\n")


def table_digest(folder: Path) -> str:
    """SHA-256 of meta/samples.parquet."""
    with open_regular(folder / META / SAMPLES) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _table(sha256: str) -> dict[str, Any]:
    return _file(SAMPLES, SAMPLES, "application/x-parquet", sha256)


def _shard(manifest: Manifest) -> dict[str, Any]:
    name = f"{manifest.shard}.tar"
    size = {"contentSize": f"{manifest.size_bytes} B"}
    return _file(name, f"../{SHARDS}/{name}", "application/x-tar", manifest.sha256) | size


def _file(name: str, url: str, encoding: str, sha256: str) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": name,
        "name": name,
        "contentUrl": url,
        "encodingFormat": encoding,
        "sha256": sha256,
    }


def _members(record_set: str, suffix: str, encoding: str, shards: Sequence[Manifest]) -> dict[str, Any]:
    return {
        "@type": "cr:FileSet",
        "@id": f"{record_set}-files",
        "name": f"{record_set}-files",
        "containedIn": [{"@id": f"{one.shard}.tar"} for one in shards],
        "encodingFormat": encoding,
        "includes": f"{_KEY}.{suffix}",
    }


def _splits(splits: set[str]) -> dict[str, Any]:
    rows = [{"splits/name": name, "splits/url": _SPLIT_URLS[name]} for name in SPLITS if name in splits]
    return {
        "@type": "cr:RecordSet",
        "@id": "splits",
        "name": "splits",
        "description": "The splits; groups of samples are never torn apart.",
        "dataType": "cr:Split",
        "key": {"@id": "splits/name"},
        "field": [
            {"@type": "cr:Field", "@id": "splits/name", "name": "name", "dataType": "sc:Text"},
            {"@type": "cr:Field", "@id": "splits/url", "name": "url", "dataType": "sc:URL"},
        ],
        "data": rows,
    }


def _samples(has_splits: bool) -> dict[str, Any]:
    fields = []
    for column, kind in SAMPLE_COLUMNS.items():
        source = {"fileObject": {"@id": SAMPLES}, "extract": {"column": column}}
        fields.append(_field("samples", column, _TYPES[kind], source))
        if column == "split" and has_splits:
            fields[-1]["references"] = {"field": {"@id": "splits/name"}}
    return {
        "@type": "cr:RecordSet",
        "@id": "samples",
        "name": "samples",
        "description": "One row a sample: where it comes from, what is in it, its scores.",
        "key": {"@id": "samples/key"},
        "field": fields,
    }


def _member_records(record_set: str, field: str, data_type: str, meaning: str) -> dict[str, Any]:
    files = {"fileSet": {"@id": f"{record_set}-files"}}
    key = files | {"extract": {"fileProperty": "filename"}, "transform": {"regex": r"^([^.]+)\..*$"}}
    return {
        "@type": "cr:RecordSet",
        "@id": record_set,
        "name": record_set,
        "description": f"Of each sample {meaning}.",
        "key": {"@id": f"{record_set}/key"},
        "field": [
            _field(record_set, "key", "sc:Text", key),
            _field(record_set, field, data_type, files | {"extract": {"fileProperty": "content"}}),
        ],
    }


def _field(record_set: str, name: str, data_type: str, source: dict[str, Any]) -> dict[str, Any]:
    return {
        "@type": "cr:Field",
        "@id": f"{record_set}/{name}",
        "name": name,
        "dataType": data_type,
        "source": source,
    }
