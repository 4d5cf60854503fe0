"""The table that ends a run."""

from pathlib import Path

from somtom.pipelines.finish import Totals
from somtom.pipelines.summary import summary_lines
from somtom.schemas.books import count_books
from somtom.schemas.reasons import Reject


def totals_of(*rejects: Reject) -> Totals:
    books = count_books("scan", {"arm": 9}, {"arm": 9 - len(rejects)}, rejects)
    return Totals(tuple(books), rejects, 0, 0, 0, 0, {})


def test_each_reason_is_followed_by_its_first_message() -> None:
    lines = summary_lines(
        totals_of(
            Reject("arm", "episode_000004", "", "scan", "bad_action", "there is no column 'actoin'"),
            Reject("arm", "episode_000005", "", "scan", "missing", "the file\nis not there"),
        ),
        Path("out"),
        1.0,
    )

    assert [line.split() for line in lines[2:5:2]] == [["bad_action", "1"], ["missing", "1"]]
    assert lines[3] == "  episode_000004: there is no column 'actoin'"
    assert lines[5] == "  episode_000005: the file is not there"


def test_what_is_long_is_cut_to_a_line() -> None:
    lines = summary_lines(
        totals_of(Reject("arm", "a/" * 99 + "b.mp4", "", "scan", "missing", "is not there " * 50)),
        Path(),
        1.0,
    )

    assert max(map(len, lines)) <= 112 and "a/b.mp4: is not there" in lines[3]
