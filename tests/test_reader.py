import dataclasses
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from somtom.schemas import DataError, TypedSample, iterate, list_splits
from somtom.schemas.marks import Mark
from somtom.schemas.pictures import decode_jpeg
from somtom.schemas.record import parse_record
from somtom.schemas.record_fields import RECORD
from somtom.schemas.sample import load_sample
from somtom.schemas.tar import read_shard
from somtom.schemas.typed_sample import Action, Motion, Source, State, Step, Tracker, Turn

HEAVY = {"PIL", "apache_beam", "av", "cv2", "datasets", "pandas", "pyarrow", "torch", "webdataset"}


def plain(value: Any) -> Any:
    """A typed value as the record has it."""
    if isinstance(value, np.ndarray):
        return value.ravel().tolist()
    if isinstance(value, Turn):
        return {"from": value.speaker, "value": value.value}
    if dataclasses.is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    return [plain(one) for one in value] if isinstance(value, tuple) else value


@pytest.mark.parametrize("split", ["train", "val"])
def test_every_typed_field_is_that_of_the_tar(small_dataset: Path, split: str) -> None:
    written = [
        (key, members)
        for path in sorted((small_dataset / "shards").glob(f"{split}-*.tar"))
        for key, members in read_shard(path)
    ]

    for sample, (key, members) in zip(iterate(small_dataset, split), written, strict=True):
        record = parse_record(members["json"])
        assert sample.key == key and sample.record == record
        typed = {
            name: plain(getattr(sample, name)) for name in record if name not in ("schema_version", "id")
        }
        assert typed | {"schema_version": 1, "id": key} == record
        np.testing.assert_array_equal(sample.traces, load_sample(members).traces)
        assert (sample.marked.jpeg, sample.clean.jpeg) == (members["jpg"], members["clean.jpg"])
        np.testing.assert_array_equal(sample.marked.pixels(), decode_jpeg(members["jpg"]))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("history", Step),
        ("marks", Mark),
        ("action", Action),
        ("state", State),
        ("source", Source),
        ("motion", Motion),
        ("tracker", Tracker),
    ],
)
def test_the_types_have_the_fields_of_the_record(name: str, kind: Any) -> None:
    table = next(field for field in RECORD if field.name == name)

    assert [field.name for field in dataclasses.fields(kind)] == [field.name for field in table.fields]


def test_a_sample_has_every_field_of_the_record() -> None:
    fields = {field.name for field in dataclasses.fields(TypedSample)}

    assert {field.name for field in RECORD} - fields == {"schema_version", "id"}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20, deadline=None)
@given(count=st.integers(1, 9))
def test_workers_share_the_samples_without_loss_or_repeat(small_dataset: Path, count: int) -> None:
    shares = [[one.key for one in iterate(small_dataset, shard=(index, count))] for index in range(count)]

    assert [key for share in shares for key in share] == [one.key for one in iterate(small_dataset)]
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_pictures_of_the_history_and_of_further_cameras_are_told_apart(small_dataset: Path) -> None:
    path = small_dataset / "shards" / "train-000000.tar"
    sample = load_sample(next(read_shard(path))[1])
    extra = (("h00.jpg", b"a"), ("h01.jpg", b"b"), ("cam1.jpg", b"c"))

    typed = TypedSample.of(dataclasses.replace(sample, extra=extra))

    assert [one.jpeg for one in typed.earlier] == [b"a", b"b"]
    assert [one.jpeg for one in typed.cameras] == [b"c"]


@pytest.mark.parametrize("shard", [(1, 1), (-1, 2), (0, 0)])
def test_a_share_that_cannot_be_is_refused_at_once(small_dataset: Path, shard: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=r"0 <= index < count"):
        iterate(small_dataset, shard=shard)


def test_a_split_that_is_not_there_is_named_at_once(small_dataset: Path) -> None:
    assert list_splits(small_dataset) == ["train", "val"]
    with pytest.raises(DataError, match="no split 'test'; it has train, val"):
        iterate(small_dataset, "test")


def test_a_folder_that_is_no_data_set_is_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is no data set"):
        iterate(tmp_path)


@pytest.mark.parametrize("text", ["{", "{}", '{"shardlist": [{"url": "../../secret", "nsamples": 1}]}', "[]"])
def test_a_damaged_index_is_named(small_dataset: Path, text: str) -> None:
    (small_dataset / "meta" / "wids.json").write_text(text)

    with pytest.raises(DataError, match=r"wids\.json"):
        iterate(small_dataset)


def test_a_missing_or_cut_shard_is_named_when_its_turn_comes(small_dataset: Path) -> None:
    path = small_dataset / "shards" / "train-000000.tar"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"train-000000\.tar"):
        list(iterate(small_dataset))

    path.unlink()
    with pytest.raises(DataError, match=r"train-000000\.tar"):
        list(iterate(small_dataset))


def test_a_shard_of_fewer_samples_than_the_index_says_is_named(small_dataset: Path, repack: Any) -> None:
    repack(small_dataset / "shards" / "train-000000.tar", lambda members: members[:-4])

    with pytest.raises(DataError, match="holds 2 samples, the index says 3"):
        list(iterate(small_dataset))


def test_a_picture_of_another_size_than_its_record_says_is_not_decoded(small_dataset: Path) -> None:
    picture = next(iterate(small_dataset)).marked

    with pytest.raises(DataError, match=r"its record says \(8, 8\)"):
        dataclasses.replace(picture, size=(8, 8)).pixels()
    with pytest.raises(DataError, match="not a readable JPEG"):
        dataclasses.replace(picture, jpeg=b"GIF89a").pixels()
    with pytest.raises(DataError, match="not a readable JPEG"):
        dataclasses.replace(picture, jpeg=picture.jpeg[: len(picture.jpeg) // 2]).pixels()


def test_reading_a_data_set_loads_numpy_and_nothing_heavier(small_dataset: Path) -> None:
    program = (
        "import sys; from somtom.schemas import iterate; samples = list(iterate(sys.argv[1]));"
        "assert len(samples) == 3; print(*sys.modules);"
        "samples[0].clean.pixels(); print(*sys.modules)"
    )

    done = subprocess.run(
        [sys.executable, "-c", program, str(small_dataset)], capture_output=True, text=True, check=True
    )

    read, decoded = (set(line.split()) for line in done.stdout.splitlines())
    assert "numpy" in read and not HEAVY & read
    assert HEAVY & decoded == {"PIL"}
