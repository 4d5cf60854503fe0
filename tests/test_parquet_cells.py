from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from somtom.schemas.reasons import DataError
from somtom.sources.parquet_cells import ParquetCells

ROWS = 23


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cells") / "x.parquet"
    pictures = [{"bytes": bytes([n]) * 1000, "path": f"{n}.png"} for n in range(ROWS)]
    pq.write_table(pa.table({"n": list(range(ROWS)), "image": pictures}), path, row_group_size=5)
    return path


@given(order=st.lists(st.integers(0, ROWS - 1), max_size=30))
def test_rows_asked_for_in_any_order_are_the_rows_of_the_file(file: Path, order: list[int]) -> None:
    cells = ParquetCells(str(file))
    for number in order:
        assert cells.row(number, ["n"]) == {"n": number}
        assert cells.row(number, ["image.bytes"]) == {"image": {"bytes": bytes([number]) * 1000}}


def test_all_rows_come_in_order_and_a_part_of_a_struct_can_be_read(file: Path) -> None:
    cells = ParquetCells(str(file))
    assert cells.count == ROWS
    assert cells.columns == ("n", "image")
    assert cells.has_pictures("image") and not cells.has_pictures("n") and not cells.has_pictures("x")
    expected = [{"n": n, "image": {"path": f"{n}.png"}} for n in range(ROWS)]
    assert list(cells.rows(["n", "image.path"])) == expected


@pytest.mark.parametrize("number", [-1, ROWS])
def test_a_row_that_is_not_there_means_that_the_file_changed(file: Path, number: int) -> None:
    with pytest.raises(DataError, match="23 rows") as found:
        ParquetCells(str(file)).row(number, ["n"])
    assert found.value.reason == "changed_input"


def test_a_damaged_page_is_found_where_it_is_read(file: Path, tmp_path: Path) -> None:
    data = bytearray(file.read_bytes())
    at = data.index(bytes([22]) * 500) if bytes([22]) * 500 in data else len(data) // 2
    data[at - 40 : at] = b"\xff" * 40
    (tmp_path / "x.parquet").write_bytes(data)
    cells = ParquetCells(str(tmp_path / "x.parquet"))
    with pytest.raises(DataError) as found:
        for number in range(ROWS):
            cells.row(number, ["n", "image.bytes"])
    assert found.value.reason == "unreadable"


def test_a_column_of_pictures_is_never_held_whole(tmp_path: Path) -> None:
    pictures = [{"bytes": bytes([n]) * 1_000_000, "path": ""} for n in range(60)]
    path = tmp_path / "x.parquet"
    pq.write_table(
        pa.table({"image": pictures}), path, row_group_size=60, write_batch_size=1, compression="none"
    )
    del pictures
    pool = pa.default_memory_pool()
    before = pool.max_memory() or 0
    cells = ParquetCells(str(path))
    start = pool.bytes_allocated()
    for number in (3, 40, 59):
        assert cells.row(number, ["image.bytes"])["image"] == {"bytes": bytes([number]) * 1_000_000}
    assert (pool.max_memory() or 0) <= max(before, start + 12_000_000)
