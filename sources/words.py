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

    >>> words_of(" Buy \\n now "), words_of("\\ud800検索"), words_of(7)
    ('Buy now', '?検索', '')
    """
    if not isinstance(value, str):
        return ""
    text = " ".join(value[: 2 * MAX_TEXT].split())[:MAX_TEXT]
    return text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")
