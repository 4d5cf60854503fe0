"""Which made-up pages there are, and what stands where on them."""

from collections.abc import Callable

import numpy as np

from somtom.pipelines.samples_widgets import Colour, Page

ACCENTS: tuple[Colour, ...] = ((28, 98, 196), (20, 128, 96), (170, 62, 48), (112, 66, 176), (176, 104, 16))
THINGS = (
    "lamp", "kettle", "notebook", "backpack", "mirror", "clock", "blanket", "teapot", "basket", "bottle",
    "candle", "cushion", "ladder", "radio", "shelf", "vase",
)  # fmt: skip
STYLES = ("Oak", "Blue", "Small", "Round", "Paper", "Copper", "Linen", "Tall", "Grey", "Folding")
PLACES = ("Harbour", "Meadow", "Station", "Garden", "Bridge", "Mill", "Castle", "Market", "Forest", "Lake")
TOPICS = ("walks", "bakeries", "boats", "concerts", "museums", "trams", "views", "markets", "pools", "cafes")
STATES = ("paid", "open", "sent", "late")


def sign_in(draw: np.random.Generator) -> Page:
    """A phone's page at two pixels a CSS pixel: two fields, a box to tick, a button and links."""
    page = Page("sign-in.example", "Sign in", 360, 640, 2, _accent(draw))
    page.add("panel", 20, 90, 320, 420)
    page.add("heading", 44, 112, 200, 32, f"{_one(draw, PLACES)} library")
    for row, name in enumerate(("Card number", "Password")):
        page.add("text", 44, 158 + 80 * row, 180, 20, name)
        page.add("field", 44, 182 + 80 * row, 272, 40, name, f"your {name.lower()}")
    page.add("checkbox", 44, 322, 20, 20, "Stay signed in")
    page.add("text", 74, 320, 180, 24, "Stay signed in")
    page.add("primary", 44, 364, 272, 44, "Sign in")
    page.add("link", 44, 426, 150, 24, "Forgot the password?")
    page.add("link", 224, 426, 92, 24, "Get a card")
    for column, name in enumerate(("Help", "Privacy", "Opening hours")):
        page.add("link", 30 + 90 * column, 580, 80 + 20 * (column == 2), 24, name)
    return page


def shop(draw: np.random.Generator) -> Page:
    """A wide page of eight cards with a picture, a link, a button and an icon each."""
    page = Page("shop.example", "Shop", 1280, 800, 1, _accent(draw))
    page.add("panel", 0, 0, 1280, 64)
    page.add("link", 32, 16, 130, 32, f"{_one(draw, PLACES)} store")
    for column, name in enumerate(("New", "Kitchen", "Living room", "Outdoors", "Sale")):
        page.add("link", 200 + 96 * column, 16, 84, 32, name)
    page.add("field", 720, 14, 330, 36, "Search", "search the store")
    page.add("icon", 1056, 14, 36, 36, "Start the search", "search")
    page.add("icon", 1150, 14, 36, 36, "Account", "person")
    page.add("icon", 1200, 14, 36, 36, "Cart", "cart")
    things = _some(draw, THINGS, 8)
    for place, thing in enumerate(things):
        x, y = 40 + 304 * (place % 4), 96 + 348 * (place // 4)
        page.add("panel", x, y, 284, 328)
        page.add("picture", x + 16, y + 16, 252, 168)
        page.add("link", x + 16, y + 196, 210, 24, f"{_one(draw, STYLES)} {thing}")
        page.add("icon", x + 240, y + 194, 28, 28, f"Remember the {thing}", "star")
        page.add("note", x + 16, y + 224, 120, 20, f"{int(draw.integers(4, 90))}.50 a piece")
        page.add("primary", x + 16, y + 264, 150, 40, f"Buy the {thing}", "Add to cart")
        page.add("button", x + 176, y + 264, 92, 40, f"Compare the {thing}", "Compare")
    return page


def settings(draw: np.random.Generator) -> Page:
    """A page with a menu at its side, tabs, fields, selects, boxes to tick and switches."""
    page = Page("account.example", "Settings", 1024, 768, 1, _accent(draw))
    page.add("panel", 0, 0, 220, 768)
    page.add("heading", 24, 20, 180, 36, _one(draw, PLACES))
    for row, name in enumerate(
        ("Overview", "Messages", "Calendar", "Files", "Members", "Invoices", "Settings", "Help")
    ):
        page.add("link", 24, 84 + 44 * row, 170, 32, name)
    page.add("button", 24, 700, 170, 40, "Sign out")
    for column, name in enumerate(("Profile", "Alerts", "Safety", "Billing")):
        page.add("tab", 260 + 120 * column, 24, 104, 40, name)
    for place, name in enumerate(("First name", "Last name", "Street", "Town")):
        x, y = 260 + 370 * (place % 2), 96 + 84 * (place // 2)
        page.add("text", x, y, 160, 20, name)
        page.add("field", x, y + 24, 340, 38, name, " ")
    for place, name in enumerate(("Language", "Time zone")):
        x = 260 + 370 * place
        page.add("text", x, 268, 160, 20, name)
        page.add("select", x, 292, 340, 38, name, "choose ...")
    for row, name in enumerate(_some(draw, ("News", "Reminders", "Weekly summary", "Offers", "Replies"), 4)):
        page.add("checkbox", 260, 362 + 36 * row, 20, 20, f"Mail: {name.lower()}")
        page.add("text", 292, 360 + 36 * row, 240, 24, f"Mail: {name.lower()}")
    for row, name in enumerate(("Dark colours", "Larger text", "Sounds")):
        page.add("text", 630, 360 + 48 * row, 220, 26, name)
        page.add("switch", 918, 360 + 48 * row, 52, 26, name)
    page.add("primary", 260, 560, 140, 42, "Save changes")
    page.add("button", 416, 560, 120, 42, "Cancel")
    page.add("link", 260, 640, 200, 26, "Delete this account")
    return page


def dialog(draw: np.random.Generator) -> Page:
    """The settings under an open dialog, which alone can be used."""
    page = settings(draw)
    page.title = "Delete the account?"
    page.add("shade", 0, 0, 1024, 768)
    page.add("panel", 300, 230, 440, 250)
    page.add("heading", 328, 252, 340, 34, "Delete the account?")
    page.add("icon", 692, 250, 32, 32, "Close the dialog", "close")
    page.add("text", 328, 300, 380, 22, "Messages and files are lost for good.")
    page.add("checkbox", 328, 344, 20, 20, "Send me a copy first")
    page.add("text", 358, 342, 240, 24, "Send me a copy first")
    page.add("button", 440, 410, 120, 42, "Keep it")
    page.add("primary", 576, 410, 136, 42, "Delete for good")
    return page


def orders(draw: np.random.Generator) -> Page:
    """A crowded table: 19 rows of six elements each."""
    page = Page("orders.example", "Orders", 1366, 900, 1, _accent(draw))
    page.add("heading", 32, 16, 260, 36, "Orders")
    page.add("field", 700, 16, 320, 36, "Filter", "name, number or state")
    page.add("select", 1036, 16, 150, 36, "Rows", "19 rows")
    page.add("primary", 1202, 16, 132, 36, "New order")
    page.add("panel", 24, 66, 1318, 826)
    for x, width, name in (
        (84, 110, "Number"),
        (234, 200, "Customer"),
        (620, 90, "Date"),
        (820, 90, "State"),
    ):
        page.add("link", x, 74, width, 26, f"Sort by {name.lower()}", name)
    first = int(draw.integers(1000, 9000))
    for row in range(19):
        y, number = 106 + 41 * row, first + 7 * row
        page.add("checkbox", 40, y + 7, 20, 20, f"Choose order {number}")
        page.add("link", 84, y + 4, 110, 26, f"Order {number}", str(number))
        customer = f"{_one(draw, PLACES)} {_one(draw, TOPICS)}"
        page.add("link", 234, y + 4, 200, 26, f"{customer}, order {number}", customer)
        page.add("text", 620, y + 4, 110, 26, f"{int(draw.integers(1, 29))} May")
        page.add("note", 820, y + 4, 80, 26, _one(draw, STATES))
        for column, (glyph, verb) in enumerate((("open", "Show"), ("edit", "Edit"), ("bin", "Delete"))):
            page.add("icon", 1190 + 46 * column, y + 1, 32, 32, f"{verb} order {number}", glyph)
    return page


def article(draw: np.random.Generator) -> Page:
    """A phone's page at two pixels a CSS pixel: text with links, some of them below what is in view."""
    page = Page("travel.example", "Travel", 412, 732, 2, _accent(draw))
    place = _one(draw, PLACES)
    page.add("panel", 0, 0, 412, 56)
    page.add("icon", 12, 10, 36, 36, "Menu", "menu")
    page.add("text", 64, 16, 200, 26, "Days out")
    page.add("icon", 364, 10, 36, 36, "Search", "search")
    page.add("picture", 16, 72, 380, 170)
    page.add("heading", 16, 256, 380, 34, f"A day at the {place.lower()}")
    topics = _some(draw, TOPICS, 8)
    for line in range(4):
        page.add("text", 16, 300 + 28 * line, 236, 24, "In the morning you have time to")
        page.add("link", 262, 300 + 28 * line, 120, 24, f"look for {topics[line]}")
    page.add("heading", 16, 424, 300, 32, "Read on")
    for row, topic in enumerate(topics):
        page.add("link", 16, 464 + 38 * row, 250, 28, f"The best {topic} near the {place.lower()}")
        page.add("icon", 364, 464 + 38 * row, 28, 28, f"Keep the {topic}", "star")
    page.add("panel", 0, 672, 412, 60)
    for column, (glyph, name) in enumerate((("home", "Home"), ("add", "New trip"), ("person", "Me"))):
        page.add("icon", 52 + 136 * column, 682, 40, 40, name, glyph)
    return page


# name -> makes a page; a sample's number chooses it
PAGES: dict[str, Callable[[np.random.Generator], Page]] = {
    "shop": shop,
    "sign_in": sign_in,
    "orders": orders,
    "dialog": dialog,
    "article": article,
    "settings": settings,
}


def _accent(draw: np.random.Generator) -> Colour:
    return ACCENTS[int(draw.integers(len(ACCENTS)))]


def _one(draw: np.random.Generator, words: tuple[str, ...]) -> str:
    return words[int(draw.integers(len(words)))]


def _some(draw: np.random.Generator, words: tuple[str, ...], count: int) -> list[str]:
    return [words[place] for place in draw.permutation(len(words))[:count]]
