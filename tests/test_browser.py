"""The HTML report in a real browser, used as a person would use it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

from evalkit import report
from evalkit.data import Comparison
from evalkit.renderers import html
from tests import comparisons

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"there is no {CHROMIUM}"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield running
        running.close()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Reports on disk by the name of their comparison, each made once."""
    folder = tmp_path_factory.mktemp("reports")
    makers: dict[str, Callable[[], Comparison]] = {
        "outings": comparisons.outings,
        "hostile": comparisons.hostile,
        "large": comparisons.large,
    }

    def file(name: str) -> Path:
        path = folder / f"{name}.html"
        if not path.exists():
            made = report.build(makers[name](), comparisons.verdict())
            path.write_text(html.render(made), encoding="utf-8")
        return path

    return file


@dataclass
class Opened:
    page: Page
    complaints: list[str] = field(default_factory=list)
    """What the console said, errors of scripts, and every request but that for the page itself."""


Open = Callable[..., Opened]


@pytest.fixture
def open_report(browser: Browser, files: Callable[[str], Path]) -> Iterator[Open]:
    pages: list[Page] = []

    def opened(
        name: str = "outings", anchor: str = "", *, width: int = 1280, dark: bool = False, scripts: bool = True
    ) -> Opened:
        page = browser.new_page(
            viewport={"width": width, "height": 800},
            color_scheme="dark" if dark else "light",
            java_script_enabled=scripts,
        )
        pages.append(page)
        found = Opened(page)
        address = files(name).as_uri()
        page.on("console", lambda message: found.complaints.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: found.complaints.append(f"error: {error}"))
        page.on("request", lambda r: None if r.url.startswith(address) else found.complaints.append(f"asked {r.url}"))
        page.goto(address + anchor)
        return found

    yield opened
    for page in pages:
        page.close()


def test_it_opens_without_a_word_on_the_console_and_without_a_request(open_report: Open) -> None:
    opened = open_report()
    expect(opened.page.locator(".verdict")).to_contain_text("Regressed")
    expect(opened.page.locator("output.count")).to_have_text("6 cases")
    for summary in opened.page.locator("details.case > summary").all():
        summary.click()
    opened.page.get_by_role("button", name="Dark").click()
    assert opened.complaints == []


@pytest.mark.parametrize(("dark", "width"), [(False, 1280), (True, 360)], ids=["light and wide", "dark and narrow"])
def test_axe_finds_nothing(open_report: Open, dark: bool, width: int) -> None:
    page = open_report(dark=dark, width=width).page
    for summary in page.locator("details.case > summary").all()[:3]:
        summary.click()
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


def test_a_filter_narrows_the_cases_and_a_link_shows_the_same(open_report: Open) -> None:
    page = open_report().page
    page.get_by_role("checkbox", name="broken").check()
    expect(page.locator("details.case:visible")).to_have_count(2)
    page.get_by_role("searchbox").fill("milan delimiter")
    expect(page.locator("output.count")).to_have_text("1 of 6 cases")
    expect(page.locator("details.case:visible .id")).to_have_text("train-rome")
    anchor = "#" + page.url.split("#")[1]
    again = open_report(anchor=anchor).page
    expect(again.locator("details.case:visible")).to_have_count(1)
    expect(again.get_by_role("checkbox", name="broken")).to_be_checked()
    page.get_by_role("searchbox").fill("no such words")
    expect(page.get_by_text("No case fits the filter.")).to_be_visible()


def test_cases_are_filtered_by_tool_and_by_tag(open_report: Open) -> None:
    page = open_report().page
    page.get_by_role("combobox", name="Tool").select_option("find_train")
    expect(page.locator("details.case:visible .id")).to_have_text(["train-rome", "train-paris"])
    page.get_by_role("combobox", name="Tool").select_option("")
    page.get_by_role("combobox", name="Tag").select_option("enum")
    expect(page.locator("details.case:visible .id")).to_have_text(["forecast-oslo"])


def test_a_case_is_reached_and_opened_by_keyboard_alone(open_report: Open) -> None:
    page = open_report().page
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    rome = page.locator("details.case[open]")
    expect(rome.locator(".id")).to_have_text("train-rome")
    expect(rome.locator("mark")).to_have_text('"')
    page.keyboard.press("/")
    page.keyboard.type("zürich")
    expect(page.locator("details.case:visible")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(page.locator("details.case:visible")).to_have_count(6)


def test_the_first_tab_offers_to_skip_to_the_verdict(open_report: Open) -> None:
    page = open_report().page
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the verdict")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


def test_a_link_opens_its_case(open_report: Open) -> None:
    page = open_report(anchor="#case-forecast-zurich").page
    expect(page.locator("details.case[open] .id")).to_have_text("forecast-zurich")
    expect(page.locator("#case-forecast-zurich mark")).to_have_text('"3"')
    page.wait_for_function("document.activeElement.closest('details')?.id === 'case-forecast-zurich'")


@pytest.mark.parametrize("name", ["outings", "hostile", "large"])
def test_nothing_sticks_out_of_a_phone(open_report: Open, name: str) -> None:
    page = open_report(name, width=320).page
    for summary in page.locator("details.case > summary").all()[:6]:
        summary.click()
    assert page.evaluate("document.documentElement.scrollWidth") == 320


def test_print_shows_what_broke_in_full_and_no_controls(open_report: Open) -> None:
    page = open_report().page
    page.emulate_media(media="print")
    expect(page.locator("form.filter")).to_be_hidden()
    expect(page.locator("#theme")).to_be_hidden()
    expect(page.locator("nav")).to_be_hidden()
    visible = "element => element.checkVisibility({ contentVisibilityAuto: true })"
    assert page.locator("#case-train-rome .payload").first.evaluate(visible)
    assert not page.locator("#case-joke .payload").first.evaluate(visible)
    assert page.pdf().startswith(b"%PDF")


def test_hostile_text_is_read_and_not_run(open_report: Open) -> None:
    opened = open_report("hostile", "#case-evil")
    page = opened.page
    for summary in page.locator("details.case > summary").all()[1:]:
        summary.click()
    expect(page.locator("#case-evil")).to_contain_text("<script>document.title='owned'</script>")
    expect(page.locator("#case-evil .payload").last.locator(".unseen").first).to_have_text("U+001B")
    page.wait_for_timeout(200)
    assert "owned" not in page.title().replace("document.title='owned'", "")
    assert page.locator("img").count() == 0
    assert opened.complaints == []


def test_without_scripts_verdict_tables_and_cases_can_still_be_read(open_report: Open) -> None:
    page = open_report(scripts=False).page
    expect(page.locator(".verdict")).to_contain_text("Regressed")
    for name in ("Checks", "Headline scores", "Tools, worst first"):
        expect(page.get_by_role("table", name=name)).to_be_visible()
    expect(page.locator("form.filter")).to_be_hidden()
    page.locator("#case-train-rome > summary").click()
    expect(page.locator("#case-train-rome .payload").last).to_be_visible()


def test_packed_cases_open_filter_and_are_linked_like_any_other(open_report: Open) -> None:
    page = open_report("large", "#case-case-1236").page
    expect(page.locator("details.case[open] .payload").last).to_contain_text('"Town 1236"')
    page.get_by_role("searchbox").fill('"town 1232"')
    expect(page.locator("output.count")).to_have_text("1 of 310 cases")
    expect(page.locator("details.case:visible .id")).to_have_text(["case-1232"])


def test_a_large_report_opens_and_filters_at_once(open_report: Open) -> None:
    page = open_report("large").page
    timing = page.evaluate("performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd")
    assert timing < 3000
    search = """async () => {
        const find = document.querySelector('[name=q]'), count = document.querySelector('output.count');
        const start = performance.now();
        find.value = 'three';
        find.dispatchEvent(new Event('input', { bubbles: true }));
        find.value = 'case-1232';
        find.dispatchEvent(new Event('input', { bubbles: true }));
        while (!count.textContent.startsWith('1 of') && performance.now() - start < 9000)
            await new Promise((done) => setTimeout(done, 5));
        return performance.now() - start;
    }"""
    assert page.evaluate(search) < 3000


def test_tables_are_sorted_by_their_headings(open_report: Open) -> None:
    page = open_report().page
    table = page.get_by_role("table", name="Headline scores")
    table.get_by_role("button", name="Difference").click()
    expect(table.locator("tbody tr").first).to_contain_text("−8.3")
    expect(table.get_by_role("columnheader", name="Difference")).to_have_attribute("aria-sort", "ascending")
    table.get_by_role("button", name="Difference").click()
    expect(table.locator("tbody tr").first).to_contain_text("+50.0")


def test_the_theme_follows_the_system_until_the_reader_says_otherwise(open_report: Open) -> None:
    page = open_report(dark=True).page
    ground = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(ground) == "rgb(17, 19, 21)"
    page.get_by_role("button", name="Light").click()
    assert page.evaluate(ground) == "rgb(247, 247, 245)"
    assert page.evaluate("localStorage.length") == 0
    assert re.search("Dark", page.locator("#theme").inner_text())
