import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from somtom.schemas.answers import format_som, format_tom
from somtom.schemas.pieces import ACTION, MARK, TEXT, Piece, X, Y, join_pieces, split_pieces
from somtom.schemas.robot_answers import format_robot_action

BIN = st.integers(0, 255)
POINT = st.tuples(BIN, BIN)
NUMBER = st.integers(1, 300)
# Texts that come close to the grammar without being of it.
NEAR = st.text('Mark 0123456789[],: at"{}é', max_size=40)


@given(st.dictionaries(NUMBER, POINT, min_size=1, max_size=8))
def test_located_marks_need_three_pieces_each(points: dict[int, tuple[int, int]]) -> None:
    pieces = split_pieces(format_som(points), 300)

    assert [piece.kind for piece in pieces] == [MARK, X, Y] * len(points)
    assert join_pieces(pieces) == format_som(points)


@given(st.dictionaries(NUMBER, st.lists(POINT, min_size=1, max_size=5), min_size=1, max_size=3))
def test_a_trace_needs_two_pieces_a_point(traces: dict[int, list[tuple[int, int]]]) -> None:
    text = format_tom(traces)
    pieces = split_pieces(text, 300)

    assert sum(piece.kind in (X, Y) for piece in pieces) == 2 * sum(map(len, traces.values()))
    assert sum(piece.kind == TEXT for piece in pieces) == 2 * len(traces) + 1
    assert join_pieces(pieces) == text


@given(st.integers(1, 4), st.integers(1, 8), st.data())
def test_an_action_is_no_point_also_with_two_dimensions(rows: int, width: int, data: st.DataObject) -> None:
    bins = np.array(
        data.draw(st.lists(st.lists(BIN, min_size=width, max_size=width), min_size=rows, max_size=rows))
    )
    text = format_robot_action(bins)
    pieces = split_pieces(f"Now: {text}.", 300, [text])

    assert [piece.number for piece in pieces if piece.kind == ACTION] == bins.ravel().tolist()
    assert not [piece for piece in pieces if piece.kind in (X, Y)]
    assert join_pieces(pieces) == f"Now: {text}."


@given(
    st.one_of(
        NEAR, st.lists(st.one_of(NEAR, POINT.map(lambda p: f"[{p[0]},{p[1]}]")), max_size=4).map("".join)
    )
)
def test_any_text_comes_back_to_the_letter(text: str) -> None:
    assert join_pieces(split_pieces(text, 20)) == text


@given(st.lists(st.builds(Piece, st.sampled_from([MARK, X, Y, ACTION]), st.integers(1, 255)), max_size=6))
def test_pieces_in_any_order_can_be_written(pieces: list[Piece]) -> None:
    assert all(str(piece.number) in join_pieces(pieces) for piece in pieces)


@pytest.mark.parametrize(
    "text", ["Mark 21", "Mark 03", "Landmark 3", "[256,1]", "[01,2]", "[1, 2]", "[1,2,3]"]
)
def test_what_is_not_of_the_grammar_stays_text(text: str) -> None:
    assert [piece.kind for piece in split_pieces(text, 20)] == [TEXT]
