"""The report: what stands in it, that texts stay texts, and that it is the same each time."""

import json
import re
import shutil
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from report_folders import write_report_folder

from somtom.pipelines.cli import main
from somtom.pipelines.output import OutputError
from somtom.pipelines.report import write_report
from somtom.schemas.check_folder import folder_faults
from somtom.schemas.folder import META, shard_path
from somtom.schemas.meta_tables import SAMPLES, read_counts, write_counts
from somtom.schemas.reasons import DataError

HOSTILE = (
    "<script>hacked=1</script>\"'><img src=x onerror=hacked=1></script><!--\u2028&amp;<!--slot:script-->"
)


class Page(HTMLParser):
    """A page taken apart: elements with their attributes, and the text of each element with an id."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, str] = {}
        self._open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.elements.append((tag, values))
        if tag in ("section", "script", "h1"):
            self._open.append(values.get("id") or tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag in ("section", "script", "h1") and self._open:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        for name in self._open:
            self.texts[name] = self.texts.get(name, "") + data

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [values for name, values in self.elements if name == tag]


def page_of(folder: Path, **options: int) -> Page:
    return Page(write_report(folder, **options).path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def data_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report_folder(tmp_path_factory.mktemp("report") / "out", 250)


@pytest.fixture(scope="module")
def page(data_set: Path) -> Page:
    return page_of(data_set, pictures=40)


def test_totals_books_and_rejects_are_those_of_the_tables(page: Page) -> None:
    assert "samples250" in page.texts["overview"] and "✓The books balance" in page.texts["overview"]
    assert "clips" in page.texts["books"] and "all sources" in page.texts["books"]
    assert "no_texture" in page.texts["rejects"] and "drawn so" in page.texts["rejects"]
    assert "notes.txt" in page.texts["rejects"] and "it is text" in page.texts["rejects"]


def test_a_filtered_clip_is_shown_with_its_clean_picture(page: Page) -> None:
    (picture,) = page.named("img")
    assert str(picture["src"]).startswith("data:image/webp;base64,")


def test_every_sample_is_listed_and_as_many_as_asked_for_have_pictures(page: Page) -> None:
    rows = json.loads(page.texts["rows"])
    blocks = [name for name in page.texts if name.startswith("sample-")]
    assert len(rows["keys"]) == 250 and len(rows["pictured"]) == len(blocks) == 40
    # Whoever looks at the first few sees every task.
    first = [rows["keys"][row].split("-")[0] for row in rows["pictured"][:5]]
    assert set(first) == {"tom", "ui", "robot", "som", "vl"}


def test_a_sample_carries_what_the_page_plays(page: Page) -> None:
    rows = json.loads(page.texts["rows"])
    row = next(row for row in rows["pictured"] if rows["keys"][row].startswith("tom"))
    sample = json.loads(page.texts[f"sample-{row}"])
    assert len(sample["xy"]) == 9 * 2 * 2 and len(sample["seen"]) == 9 * 2
    # (11 + 0.5) / 64 and (13 + 0.5) / 48 of 4096 parts
    assert sample["xy"][:2] == sample["marks"][0][4] == [736, 1152]
    assert sample["turns"][1] == ["gpt", "Mark 1 at [44,69] "]


def test_a_score_that_no_sample_has_is_left_out_and_one_not_measured_is_null(page: Page) -> None:
    names = {score["column"] for score in json.loads(page.texts["rows"])["scores"]}
    assert "quality_visible_share" in names and "quality_action_jump" not in names


def test_each_distribution_is_drawn_with_its_unit(page: Page) -> None:
    said = page.texts["figures"]
    for title in (
        "Trace length, marks that move",
        "Camera motion",
        "Marks per image",
        "Box sizes",
        "visible share",
    ):
        assert title in said
    assert "% of the shorter side" in said and "letters" in said
    assert "grip" in page.texts["actions"]


def test_pictures_that_look_the_same_are_named_within_and_across_splits(page: Page) -> None:
    said = page.texts["duplicates"]
    assert "Across splits" in said and "same hash" in said
    assert "stand in more than one split" in page.texts["overview"]


def test_the_page_names_no_address_and_allows_only_its_own_script_and_style(page: Page) -> None:
    policy = next(one["content"] for one in page.named("meta") if one.get("http-equiv"))
    assert policy is not None and policy.startswith("default-src 'none'; img-src data:;")
    assert policy.count("'sha256-") == 2 and "unsafe" not in policy
    addresses = [
        value
        for _, values in page.elements
        for name, value in values.items()
        if name in ("src", "href", "action", "data", "poster", "srcset")
    ]
    assert addresses and all(str(one).startswith(("#", "data:image/")) for one in addresses)
    assert not [
        values for _, values in page.elements if "style" in values or any(n.startswith("on") for n in values)
    ]


def test_what_inputs_say_stays_text(tmp_path: Path) -> None:
    folder = write_report_folder(tmp_path / "out", 20, HOSTILE)
    raw = write_report(folder).path.read_text(encoding="utf-8")
    hostile, plain = (
        Page(raw),
        Page(write_report(write_report_folder(tmp_path / "plain", 20)).path.read_text()),
    )
    # The same elements as without it: nothing a text says became one.
    assert [tag for tag, _ in hostile.elements if tag in ("script", "style", "meta")] == [
        tag for tag, _ in plain.elements if tag in ("script", "style", "meta")
    ]
    assert not [one for one in hostile.named("img") if "onerror" in one]
    assert HOSTILE in hostile.texts["rejects"]
    rows = json.loads(hostile.texts["rows"])
    assert all(HOSTILE in name for name in rows["coded"]["dataset"]["names"])
    assert HOSTILE in json.loads(hostile.texts[f"sample-{rows['pictured'][0]}"])["turns"][0][1]
    assert not re.search("\u2028", "".join(re.findall(r"<script[^>]*>(.*?)</script>", raw, re.DOTALL)))


def test_the_same_data_set_gives_the_same_bytes(data_set: Path, tmp_path: Path) -> None:
    first, second = (write_report(data_set, tmp_path / name, 20).path.read_bytes() for name in "ab")
    assert first == second


def test_pictures_keep_within_their_budget(data_set: Path, tmp_path: Path) -> None:
    all_of_them = write_report(data_set, tmp_path / "a.html", 100, 8.0)
    few = write_report(data_set, tmp_path / "b.html", 100, 0.02)
    assert all_of_them.pictures == 100 and 5 < few.pictures < 60
    assert write_report(data_set, tmp_path / "c.html", 0).pictures == 0


def test_a_build_under_way_is_told_of_as_far_as_it_got(tmp_path: Path) -> None:
    folder = write_report_folder(tmp_path / "out", 250, finished=False)
    written = write_report(folder)
    said = Page(written.path.read_text(encoding="utf-8")).texts["overview"]
    assert not written.finished and written.samples == 150
    assert "This build is not finished: 2 of 3 shards are whole" in said


def test_a_data_set_without_a_sample_has_books_and_rejects_and_no_gallery(tmp_path: Path) -> None:
    page = page_of(write_report_folder(tmp_path / "out", 0))
    assert "No input gave a sample" in page.texts["overview"] and "no_texture" in page.texts["rejects"]
    assert "samples" not in page.texts and "rows" not in page.texts


def test_the_data_set_stays_sound_with_its_report_in_it(small_dataset: Path) -> None:
    before = list(folder_faults(small_dataset))
    assert write_report(small_dataset).path == small_dataset / META / "report.html"
    assert list(folder_faults(small_dataset)) == before


def test_books_that_do_not_match_the_table_are_said(small_dataset: Path) -> None:
    books = [one for one in read_counts(small_dataset) if one.stage == "scan"]
    write_counts(small_dataset, books)
    assert "The books do not balance" in page_of(small_dataset).texts["overview"]


def test_a_folder_without_a_build_and_a_damaged_shard_are_refused(
    small_dataset: Path, tmp_path: Path
) -> None:
    with pytest.raises(OutputError, match="holds no build"):
        write_report(tmp_path / "nothing")
    path = shard_path(small_dataset, "train-000000")
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(DataError, match=r"train-000000\.tar"):
        write_report(small_dataset)


def test_the_command_says_where_the_page_is(
    data_set: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", str(data_set), "--out", str(tmp_path / "page.html"), "--pictures", "7"]) == 0
    assert re.search(r"page\.html: \d\.\d MB, 250 samples, 7 with their picture", capsys.readouterr().out)
    assert main(["report", str(data_set), "--pictures", "-1"]) == 2
    assert main(["report", str(tmp_path / "nothing")]) == 1


def rewrite_samples(folder: Path, change: Callable[[pa.Table], pa.Table]) -> None:
    path = folder / META / SAMPLES
    pq.write_table(change(pq.read_table(path)), path)


def test_a_table_of_an_older_version_is_read_as_far_as_it_goes(data_set: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(data_set, tmp_path / "old"))
    rewrite_samples(folder, lambda table: table.drop_columns(["picture_hash", "quality_mark_overlap"]))
    page = page_of(folder, pictures=5)
    assert "duplicates" not in page.texts and "visible share" in page.texts["figures"]


@pytest.mark.parametrize(
    ("column", "values", "said"),
    [
        ("marks", pa.array(["many"] * 5), "marks must be a column of int"),
        ("quality_visible_share", pa.array([0.5, None, 0.5, 0.5, 0.5]), "without nulls"),
        ("shard", pa.array(["../../elsewhere"] * 5), "no name of a shard"),
    ],
)
def test_a_table_that_is_not_ours_is_refused(
    small_dataset: Path, column: str, values: pa.Array, said: str
) -> None:
    rewrite_samples(
        small_dataset,
        lambda table: table.set_column(table.schema.get_field_index(column), column, values),
    )
    with pytest.raises(DataError, match=said):
        write_report(small_dataset)
