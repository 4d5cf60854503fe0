"""Made-up web pages: widgets with boxes in CSS pixels, and how each is drawn."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from PIL import Image, ImageDraw

from somtom.marks.sprites import embedded_font
from somtom.pipelines.samples_glyphs import GLYPHS

Colour = tuple[int, int, int]
Box = tuple[float, float, float, float]  # x0, y0, x1, y1
INK, PALE, LINE, PAPER, GROUND = (
    (38, 40, 46),
    (112, 118, 128),
    (203, 208, 216),
    (255, 255, 255),
    (243, 245, 248),
)

# look of an element -> its tag, ARIA role and type, as a page's DOM has them
ELEMENTS: dict[str, tuple[str, str | None, str | None]] = {
    "button": ("button", None, None),
    "primary": ("button", None, "submit"),
    "icon": ("button", None, None),
    "link": ("a", None, None),
    "tab": ("a", "tab", None),
    "field": ("input", None, "text"),
    "select": ("select", None, None),
    "checkbox": ("input", None, "checkbox"),
    "switch": ("button", "switch", None),
}
COVERS = ("panel", "shade")  # looks that hide what was drawn before


@dataclass(frozen=True)
class Widget:
    """One thing on a page.

    Args:
        look: a name of `LOOKS`; those of `ELEMENTS` can be acted on.
        x, y, width, height: in CSS pixels of the viewport.
        name: what it is called; drawn, too, unless there is a `label`.
        label: what is drawn instead: a shorter text, or the name of a glyph.
        value: what a field holds.
        focused: the cursor is in it.
        enabled: it can be used.
    """

    look: str
    x: int
    y: int
    width: int
    height: int
    name: str = ""
    label: str = ""
    value: str = ""
    focused: bool = False
    enabled: bool = True

    @property
    def is_element(self) -> bool:
        """Whether a person can act on it."""
        return self.look in ELEMENTS

    @property
    def role(self) -> str:
        """What it is, in a word: its ARIA role, the type of a box to tick, else its tag."""
        tag, role, kind = ELEMENTS[self.look]
        return role or (kind if kind == "checkbox" else tag) or tag

    def box(self, ratio: float = 1.0) -> Box:
        """Its corners, `ratio` pixels a CSS pixel."""
        x1, y1 = self.x + self.width, self.y + self.height
        return self.x * ratio, self.y * ratio, x1 * ratio, y1 * ratio


@dataclass
class Page:
    """A page under construction; later widgets lie on earlier ones.

    `width` and `height` are the viewport's, in CSS pixels; `ratio` is the number of device pixels of one.
    """

    site: str
    title: str
    width: int
    height: int
    ratio: int
    accent: Colour
    widgets: list[Widget] = field(default_factory=list)

    def add(
        self, look: str, x: int, y: int, width: int, height: int, name: str = "", label: str = ""
    ) -> None:
        """Put a widget on top."""
        self.widgets.append(Widget(look, x, y, width, height, name, label))

    def with_field(self, name: str, value: str, focused: bool) -> "Page":
        """The same page with something in the field of that name."""
        widgets = [
            replace(one, value=value, focused=focused) if one.look == "field" and one.name == name else one
            for one in self.widgets
        ]
        return replace(self, widgets=widgets)

    def shown_share(self, place: int) -> float:
        """Share, 0 to 1, of a widget's box that lies in the viewport."""
        x0, y0, x1, y1 = self.widgets[place].box()
        across = max(0.0, min(x1, self.width) - max(x0, 0.0))
        down = max(0.0, min(y1, self.height) - max(y0, 0.0))
        return across * down / ((x1 - x0) * (y1 - y0))

    def is_markable(self, place: int) -> bool:
        """Whether at least half of a widget is in view and nothing lies on its middle."""
        x0, y0, x1, y1 = self.widgets[place].box()
        x, y = (x0 + x1) / 2, (y0 + y1) / 2
        later = (one.box() for one in self.widgets[place + 1 :] if one.look in COVERS)
        covered = any(left <= x < right and top <= y < bottom for left, top, right, bottom in later)
        return self.shown_share(place) >= 0.5 and not covered

    def draw(self) -> Image.Image:
        """Draw it, `ratio` times as large as the viewport."""
        picture = Image.new("RGB", (self.width * self.ratio, self.height * self.ratio), GROUND)
        for one in self.widgets:
            LOOKS[one.look](ImageDraw.Draw(picture, "RGBA"), one, self)
        return picture


def _write(
    draw: ImageDraw.ImageDraw,
    text: str,
    x: float,
    y: float,
    room: float,
    size: float,
    colour: Colour,
    anchor: str,
) -> None:
    """Write one line; what does not fit into `room` pixels is cut."""
    font = embedded_font(round(size))
    while text and font.getlength(text) > room:
        text = text[:-1]
    draw.text((x, y), text, fill=colour, font=font, anchor=anchor)


def _button(draw: ImageDraw.ImageDraw, one: Widget, page: Page) -> None:
    x0, y0, x1, y1 = one.box(page.ratio)
    filled = one.look == "primary"
    draw.rounded_rectangle(
        (x0, y0, x1 - 1, y1 - 1),
        5 * page.ratio,
        page.accent if filled else PAPER,
        page.accent if filled else LINE,
    )
    colour = PAPER if filled else INK
    _write(draw, one.label or one.name, (x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, 14 * page.ratio, colour, "mm")


def _link(draw: ImageDraw.ImageDraw, one: Widget, page: Page) -> None:
    x0, y0, x1, y1 = one.box(page.ratio)
    left, middle = x0 + 4 * page.ratio, (y0 + y1) / 2
    _write(draw, one.label or one.name, left, middle, x1 - left, 14 * page.ratio, page.accent, "lm")


def _tab(draw: ImageDraw.ImageDraw, one: Widget, page: Page) -> None:
    x0, y0, x1, y1 = one.box(page.ratio)
    draw.line((x0, y1 - 1, x1 - 1, y1 - 1), page.accent, 2 * page.ratio)
    _write(draw, one.name, (x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, 14 * page.ratio, INK, "mm")


def _field(draw: ImageDraw.ImageDraw, one: Widget, page: Page) -> None:
    x0, y0, x1, y1 = one.box(page.ratio)
    edge, thick = (page.accent, 2) if one.focused else (LINE, 1)
    draw.rounded_rectangle((x0, y0, x1 - 1, y1 - 1), 4 * page.ratio, PAPER, edge, thick * page.ratio)
    left, middle = x0 + 10 * page.ratio, (y0 + y1) / 2
    colour, size = (INK, 14 * page.ratio) if one.value else (PALE, 14 * page.ratio)
    if one.look == "select" or one.value or not one.focused:
        _write(draw, one.value or one.label or one.name, left, middle, x1 - left, size, colour, "lm")
    if one.focused:
        cursor = left + embedded_font(size).getlength(one.value) + page.ratio
        draw.line((cursor, middle - 9 * page.ratio, cursor, middle + 9 * page.ratio), INK, page.ratio)
    if one.look == "select":
        tip = x1 - 16 * page.ratio
        half = 4 * page.ratio
        draw.polygon(
            [(tip - half, middle - half / 2), (tip + half, middle - half / 2), (tip, middle + half)], INK
        )


def _checkbox(draw: ImageDraw.ImageDraw, one: Widget, page: Page) -> None:
    x0, y0, x1, y1 = one.box(page.ratio)
    draw.rounded_rectangle((x0, y0, x1 - 1, y1 - 1), 3 * page.ratio, PAPER, PALE, page.ratio)


def _switch(draw: ImageDraw.ImageDraw, one: Widget, page: Page) -> None:
    x0, y0, x1, y1 = one.box(page.ratio)
    draw.rounded_rectangle((x0, y0, x1 - 1, y1 - 1), (y1 - y0) / 2, LINE)
    draw.ellipse((x0 + 2, y0 + 2, x0 + y1 - y0 - 3, y1 - 3), PAPER)


def _icon(draw: ImageDraw.ImageDraw, one: Widget, page: Page) -> None:
    """A glyph on a pale plate."""
    x0, y0, x1, y1 = one.box(page.ratio)
    draw.rounded_rectangle((x0, y0, x1 - 1, y1 - 1), 4 * page.ratio, (228, 232, 239))
    for strokes in GLYPHS[one.label]:
        points = [(x0 + (x1 - x0) * x, y0 + (y1 - y0) * y) for x, y in strokes]
        draw.line(points, INK, 2 * page.ratio, joint="curve")


def _panel(draw: ImageDraw.ImageDraw, one: Widget, page: Page) -> None:
    x0, y0, x1, y1 = one.box(page.ratio)
    draw.rectangle((x0, y0, x1 - 1, y1 - 1), PAPER, LINE)


def _shade(draw: ImageDraw.ImageDraw, one: Widget, page: Page) -> None:
    draw.rectangle(one.box(page.ratio), (20, 22, 28, 130))


def _picture(draw: ImageDraw.ImageDraw, one: Widget, page: Page) -> None:
    x0, y0, x1, y1 = one.box(page.ratio)
    red, green, blue = page.accent
    draw.rectangle((x0, y0, x1 - 1, y1 - 1), (red, green, blue, 60))
    draw.ellipse(
        (x0 + (x1 - x0) * 0.62, y0 + (y1 - y0) * 0.15, x1 - (x1 - x0) * 0.12, y0 + (y1 - y0) * 0.5), PAPER
    )
    draw.polygon([(x0, y1 - 1), (x0 + (x1 - x0) * 0.4, y0 + (y1 - y0) * 0.4), (x1 - 1, y1 - 1)], page.accent)


def _text(draw: ImageDraw.ImageDraw, one: Widget, page: Page) -> None:
    x0, y0, x1, y1 = one.box(page.ratio)
    size = {"heading": 22, "text": 14, "note": 12}[one.look] * page.ratio
    _write(draw, one.name, x0, (y0 + y1) / 2, x1 - x0, size, PALE if one.look == "note" else INK, "lm")


# look -> draws a widget of it
LOOKS: dict[str, Callable[[ImageDraw.ImageDraw, Widget, Page], None]] = {
    "button": _button,
    "primary": _button,
    "icon": _icon,
    "link": _link,
    "tab": _tab,
    "field": _field,
    "select": _field,
    "checkbox": _checkbox,
    "switch": _switch,
    "panel": _panel,
    "shade": _shade,
    "picture": _picture,
    "heading": _text,
    "text": _text,
    "note": _text,
}
TEXTS = ("heading", "text", "note")  # looks that only say something
