"""The report in a headless Chromium: it runs, asks for nothing, and is worked by keyboard alone."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from chromium import NAMES, Tab, chromium_tab, find_chromium
from report_folders import write_report_folder

from somtom.pipelines.report import write_report

HOSTILE = "<img src=x onerror=hacked=1></script><script>hacked=1</script>"
SAMPLES = 5_000

pytestmark = pytest.mark.skipif(
    find_chromium() is None, reason=f"no Chromium found ({', '.join(NAMES)}): install one to test the report"
)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_report_folder(tmp_path_factory.mktemp("browser") / "out", SAMPLES, HOSTILE)
    return write_report(folder, pictures=60).path


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    with chromium_tab(tmp_path_factory.mktemp("profile")) as tab:
        yield tab


@pytest.fixture
def tab(browser: Tab, page: Path) -> Tab:
    """The page, freshly opened, light and free to move."""
    browser.media(prefers_color_scheme="light", prefers_reduced_motion="no-preference")
    browser.resize(1200, 900)
    browser.errors.clear()
    browser.requests.clear()
    browser.open(page)
    return browser


def found(tab: Tab) -> str:
    return str(tab.evaluate("document.getElementById('found').textContent"))


def choose(tab: Tab, name: str, value: str) -> None:
    """Fill in a field as a person does; a choice by the beginning of its text."""
    tab.evaluate(
        f"""(() => {{
          const field = document.getElementById({name!r});
          const option = [...(field.options ?? [])].find((one) => one.text.startsWith({value!r}));
          field.value = option ? option.value : {value!r};
          field.dispatchEvent(new Event("input", {{ bubbles: true }}));
        }})()"""
    )


def drawn(tab: Tab) -> str:
    """What stands on the first canvas that has a trace, as an address."""
    return str(tab.evaluate("document.querySelector('#view canvas').toDataURL()"))


def colour(tab: Tab, of: str) -> str:
    return str(tab.evaluate(f"getComputedStyle(document.querySelector({of!r})).backgroundColor"))


def test_it_runs_without_an_error_and_asks_for_nothing(tab: Tab, page: Path) -> None:
    ready_ms = tab.evaluate("Number(document.documentElement.dataset.readyMs)")
    # Of one machine on one day, so it is said and not held to anything.
    print(f"\n{SAMPLES} samples, {page.stat().st_size / 1e6:.1f} MB: interactive after {ready_ms} ms")  # noqa: T201
    tab.wait("document.querySelectorAll('#view img').length > 3")
    assert tab.errors == []
    assert [one for one in tab.requests if not one.startswith("data:")] == [page.resolve().as_uri()]


def test_hostile_texts_are_shown_and_do_not_run(tab: Tab) -> None:
    tab.wait("document.querySelectorAll('#view .card').length > 3")
    tab.evaluate("document.querySelector('#item-0').click()")
    assert HOSTILE in tab.evaluate("document.getElementById('detail').textContent")
    assert tab.evaluate("typeof hacked") == "undefined"
    assert tab.evaluate("document.querySelectorAll('img[src=x]').length") == 0


def test_the_policy_stops_a_script_and_an_address_that_got_into_the_page(tab: Tab) -> None:
    tab.evaluate(
        """(() => {
          const script = document.createElement("script");
          script.textContent = "hacked = 1";
          const picture = document.createElement("img");
          picture.src = "https://example.invalid/x.png";
          document.body.append(script, picture);
        })()"""
    )
    assert tab.evaluate("typeof hacked") == "undefined"
    tab.wait("true")
    assert len([one for one in tab.errors if "Content Security Policy" in one]) == 2


def test_filters_search_and_order_choose_samples(tab: Tab) -> None:
    assert found(tab) == "5,000 of 5,000 samples, 60 with their picture"
    choose(tab, "task", "robot")
    tab.wait("document.getElementById('found').textContent.startsWith('1,000 of')")
    choose(tab, "split", "val")
    tab.wait("document.getElementById('found').textContent.startsWith('320 of')")
    choose(tab, "score", "visible share")
    choose(tab, "least", "0.9")
    tab.wait("document.getElementById('found').textContent.startsWith('32 of')")
    tab.evaluate("document.getElementById('filters').reset()")
    choose(tab, "search", "UI-000431")
    tab.wait("document.getElementById('found').textContent.startsWith('1 of')")
    choose(tab, "search", "no such thing")
    tab.wait("getComputedStyle(document.getElementById('view'), '::after').content.includes('No sample')")


def test_a_long_list_exists_only_where_it_is_seen(tab: Tab) -> None:
    tab.evaluate("document.getElementById('as-list').click(), document.getElementById('view').focus()")
    assert 10 < tab.evaluate("document.querySelectorAll('#view .row').length") < 60
    tab.press("End")
    last = "document.getElementById(document.getElementById('view').getAttribute('aria-activedescendant'))"
    assert tab.evaluate(f"{last}.getAttribute('aria-posinset')") == str(SAMPLES)
    assert tab.evaluate("document.querySelectorAll('#view .row').length") < 60
    tab.press("Enter")
    assert "not in this page" in tab.evaluate("document.getElementById('detail').textContent")


def test_the_keyboard_moves_opens_steps_and_comes_back(tab: Tab, page: Path) -> None:
    tab.press("Tab")
    assert tab.evaluate("document.activeElement.className") == "skip"
    tab.evaluate("document.getElementById('play').focus()")
    tab.press("Tab")
    assert tab.evaluate("document.activeElement.id") == "view"
    assert tab.evaluate("document.activeElement.matches(':focus-visible')")
    columns = tab.evaluate("Math.floor(document.getElementById('view').clientWidth / 250)")
    tab.press("ArrowRight")
    tab.press("ArrowDown")
    active = "document.getElementById('view').getAttribute('aria-activedescendant')"
    assert tab.evaluate(active) == f"item-{columns + 1}"
    tab.press("Enter")
    assert tab.evaluate("document.getElementById('detail').open")
    key = "document.getElementById('detail-key').textContent"
    first = tab.evaluate(key)
    assert tab.evaluate("location.hash") == f"#sample={first}"
    command = tab.evaluate("document.querySelector('.command code').textContent")
    assert command == f"somtom explain {page.parent.parent} {first}"
    tab.press("ArrowRight")
    assert tab.evaluate(key) != first
    tab.press("ArrowLeft")
    assert tab.evaluate(key) == first
    tab.press("Escape")
    assert not tab.evaluate("document.getElementById('detail').open")
    assert tab.evaluate("document.activeElement.id") == "view"


def test_every_control_has_a_name(tab: Tab) -> None:
    tab.evaluate("document.querySelector('#item-0').click()")
    nameless = tab.evaluate(
        """[...document.querySelectorAll('button, input, select, [role=listbox], dialog, svg[role=img]')]
          .filter((one) => !(one.textContent.trim() || one.labels?.length || one.getAttribute('aria-label')
            || one.getAttribute('aria-labelledby'))).map((one) => one.outerHTML.slice(0, 80))"""
    )
    assert nameless == []


def test_traces_move_and_pause(tab: Tab) -> None:
    choose(tab, "task", "tom")
    tab.wait("document.querySelectorAll('#view .card').length > 3")
    before = drawn(tab)
    tab.wait(f"document.querySelector('#view canvas').toDataURL() !== {before!r}")
    tab.evaluate("document.getElementById('play').click()")
    still = drawn(tab)
    tab.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert drawn(tab) == still
    assert tab.evaluate("document.getElementById('play').textContent") == "Play traces"


def test_nothing_moves_for_who_wants_no_motion_until_asked(tab: Tab, page: Path) -> None:
    tab.media(prefers_reduced_motion="reduce")
    tab.open(page)
    choose(tab, "task", "tom")
    tab.wait("document.querySelectorAll('#view .card').length > 3")
    still = drawn(tab)
    tab.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert drawn(tab) == still
    tab.evaluate("document.getElementById('play').click()")
    tab.wait(f"document.querySelector('#view canvas').toDataURL() !== {still!r}")


def test_the_theme_is_the_system_s_or_the_one_chosen(tab: Tab) -> None:
    light = colour(tab, "body")
    tab.media(prefers_color_scheme="dark")
    dark = colour(tab, "body")
    assert dark != light
    tab.evaluate("theme.value = 'light', theme.dispatchEvent(new Event('change'))")
    assert colour(tab, "body") == light
    tab.evaluate("theme.value = '', theme.dispatchEvent(new Event('change'))")
    assert colour(tab, "body") == dark


def test_a_bar_of_a_chart_shows_its_samples(tab: Tab) -> None:
    tab.evaluate(
        """(() => {
          const bar = document.querySelector('[data-column=quality_visible_share]');
          bar.dispatchEvent(new MouseEvent('click', { bubbles: true }));
        })()"""
    )
    assert tab.evaluate("document.getElementById('score').value") == "quality_visible_share"
    assert not found(tab).startswith("5,000 of")


def test_a_link_opens_its_sample(tab: Tab, page: Path) -> None:
    tab.open(page, "#sample=ui-000431")
    assert tab.evaluate("document.getElementById('detail-key').textContent") == "ui-000431"


def test_a_narrow_window_needs_no_sideways_scrolling(tab: Tab) -> None:
    tab.resize(400, 800)
    tab.wait("innerWidth === 400")
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
    tab.evaluate("document.querySelector('#item-0').click()")
    assert tab.evaluate(
        "(() => { const d = document.getElementById('detail'); return d.scrollWidth <= d.clientWidth; })()"
    )
