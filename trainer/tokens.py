"""The vocabulary: a byte-level tokenizer, and ids of its own for marks, coordinates and action bins.

    [ tokenizer | special | <mark_1> .. | <bin_0> .. <bin_255> | unused | <action_0> .. <action_255> ]

The action bins are the last 256 ids, as in OpenVLA. `schemas.pieces` finds in a text what gets them.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

from somtom.schemas.files import write_whole
from somtom.schemas.pieces import ACTION, BINS, MARK, TEXT, Piece, X, Y, join_pieces, split_pieces
from somtom.schemas.reasons import DataError
from somtom.schemas.record import load_json

SPECIAL = ("<pad>", "<image>", "<human>", "<gpt>", "<end>")
MULTIPLE = 64  # the number of ids is one of it: matrices of such sizes are faster
TOKENIZER, VOCABULARY = "tokenizer.json", "vocabulary.json"
_PROBE = ' Mark one,  {"x": "[[é漢"]}\n\tdone.'  # a tokenizer must give it back to the letter


@dataclass(frozen=True)
class Vocabulary:
    """All ids and what they say.

    Args:
        tokenizer: with every reserved token added, so that it holds all `size` ids.
        base: ids of the tokenizer alone, before the reserved ones.
        marks: how many marks have an id.
        first: ids that the tokenizer wants at the start of a text, such as Llama 3's <|begin_of_text|>.
    """

    tokenizer: Tokenizer
    base: int
    marks: int
    first: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        self.tokenizer.encode_special_tokens = True  # "<mark_1>" within a text is a text, no mark

    @property
    def size(self) -> int:
        """How many ids there are."""
        return _size(self.base, self.marks)

    @property
    def pad(self) -> int:
        """Fills up rows; is never learnt."""
        return self.base

    @property
    def image(self) -> int:
        """Stands once for each piece of a picture that the decoder sees."""
        return self.base + 1

    @property
    def human(self) -> int:
        """Begins a question."""
        return self.base + 2

    @property
    def gpt(self) -> int:
        """Begins an answer."""
        return self.base + 3

    @property
    def end(self) -> int:
        """Ends a turn; the last token of an answer that is learnt."""
        return self.base + 4

    @property
    def first_mark(self) -> int:
        """Id of mark 1."""
        return self.base + len(SPECIAL)

    @property
    def first_bin(self) -> int:
        """Id of coordinate 0."""
        return self.first_mark + self.marks

    @property
    def first_action(self) -> int:
        """Id of action bin 0; that of bin 255 is the last of all."""
        return self.size - BINS

    def encode(self, text: str, actions: Iterable[str] = ()) -> list[int]:
        """Give the ids of a text; `actions` as for `split_pieces`."""
        ids: list[int] = []
        for piece in split_pieces(text, self.marks, actions):
            if piece.kind == TEXT:
                ids += self.tokenizer.encode(piece.text, add_special_tokens=False).ids
            else:
                ids.append(self._first_of(piece.kind) + piece.number)
        return ids

    def _first_of(self, kind: str) -> int:
        return {
            MARK: self.first_mark - 1,
            X: self.first_bin,
            Y: self.first_bin,
            ACTION: self.first_action,
        }[kind]

    def decode(self, ids: Iterable[int]) -> str:
        """Write ids as text: what `encode` made of a text gives that text; special ids are left out."""
        pieces: list[Piece] = []
        plain: list[int] = []
        for one in [*ids, self.pad]:
            if 0 <= one < self.base:
                plain.append(one)
                continue
            if plain:
                pieces.append(Piece(TEXT, text=self.tokenizer.decode(plain, skip_special_tokens=False)))
                plain = []
            if self.first_mark <= one < self.first_bin:
                pieces.append(Piece(MARK, one - self.first_mark + 1))
            elif self.first_bin <= one < self.first_bin + BINS:
                second = bool(pieces) and pieces[-1].kind == X
                pieces.append(Piece(Y if second else X, one - self.first_bin))
            elif self.first_action <= one < self.size:
                pieces.append(Piece(ACTION, one - self.first_action))
        return join_pieces(pieces)

    def save(self, folder: Path) -> None:
        """Write tokenizer.json, which `tokenizers` and `transformers` read, and vocabulary.json.

        In the decoder's folder, `transformers.AutoTokenizer` finds what it needs as well.
        """
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / TOKENIZER, self.tokenizer.to_str(pretty=False).encode())
        values = {"base": self.base, "marks": self.marks, "first": self.first, "size": self.size}
        write_whole(folder / VOCABULARY, json.dumps(values).encode() + b"\n")
        theirs = {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "clean_up_tokenization_spaces": False,
            "pad_token": SPECIAL[0],
            "eos_token": SPECIAL[-1],
        }
        write_whole(folder / "tokenizer_config.json", json.dumps(theirs).encode() + b"\n")

    @classmethod
    def load(cls, folder: Path) -> "Vocabulary":
        """Read what `save` wrote.

        Raises:
            DataError: `missing`, `unreadable`.
        """
        tokenizer = load_tokenizer(folder)
        try:
            values = load_json((folder / VOCABULARY).read_bytes())
        except FileNotFoundError as error:
            raise DataError("missing", f"{folder}: holds no {VOCABULARY}: is it a checkpoint?") from error
        numbers = [values.get(name) for name in ("base", "marks")] if isinstance(values, dict) else []
        if not isinstance(values, dict) or not all(type(one) is int and one > 0 for one in numbers):
            raise DataError("unreadable", f"{folder / VOCABULARY}: is not what a checkpoint holds")
        vocabulary = cls(tokenizer, values["base"], values["marks"], tuple(values.get("first", ())))
        at = {"<end>": vocabulary.end, "<bin_0>": vocabulary.first_bin, "<action_255>": vocabulary.size - 1}
        if any(tokenizer.token_to_id(name) != one for name, one in at.items()):
            raise DataError(
                "unreadable", f"{folder}: {TOKENIZER} and {VOCABULARY} are of two different checkpoints"
            )
        return vocabulary


def _size(base: int, marks: int) -> int:
    used = base + len(SPECIAL) + marks + 2 * BINS
    return used + -used % MULTIPLE


def load_tokenizer(folder: Path) -> Tokenizer:
    """Read a folder's tokenizer.json.

    Raises:
        DataError: `missing`, `unreadable`.
    """
    path = folder / TOKENIZER
    if not path.is_file():
        raise DataError("missing", f"{path}: is not there; name a folder with a {TOKENIZER}")
    try:
        return Tokenizer.from_str(path.read_text(encoding="utf-8"))
    except Exception as error:  # the library raises nothing narrower
        raise DataError("unreadable", f"{path}: cannot be read as a tokenizer: {error}") from error


def make_vocabulary(tokenizer: Tokenizer, marks: int, at_least: int = 0) -> Vocabulary:
    """Add the reserved ids to a tokenizer.

    Args:
        at_least: ids that the decoder has embeddings for; the reserved ones come after them.

    Raises:
        DataError: `unsupported`: the tokenizer does not give a text back to the letter.
    """
    tokenizer.encode_special_tokens = True
    if tokenizer.decode(tokenizer.encode(_PROBE, add_special_tokens=False).ids) != _PROBE:
        raise DataError(
            "unsupported",
            "the tokenizer changes texts (spaces, letters): take one that works on bytes, "
            "as those of Llama 3 and SmolLM2 do",
        )
    first = tuple(tokenizer.encode("").ids)
    known = tokenizer.get_vocab_size()
    base = max(known, at_least)
    size = _size(base, marks)
    names = [*SPECIAL, *(f"<mark_{n}>" for n in range(1, marks + 1)), *(f"<bin_{n}>" for n in range(BINS))]
    gap = size - base - len(names) - BINS
    names = [*(f"<spare_{n}>" for n in range(base - known)), *names, *(f"<unused_{n}>" for n in range(gap))]
    names += [f"<action_{n}>" for n in range(BINS)]
    tokenizer.add_special_tokens([AddedToken(name, special=True, normalized=False) for name in names])
    if tokenizer.get_vocab_size() != size:
        raise DataError(
            "unsupported", "the tokenizer already has tokens such as <mark_1>: take the one before"
        )
    return Vocabulary(tokenizer, base, marks, first)


def train_vocabulary(texts: Iterable[str], size: int, marks: int) -> Vocabulary:
    """Train a byte-level BPE of at most `size` ids on what is neither mark, coordinate nor action.

    Any text can be written with it; the same texts in the same order give the same ids.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        min_frequency=2,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    plain = (piece.text for text in texts for piece in split_pieces(text, marks) if piece.kind == TEXT)
    tokenizer.train_from_iterator(plain, trainer=trainer)
    return make_vocabulary(tokenizer, marks)
