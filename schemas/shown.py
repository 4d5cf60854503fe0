"""Texts that others wrote, made fit for a terminal or a log: one line, that does nothing but stand there."""

MOST = 2000  # characters of a message

# Control characters move the cursor, rename the window or write over what stands there (ECMA-48); those for
# direction show other characters than a text holds (Unicode's UAX 9).
_UNSAFE = (*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
_ESCAPES = {code: ascii(chr(code))[1:-1] for code in (*_UNSAFE, *range(0xD800, 0xE000))}


def shown(text: str) -> str:
    r"""Write what is no plain letter as an escape.

    >>> shown("a\x1b[2Jb\n"), shown("日本語 é")
    ('a\\x1b[2Jb\\n', '日本語 é')
    """
    return text if text.isprintable() else text.translate(_ESCAPES)


def shortened(text: str, most: int = MOST) -> str:
    """Cut a text in its middle, so that it has up to `most` characters.

    >>> shortened("0123456789" * 3, 20)
    '0123456789 ... 56789'
    """
    if len(text) <= most:
        return text
    end = most // 4
    return f"{text[: most - end - 5]} ... {text[len(text) - end :]}"
