"""Text as annotations hold it, made fit to be written."""

MAX_TEXT = 10_000  # characters


def shown(value: object) -> str:
    """A value as a message shows it: short, and only its type where it may hold others.

    >>> shown("a" * 100), shown(7), shown([[1]])
    ("'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", '7', 'list')
    """
    return type(value).__name__ if isinstance(value, list | dict) else repr(value)[:40]


def words_of(value: object) -> str:
    """A text on one line, in any script: spaces joined, "" for what is no text; a lone surrogate becomes "?".

    Characters for private use are left out: they are an icon font's, and mean nothing without it.

    >>> words_of(" Buy \\n now "), words_of("\\ud800検索"), words_of("\\uf015 Home"), words_of(7)
    ('Buy now', '?検索', 'Home', '')
    """
    if not isinstance(value, str):
        return ""
    text = "".join(letter for letter in value[: 2 * MAX_TEXT] if not is_private(letter))
    text = " ".join(text.split())[:MAX_TEXT]
    return text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")


def is_private(letter: str) -> bool:
    """Whether Unicode leaves the character's meaning to those who use it."""
    return "\ue000" <= letter <= "\uf8ff" or letter >= "\U000f0000"
