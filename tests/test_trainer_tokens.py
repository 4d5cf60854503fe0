from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers
from trainer_inputs import TEXTS, record_of, small_vocabulary

from somtom.schemas.answers import Action, format_action, format_som, format_tom
from somtom.schemas.reasons import DataError
from somtom.trainer.tokens import Vocabulary, make_vocabulary, train_vocabulary
from somtom.trainer.turns import encode_turns

VOCABULARY = small_vocabulary()
BIN = st.integers(0, 255)
POINT = st.tuples(BIN, BIN)
NUMBER = st.integers(1, 25)  # five more than have a token of their own
ANSWER = st.one_of(
    st.dictionaries(NUMBER, POINT, min_size=1, max_size=4).map(format_som),
    st.dictionaries(NUMBER, st.lists(POINT, min_size=1, max_size=4), min_size=1, max_size=3).map(format_tom),
    st.builds(Action, st.just("type"), st.text(max_size=9), NUMBER, POINT).map(format_action),
    st.text(max_size=30),
)


@given(ANSWER)
def test_every_text_comes_back_to_the_letter(text: str) -> None:
    assert VOCABULARY.decode(VOCABULARY.encode(text)) == text


def test_the_last_256_ids_are_the_bins_of_actions() -> None:
    ids = VOCABULARY.encode("[0,255,7]", ["[0,255,7]"])

    assert [VOCABULARY.size - 256, VOCABULARY.size - 1, VOCABULARY.size - 249] == ids[1:-1]
    assert VOCABULARY.decode(ids) == "[0,255,7]"


def test_a_mark_its_point_and_its_name_have_ids_of_their_own() -> None:
    expected = [VOCABULARY.first_mark + 2, VOCABULARY.first_bin + 121, VOCABULARY.first_bin + 87]
    assert VOCABULARY.encode("Mark 3 at [121,87]") == expected


def test_names_of_reserved_tokens_in_a_text_are_text() -> None:
    assert max(VOCABULARY.encode("<mark_1><pad><image><end>")) < VOCABULARY.base


def test_ids_that_no_text_gives_can_be_decoded_too() -> None:
    assert VOCABULARY.decode(range(VOCABULARY.size + 5)) != ""
    assert VOCABULARY.decode([VOCABULARY.first_bin + 9, VOCABULARY.end]) == "[9,"


def test_the_same_texts_give_the_same_ids() -> None:
    once, again = (train_vocabulary(TEXTS, 300, 10).tokenizer.to_str() for _ in range(2))
    assert once == again


def test_a_saved_vocabulary_is_the_same_and_transformers_reads_it(tmp_path: Path) -> None:
    from transformers import PreTrainedTokenizerFast

    VOCABULARY.save(tmp_path)
    again = Vocabulary.load(tmp_path)
    theirs = PreTrainedTokenizerFast(tokenizer_file=str(tmp_path / "tokenizer.json"))

    assert (again.size, again.base, again.marks) == (VOCABULARY.size, VOCABULARY.base, VOCABULARY.marks)
    assert again.encode("Locate Mark 2.") == VOCABULARY.encode("Locate Mark 2.")
    assert theirs.convert_tokens_to_ids("<mark_3>") == VOCABULARY.first_mark + 2
    assert theirs.convert_tokens_to_ids("<action_255>") == len(theirs) - 1


def test_reserved_ids_lie_behind_the_embeddings_that_a_decoder_has() -> None:
    tokenizer = Tokenizer.from_str(small_vocabulary().tokenizer.to_str())
    with pytest.raises(DataError, match="already has tokens"):
        make_vocabulary(tokenizer, 20)
    plain = Tokenizer(models.BPE())
    plain.pre_tokenizer = pre_tokenizers.Whitespace()
    with pytest.raises(DataError, match="changes texts"):
        make_vocabulary(plain, 20)


def test_a_folder_without_a_vocabulary_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"tokenizer\.json: is not there"):
        Vocabulary.load(tmp_path)
    VOCABULARY.tokenizer.save(str(tmp_path / "tokenizer.json"))
    (tmp_path / "vocabulary.json").write_text('{"base": 100, "marks": 20}')
    with pytest.raises(DataError, match="are of two different checkpoints"):
        Vocabulary.load(tmp_path)


MARKS = [{"id": n, "x": 1.0, "y": 1.0} for n in (1, 2)]
SOM = "Mark 1 at [5,6], Mark 2 at [7,8]"


def test_only_answers_and_their_ends_are_learnt() -> None:
    record = record_of(["<image>\nWhere is Mark 2 at [7,8]?", SOM, "And now?", "Mark 2"], marks=MARKS)
    encoded = encode_turns(record, VOCABULARY, [3])

    learnt = encoded.ids[encoded.learnt].tolist()
    assert learnt == [*VOCABULARY.encode(SOM), VOCABULARY.end, *VOCABULARY.encode("Mark 2"), VOCABULARY.end]
    assert [VOCABULARY.decode(encoded.ids[span.start : span.stop]) for span in encoded.spans] == [
        "\nWhere is Mark 2 at [7,8]?",
        SOM,
        "And now?",
        "Mark 2",
    ]
    assert [span.kind for span in encoded.spans] == ["", "marks", "", "text"]


def test_every_picture_stands_where_its_token_stood() -> None:
    record = record_of(["<image>\nthen\n<image>\nWhat?", "Nothing."], task="vl")
    ids = encode_turns(record, VOCABULARY, [2, 3, 4]).ids.tolist()

    image = [VOCABULARY.image]
    then, what = VOCABULARY.encode("\nthen\n"), VOCABULARY.encode("\nWhat?")
    assert ids[: ids.index(VOCABULARY.end)] == [VOCABULARY.human, *image * 2, *then, *image * 7, *what]


def test_without_the_first_question_the_next_shows_the_pictures() -> None:
    record = record_of(["<image>\nWhere?", SOM, "Which?", "It."], marks=MARKS)
    encoded = encode_turns(record, VOCABULARY, [4, 2], kinds=["text"])

    assert [span.kind for span in encoded.spans] == ["", "text"]
    assert encoded.ids.tolist().count(VOCABULARY.image) == 6


def test_without_the_first_question_the_task_is_still_told() -> None:
    turns = ["<image>\n<image>\nEarlier, now.\nTask: Go.\nWhere?", SOM, "What moves?", "It."]
    encoded = encode_turns(record_of(turns, marks=MARKS), VOCABULARY, [1, 2], kinds=["text"])

    first, second = [VOCABULARY.image], [VOCABULARY.image] * 2
    between, rest = VOCABULARY.encode("\n"), VOCABULARY.encode("\nEarlier, now.\nTask: Go.\nWhat moves?")
    asked = encoded.ids[: encoded.spans[0].stop].tolist()
    assert asked == [VOCABULARY.human, *first, *between, *second, *rest, VOCABULARY.end]


def test_turns_that_do_not_fit_are_left_out() -> None:
    record = record_of(["<image>\nWhere?", SOM, "Which one?", "It."], marks=MARKS)
    whole = encode_turns(record, VOCABULARY, [4])
    cut = encode_turns(record, VOCABULARY, [4], most=len(whole.ids) - 1)

    assert [span.index for span in cut.spans] == [0, 1]
    with pytest.raises(DataError, match="does not fit into 9 tokens"):
        encode_turns(record, VOCABULARY, [4], most=9)
    with pytest.raises(DataError, match="names 1 pictures, 0 are there"):
        encode_turns(record, VOCABULARY, [])


def test_past_actions_of_a_robot_are_actions_also_in_the_question() -> None:
    record = record_of(
        ["<image>\n-0.5 s: [1,2]. Next?", "[3,4]"],
        task="robot",
        action={"kind": "robot", "text": "[3,4]"},
        history=[{"t_s": -0.5, "action_text": "[1,2]"}],
    )
    ids = encode_turns(record, VOCABULARY, [1]).ids
    first = VOCABULARY.first_action
    assert ids[ids >= first].tolist() == [first + 1, first + 2, first + 3, first + 4]
