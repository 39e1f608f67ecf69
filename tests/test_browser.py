"""The HTML report in a real browser, used as a person would use it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec import Struct, field

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

from evalkit import report
from evalkit.data import Comparison, Verdict
from evalkit.renderers import html
from tests import comparisons
from tests.benchmarks import bench_report

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
    verdict = comparisons.verdict()
    makers: dict[str, Callable[[], tuple[Comparison, Verdict]]] = {
        "outings": lambda: (comparisons.outings(), verdict),
        "hostile": lambda: (comparisons.hostile(), verdict),
        "large": lambda: (comparisons.large(), verdict),
        "asked_twice": lambda: (comparisons.asked_twice(), verdict),
        "thousands": lambda: (bench_report.simulated(4_000), verdict),
        "rivalry": comparisons.rivalry,
        "unheard": comparisons.unheard,
    }

    def file(name: str) -> Path:
        path = folder / f"{name}.html"
        if not path.exists():
            made = report.build(*makers[name]())
            path.write_text(html.render(made), encoding="utf-8")
        return path

    return file


class Opened(Struct):
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
        if scripts:
            page.wait_for_selector("html[data-ready]", state="attached")
        return found

    yield opened
    for page in pages:
        page.close()


WHOLE = "document.querySelectorAll('.more-of, .all').forEach((button) => button.click())"
"""Shows what a phone keeps back."""
LINES = ".lines .line"
IDS = ".lines .line .id"
OPENED = ".opened:not([hidden])"


def test_it_opens_without_a_word_on_the_console_and_without_a_request(open_report: Open) -> None:
    opened = open_report()
    expect(opened.page.locator(".verdict")).to_contain_text("Regressed")
    expect(opened.page.locator("output.count")).to_have_text("15 cases")
    for line in opened.page.locator(LINES).all()[:7]:
        line.click()
        expect(opened.page.locator(OPENED)).to_contain_text(line.locator(".id").inner_text())
    opened.page.get_by_role("button", name="Dark").click()
    assert opened.complaints == []


@pytest.mark.parametrize(
    ("name", "dark", "width"),
    [("outings", False, 1280), ("asked_twice", True, 360), ("hostile", False, 320), ("rivalry", True, 1280)],
)
def test_axe_finds_nothing(open_report: Open, name: str, dark: bool, width: int) -> None:
    page = open_report(name, dark=dark, width=width).page
    page.evaluate(WHOLE)
    page.locator(LINES).first.click()
    page.locator(f"{OPENED} details").evaluate_all("all => all.forEach((one) => { one.open = true; })")
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


def test_a_filter_narrows_the_cases_and_a_link_shows_the_same(open_report: Open) -> None:
    page = open_report().page
    page.get_by_role("checkbox", name="broken").check()
    expect(page.locator(LINES)).to_have_count(2)
    page.get_by_role("searchbox").fill("milan delimiter")
    expect(page.locator("output.count")).to_have_text("1 of 15 cases")
    expect(page.locator(IDS)).to_have_text("train-rome")
    page.locator(LINES).click()
    anchor = "#" + page.url.split("#")[1]
    again = open_report(anchor=anchor).page
    expect(again.locator(LINES)).to_have_count(1)
    expect(again.get_by_role("checkbox", name="broken")).to_be_checked()
    expect(again.locator(OPENED)).to_contain_text("train-rome")
    page.get_by_role("searchbox").fill("no such words")
    expect(page.get_by_text("No case fits the filter.")).to_be_visible()


def test_cases_are_filtered_by_tool_tag_flaw_and_by_what_was_called(open_report: Open) -> None:
    page = open_report().page
    page.get_by_role("combobox", name="Tool").select_option("find_train")
    expect(page.locator(IDS)).to_have_text(["train-rome", "train-paris"])
    page.get_by_role("combobox", name="Tool").select_option("")
    page.get_by_role("combobox", name="Tag").select_option("enum")
    expect(page.locator(IDS)).to_have_text(["forecast-oslo"])
    page.get_by_role("combobox", name="Tag").select_option("")
    page.get_by_role("combobox", name="Flaw").select_option("json.syntax")
    expect(page.locator(IDS)).to_have_text(["train-rome"])
    page.get_by_role("combobox", name="Flaw").select_option("")
    page.get_by_role("checkbox", name="other calls").check()
    expect(page.locator(IDS)).to_have_text(["forecast-zurich", "train-rome", "forecast-oslo", "joke"])


def test_a_row_leads_to_the_cases_it_speaks_of(open_report: Open) -> None:
    page = open_report().page
    page.get_by_role("table", name="Violations by code").get_by_role("link", name="json.syntax").click()
    expect(page.locator(IDS)).to_have_text(["train-rome"])
    expect(page.get_by_role("combobox", name="Flaw")).to_have_value("json.syntax")
    page.get_by_role("table", name="Tools, worst first").get_by_role("link", name="find_train").click()
    expect(page.locator(IDS)).to_have_text(["train-rome", "train-paris"])
    expect(page.get_by_role("combobox", name="Flaw")).to_have_value("")
    page.locator("#overview").get_by_role("link", name="fixed").click()
    expect(page.locator(IDS)).to_have_text(["forecast-oslo", "joke"])


def test_a_case_is_reached_and_opened_by_keyboard_alone(open_report: Open) -> None:
    page = open_report().page
    for key in ("j", "j", "j", "k"):
        page.keyboard.press(key)
    expect(page.locator(f"{OPENED} h3")).to_contain_text("train-rome")
    expect(page.locator(f"{OPENED} .payload mark")).to_have_text('"')
    page.keyboard.press("Escape")
    expect(page.locator(OPENED)).to_have_count(0)
    page.wait_for_function("document.activeElement.textContent === 'train-rome'")
    page.keyboard.press("Enter")
    expect(page.locator(f"{OPENED} h3")).to_be_focused()
    page.keyboard.press("/")
    page.keyboard.type("zürich")
    expect(page.locator(LINES)).to_have_count(1)
    page.keyboard.press("Escape")
    expect(page.locator(LINES)).to_have_count(15)


def test_the_first_tab_offers_to_skip_to_the_verdict(open_report: Open) -> None:
    page = open_report().page
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the verdict")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


def test_a_link_opens_its_case(open_report: Open) -> None:
    page = open_report(anchor="#case-forecast-zurich").page
    expect(page.locator(f"{OPENED} h3")).to_contain_text("forecast-zurich")
    expect(page.locator(f"{OPENED} .payload mark")).to_have_text('"3"')
    expect(page.locator(f"{OPENED} h3")).to_be_focused()
    assert 0 <= page.locator(OPENED).evaluate("panel => panel.getBoundingClientRect().top") < 400


def test_a_case_that_passes_says_where_its_answers_are(open_report: Open) -> None:
    page = open_report(anchor="#case-steady-3").page
    expect(page.locator(OPENED)).to_contain_text("Weather in town 3")
    expect(page.locator(OPENED)).to_contain_text("evalkit show outings-1 steady-3")


def test_both_sides_stand_argument_by_argument(open_report: Open) -> None:
    page = open_report(anchor="#case-forecast-zurich").page
    rows = page.locator(f"{OPENED} .arguments tbody tr")
    expect(rows).to_have_text([re.compile(r"/city[\s\S]*= same"), re.compile(r"/days[\s\S]*≠ differs")])


def test_every_trial_the_schema_and_what_came_over_the_wire_are_a_click_away(open_report: Open) -> None:
    page = open_report("asked_twice", "#case-sky-0").page
    opened = page.locator(OPENED)
    opened.locator("summary", has_text="Trial 1 of 2").first.click()
    expect(opened.locator("details[open] .payload").first).to_be_visible()
    opened.locator(".side > details > summary", has_text="Raw answer, status 200").last.click()
    expect(opened.locator(".side > details > pre", has_text="{}").last).to_be_visible()
    zurich = open_report(anchor="#case-forecast-zurich").page.locator(OPENED)
    zurich.locator("summary", has_text="Declared schema").click()
    expect(zurich.locator(".schema mark")).to_have_text('"type": "integer"')


def test_a_case_is_copied_as_a_command_without_its_key(open_report: Open) -> None:
    page = open_report(anchor="#case-forecast-zurich").page
    page.locator(OPENED).get_by_role("button", name="Copy as curl").last.click()
    command = page.locator(f"{OPENED} .command")
    expect(command).to_contain_text("curl -sS https://api.openai.com/v1/chat/completions")
    expect(command).to_contain_text('"Authorization: Bearer $OPENAI_API_KEY"')
    body = json.loads(command.inner_text().partition("-d '")[2].rstrip("'"))
    assert body["model"] == "gpt-new-2025" and len(body["tools"]) == 2


@pytest.mark.parametrize("name", ["outings", "hostile", "asked_twice", "rivalry"])
def test_nothing_sticks_out_of_a_phone(open_report: Open, name: str) -> None:
    page = open_report(name, width=320).page
    page.evaluate(WHOLE)
    for line in page.locator(LINES).all()[:3]:
        line.click()
        page.locator(f"{OPENED} details").evaluate_all("all => all.forEach((one) => { one.open = true; })")
        assert page.evaluate("document.documentElement.scrollWidth") == 320


def test_a_phone_shows_findings_and_the_rest_on_request(open_report: Open) -> None:
    page = open_report(width=320).page
    tools = page.locator("#tools")
    expect(tools.locator(".lead")).to_be_visible()
    expect(tools.locator(".table")).to_be_hidden()
    tools.get_by_role("button", name="Show details").click()
    expect(tools.locator(".table")).to_be_visible()
    expect(tools.get_by_role("button", name="Show details")).to_have_count(0)
    expect(page.locator("#violations .table").first).to_be_hidden()
    page.get_by_role("link", name="What went wrong").click()
    expect(page.locator("#violations .table").first).to_be_visible()
    expect(open_report(anchor="#latency", width=320).page.locator("#latency .table")).to_be_visible()
    expect(open_report(width=800).page.locator("#tools .table")).to_be_visible()


def test_paper_has_all_rows_of_a_table_whose_rest_is_kept_back(open_report: Open) -> None:
    page = open_report("rivalry", width=320).page
    rows = page.locator("#reproducibility .table").first.locator("tbody tr")
    page.get_by_role("link", name="How to reproduce this").click()
    shown = "rows => rows.filter((row) => row.checkVisibility()).length"
    assert rows.evaluate_all(shown) == 4 < rows.count()
    page.emulate_media(media="print")
    assert rows.evaluate_all(shown) == rows.count()


def test_print_shows_what_broke_in_full_and_no_controls(open_report: Open) -> None:
    page = open_report().page
    page.emulate_media(media="print")
    for gone in (".explorer", "#theme", "nav"):
        expect(page.locator(gone)).to_be_hidden()
    visible = "element => element.checkVisibility({ contentVisibilityAuto: true })"
    assert page.locator("#case-train-rome .payload").first.evaluate(visible)
    assert not page.locator("#case-joke .payload").first.evaluate(visible)
    assert page.pdf().startswith(b"%PDF")


def test_hostile_text_is_read_and_not_run(open_report: Open) -> None:
    opened = open_report("hostile", "#case-evil")
    page = opened.page
    expect(page.locator(OPENED)).to_contain_text("<script>document.title='owned'</script>")
    expect(page.locator(f"{OPENED} .payload").last.locator(".unseen").first).to_have_text("U+001B")
    page.locator(OPENED).get_by_role("button", name="Copy as curl").last.click()
    expect(page.locator(f"{OPENED} .command")).to_contain_text("</script>")
    for line in page.locator(LINES).all()[1:]:
        line.click()
    page.wait_for_timeout(200)
    assert "owned" not in page.title().replace("document.title='owned'", "")
    assert page.locator("img").count() == 0
    assert opened.complaints == []


def test_without_scripts_verdict_tables_and_cases_can_still_be_read(open_report: Open) -> None:
    page = open_report(scripts=False).page
    expect(page.locator(".verdict")).to_contain_text("Regressed")
    for name in ("Checks", "Headline scores", "Tools, worst first"):
        expect(page.get_by_role("table", name=name)).to_be_visible()
    expect(page.locator(".explorer")).to_be_hidden()
    page.locator("#case-train-rome > summary").click()
    expect(page.locator("#case-train-rome .payload").last).to_be_visible()


def test_packed_cases_open_filter_and_are_linked_like_any_other(open_report: Open) -> None:
    page = open_report("large", "#case-case-1236").page
    expect(page.locator(f"{OPENED} .payload").last).to_contain_text('"Town 1236"')
    page.get_by_role("searchbox").fill('"town 1232"')
    expect(page.locator("output.count")).to_have_text("1 of 1,240 cases")
    expect(page.locator(IDS)).to_have_text(["case-1232"])


def test_of_thousands_of_cases_those_in_sight_are_drawn_at_once(open_report: Open) -> None:
    page = open_report("thousands").page
    assert page.locator(LINES).count() < 60
    page.get_by_role("searchbox").fill("town 1234")
    expect(page.locator("output.count")).to_have_text("1 of 2,000 cases")
    page.get_by_role("searchbox").fill("")
    box = page.get_by_role("table", name="Cases", exact=True)
    box.evaluate("box => { box.scrollTop = box.scrollHeight; }")
    expect(page.locator(".lines .line[aria-rowindex='2001']")).to_be_visible()
    assert page.locator(LINES).count() < 60


def test_cases_are_sorted_by_what_either_model_took(open_report: Open) -> None:
    page = open_report().page
    page.get_by_role("button", name="Candidate took").click()
    expect(page.locator(IDS).first).to_have_text("forecast-zurich")
    page.get_by_role("button", name="Candidate took").click()
    expect(page.get_by_role("columnheader", name="Candidate took")).to_have_attribute("aria-sort", "descending")
    assert "sort=-candidate" in page.url
    page.get_by_role("button", name="Candidate took").click()
    expect(page.locator(IDS).first).to_have_text("forecast-zurich")


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


def test_the_lines_of_a_drawing_stand_alike_in_rows_with_and_without_an_answer(open_report: Open) -> None:
    page = open_report("unheard").page
    rows = page.locator(".panel").first.locator("svg:not(.axis)")
    stood = rows.evaluate_all(
        "rows => rows.map(row => [...row.querySelectorAll('.grid')].map(line => line.getBoundingClientRect().x))"
    )
    assert len(stood) == 3 and stood[0] and stood[0] == stood[1] == stood[2]
    tops = rows.evaluate_all("rows => rows.map(row => row.getBoundingClientRect().height)")
    assert tops == [26, 26, 26]


def test_a_reason_has_two_lines_and_no_heading_is_cut(open_report: Open) -> None:
    page = open_report("large").page
    page.locator(".rows").first.scroll_into_view_if_needed()
    cut = "spans => spans.filter(span => span.scrollWidth > span.clientWidth + 1).map(span => span.textContent)"
    assert page.locator(".heads span").evaluate_all(cut) == []
    why = page.locator(".lines .why").first
    assert why.evaluate("span => span.scrollHeight <= span.clientHeight + 1 && getComputedStyle(span).whiteSpace") in (
        "normal",
        "collapse",
    )
