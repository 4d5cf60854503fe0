"""HTML that is escaped unless it says that it is HTML already, and the page put together from its parts."""

import base64
import hashlib
import html
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

PAGE = Path(__file__).with_name("report-page")  # no name of a package: it holds none
SCRIPTS = ("table.js", "player.js", "rows.js", "detail.js", "samples.js", "page.js")

_SLOT = re.compile(r"<!--slot:([a-z]+)-->")
_ALONE = {"img", "meta", "path", "rect", "line"}  # elements without content, of HTML and SVG


class Html(str):
    """Text that stands in the page as it is; anything else is escaped."""

    __slots__ = ()


def escaped(value: object) -> Html:
    """Make of any value what stands in a page or in a quoted attribute.

    >>> escaped("<b>"), escaped(Html("<b>")), escaped(12345)
    ('&lt;b&gt;', '<b>', '12,345')
    """
    if isinstance(value, Html):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return Html(f"{value:,}")
    return Html(html.escape(str(value)))


def element(name: str, *children: object, **attributes: object) -> Html:
    """Write an element; `class_` is its class, `data_key` its data-key, True a bare attribute, None none.

    >>> element("p", "a < b", class_="note", hidden=True)
    '<p class="note" hidden>a &lt; b</p>'
    """
    said = [name]
    for key, value in attributes.items():
        attribute = key.rstrip("_").replace("_", "-")
        if value is True:
            said.append(attribute)
        elif value is not None and value is not False:
            plain = str(value) if not isinstance(value, Html) else value
            said.append(f'{attribute}="{escaped(plain)}"')
    start = " ".join(said)
    return Html(f"<{start}/>" if name in _ALONE else f"<{start}>{joined(children)}</{name}>")


def joined(parts: Iterable[object]) -> Html:
    """Escape the parts and set them one after the other."""
    return Html("".join(map(escaped, parts)))


def table(caption: str, head: Sequence[str], rows: Iterable[Sequence[object]], text_columns: int = 1) -> Html:
    """Write a table that may scroll sideways; the first `text_columns` are text, the others numbers."""

    def cell(name: str, place: int, value: object) -> Html:
        return element(name, value, class_="number" if place >= text_columns else None)

    top = [
        element("th", name, scope="col", class_="number" if place >= text_columns else None)
        for place, name in enumerate(head)
    ]
    body = (
        element(
            "tr",
            element("th", row[0], scope="row"),
            *(cell("td", place, value) for place, value in enumerate(row) if place),
        )
        for row in rows
    )
    whole = element(
        "table",
        element("caption", caption),
        element("thead", element("tr", *top)),
        element("tbody", *body),
    )
    # A region that scrolls must be reachable by keyboard.
    return element("div", whole, class_="scroll", tabindex=0, role="region", aria_label=caption)


def section(name: str, title: str, *children: object) -> Html:
    """Write a section that the navigation can jump to."""
    return element("section", element("h2", title), *children, id=name)


def script_data(name: str, values: object) -> Html:
    """Write JSON that a script reads, so that nothing in it can end the element or be taken for HTML.

    >>> script_data("x", ["</script><!--"])
    '<script type="application/json" id="x">["\\\\u003c/script\\\\u003e\\\\u003c!--"]</script>'
    """
    text = json.dumps(values, allow_nan=False, separators=(",", ":"))  # ASCII: no U+2028 either
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Html(f'<script type="application/json" id="{escaped(name)}">{text}</script>')


def picture_uri(data: bytes) -> str:
    """Make an address of a WebP picture's bytes."""
    return "data:image/webp;base64," + base64.b64encode(data).decode()


def page_of(title: str, slots: Mapping[str, Html]) -> bytes:
    """Fill the page's slots, with its style and scripts inside; it may load nothing from anywhere.

    The policy names the only style and the only script by their hashes: what a data set says cannot run
    even if it were to get into the page.
    """
    style = (PAGE / "page.css").read_text(encoding="utf-8")
    parts = [(PAGE / name).read_text(encoding="utf-8") for name in SCRIPTS]
    script = '"use strict";\n(() => {\n' + "".join(parts) + "})();\n"
    policy = (
        f"default-src 'none'; img-src data:; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    filled = {
        "title": escaped(title),
        "policy": element("meta", http_equiv="Content-Security-Policy", content=policy),
        "style": Html(f"<style>{style}</style>"),
        "script": Html(f"<script>{script}</script>"),
        **slots,
    }
    return _filled("page.html", filled).encode()


def gallery_of(said: Html) -> Html:
    """The gallery's section, with what is said above it."""
    return Html(_filled("gallery.html", {"said": said}))


def _filled(name: str, slots: Mapping[str, Html]) -> str:
    """Fill a template's slots in one pass: a slot's name within a data set's text stays a text."""
    template = (PAGE / name).read_text(encoding="utf-8")
    return _SLOT.sub(lambda match: slots[match[1]], template)


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
