"""The record's fields as Hugging Face `datasets` declares them: in meta/features.json and on the card."""

import json
from collections.abc import Sequence
from typing import Any

from somtom.schemas.record_fields import RECORD, Field
from somtom.schemas.sample import FIRST_MEMBERS, JSON, TRACES

_DTYPES = {"text": "string", "int": "int64", "float": "float64", "bool": "bool"}


def dataset_features(extra: Sequence[str] = ()) -> dict[str, Any]:
    """Give what `datasets.Features.from_dict` reads; `extra` names further members (history, cameras).

    A list is written `[element]`, which every version of `datasets` reads.
    """
    trace: Any = [[[{"dtype": "float32", "_type": "Value"}]]]
    of_member = {JSON: {field.name: _feature(field) for field in RECORD}, TRACES: trace}
    columns = {name: of_member.get(name, {"_type": "Image"}) for name in (*FIRST_MEMBERS, *extra)}
    text = {"dtype": "string", "_type": "Value"}
    return {**columns, "__key__": text, "__url__": text}


def _feature(field: Field) -> Any:
    one: Any = {"dtype": _DTYPES.get(field.kind, ""), "_type": "Value"}
    if field.kind == "object":
        one = {inner.name: _feature(inner) for inner in field.fields}
    return [one] if field.many else one


def features_yaml(extra: Sequence[str] = ()) -> list[str]:
    """Give the same as the lines under `features:` in a data-set card's front matter."""
    return [line for name, feature in dataset_features(extra).items() for line in _yaml(name, feature)]


def _yaml(name: str, feature: Any) -> list[str]:
    first, *rest = _yaml_type(feature)
    return [f"- name: {json.dumps(name)}", f"  {first}", *(f"  {line}" for line in rest)]


def _yaml_type(feature: Any) -> list[str]:
    if isinstance(feature, list):
        first, *rest = _yaml_type(feature[0])
        word, _, plain = first.partition(": ")
        if word == "dtype":
            return [f"list: {plain}"]
        # A list of objects stands under `list:` without its own `struct:`.
        return ["list:", *rest] if word == "struct:" else ["list:", *(f"  {line}" for line in (first, *rest))]
    if "_type" in feature:
        return [f"dtype: {feature.get('dtype', feature['_type'].lower())}"]
    return ["struct:", *(line for name, inner in feature.items() for line in _yaml(name, inner))]
