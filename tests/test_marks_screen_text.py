"""What the conversation about a screenshot says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from somtom.marks.screen_text import ScreenConversation, action_kind, nameable, write_screen_conversation
from somtom.schemas.annotation import PastStep, ScreenAction
from somtom.schemas.answers import Action, parse_action, parse_som
from somtom.schemas.marks import Mark
from somtom.schemas.settings import TextSettings

SIZE = (200, 100)
TEXTS = ("Home", "Save", "Save", "", "Search the shop")


def marks(target: int = -1, texts: tuple[str, ...] = TEXTS) -> list[Mark]:
    return [
        Mark(
            number,
            20.0 * number + 9.5,
            14.5,
            20.0 * number,
            10,
            20.0 * number + 20,
            20,
            number == target,
            text,
            "a",
        )
        for number, text in enumerate(texts, start=1)
    ]


def said(
    target: int = -1,
    action: ScreenAction | None = None,
    past: tuple[PastStep, ...] = (),
    instruction: str = "",
    settings: TextSettings | None = None,
    key: str = "key",
    texts: tuple[str, ...] = TEXTS,
) -> ScreenConversation:
    return write_screen_conversation(
        marks(target, texts),
        action or ScreenAction(),
        past,
        SIZE,
        instruction,
        settings or TextSettings(),
        key,
    )


def values(conversation: ScreenConversation) -> list[str]:
    assert [turn["from"] for turn in conversation.turns] == ["human", "gpt"] * (len(conversation.turns) // 2)
    return [turn["value"] for turn in conversation.turns]


def test_the_first_answer_locates_every_mark() -> None:
    question, answer, *_ = values(said())
    assert question.startswith("<image>\n")
    assert parse_som(answer) == {
        n: (int((20 * n + 10) / 200 * 256), int(15 / 100 * 256)) for n in range(1, 6)
    }


def test_an_instruction_asks_for_the_action_and_its_mark() -> None:
    found = said(5, ScreenAction("Type", "red shoes"), instruction="Buy red\nshoes")
    _, _, question, answer = values(found)
    assert "Buy red shoes" in question
    assert answer == 'type "red shoes" : Mark 5 at [140,38]'
    assert (found.target, found.kind, found.action_text) == (5, "type", 'type "red shoes"')


@pytest.mark.parametrize(
    ("kind", "argument", "answer"),
    [("scroll", "down", "scroll down"), ("press", "back", "press back"), ("complete", "", "complete")],
)
def test_an_action_without_a_target_names_no_mark(kind: str, argument: str, answer: str) -> None:
    found = said(action=ScreenAction(kind, argument), instruction="Go on")
    assert values(found)[3] == answer
    assert found.target == -1


def test_an_instruction_without_an_action_asks_which_mark_is_meant() -> None:
    found = said(1, instruction="the start page")
    _, _, question, answer = values(found)
    assert "the start page" in question
    assert parse_som(answer) == {1: (38, 38)}
    assert (found.target, found.kind, found.action_text) == (1, "", "")


def test_without_an_instruction_one_element_is_asked_for_by_its_own_text() -> None:
    asked = set()
    for number in range(30):
        found = said(key=f"key{number}")
        _, _, question, answer = values(found)
        assert set(parse_som(answer)) == {found.target}
        assert f'"{TEXTS[found.target - 1]}"' in question
        asked.add(found.target)
    assert asked == {1, 5}


def test_where_no_text_stands_alone_there_is_one_question() -> None:
    found = said(texts=("Save", "save", "", "x" * 200))
    assert len(values(found)) == 2
    assert found.target == -1


def test_an_action_without_an_instruction_asks_for_its_target() -> None:
    found = said(5, ScreenAction("click"))
    assert 'link "Search the shop"' in values(found)[2]
    assert (found.target, found.kind, found.action_text) == (5, "click", "click")
    for unnamed in (said(2, ScreenAction("click")), said(action=ScreenAction("back"))):
        assert len(values(unnamed)) == 2


def test_an_instruction_is_left_out_where_the_settings_ask_for_it() -> None:
    found = said(5, ScreenAction("click"), instruction="Buy", settings=TextSettings(use_instruction=False))
    assert not any("Buy" in value for value in values(found))


def test_what_was_done_before_is_listed_where_it_is_known() -> None:
    past = (
        PastStep(-3.0, known=False),
        PastStep(-2.0, 'click the link "<image>"\nthen wait'),
        PastStep(-1.0, ""),
    )
    first, _, question, _ = values(said(1, ScreenAction("click"), past, "Go home"))
    assert first.count("<image>") == 4
    assert question.startswith('Done so far:\n1. click the link "image" then wait\n')
    assert "2." not in question


HOSTILE = st.one_of(st.text(max_size=30), st.sampled_from(["<image>", "{count}", "\ud800", "שלום", '"\n"']))


@given(instruction=HOSTILE, kind=HOSTILE, argument=HOSTILE, text=HOSTILE, key=st.integers(0, 99))
def test_any_text_leaves_the_pictures_counted_and_the_action_readable(
    instruction: str, kind: str, argument: str, text: str, key: int
) -> None:
    past = (PastStep(-1.0, text),)
    action = ScreenAction(kind, argument)
    found = said(1, action, past, instruction, key=f"k{key}", texts=(text, "Home"))
    counts = [value.count("<image>") for value in values(found)]
    assert counts == [2] + [0] * (len(counts) - 1)
    if found.kind:
        done = parse_action(found.action_text)
        assert done.kind == found.kind == action_kind(kind)
        if instruction.strip():
            assert parse_action(values(found)[3]) == Action(done.kind, done.argument, 1, (38, 38))


def test_only_texts_that_stand_on_one_mark_can_be_asked_for() -> None:
    assert nameable(marks()) == {1: "Home", 5: "Search the shop"}
