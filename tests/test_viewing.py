"""`evalkit view`: a real server, asked by a real client and, once, by a browser."""

from __future__ import annotations

import asyncio
import contextlib
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from html import unescape
from pathlib import Path
from urllib.parse import urljoin

import aiohttp
import pytest
import pytest_asyncio
from msgspec.structs import replace

from evalkit import store, viewing
from evalkit.cli.app import main
from tests.test_cli import TOOL

HOSTILE = "<script>alert(1)</script>\\u202e\\e[31m</pre><img src=x onerror=alert(2)>"
SUITE = f"""
suite: small-but-with-a-name-that-is-far-wider-than-any-telephone-is-and-then-some
tools: [tools.json]
cases:
  - {{id: one, user: Go once., tags: [first], expect: {{call: go, args: {{n: 1}}}}}}
  - {{id: two, user: "{HOSTILE}", expect: {{call: go, args: {{n: 2}}}}}}
  - {{id: stay, user: Stay., expect: none}}
"""
UNLABELLED = """[...document.querySelectorAll("tbody td:not(.first, .state, [colspan])")]
    .filter(cell => !cell.dataset.label).map(cell => cell.outerHTML)"""
"""Cells of a card that do not say what they are."""
TOO_WIDE = """[...document.querySelectorAll("html, .table, .filters")]
    .filter(part => part.scrollWidth > part.clientWidth).map(part => part.className || part.tagName)"""
FAULTY = "reference/faulty?name=faulty&kind=schema.type&rate=1"


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs of one suite: of two models, of one, of three."""
    folder = tmp_path_factory.mktemp("view")
    (folder / "tools.json").write_text(TOOL, encoding="utf-8")
    (folder / "small.yaml").write_text(SUITE, encoding="utf-8")
    reports = folder / "reports"
    for name, models in {
        "before": ["reference/oracle?name=an-old-model-with-a-name-that-no-telephone-can-show-in-one-line", FAULTY],
        "after": ["reference/oracle?name=new"],
        "three": ["reference/oracle?name=gold", FAULTY, "reference/sampler?name=any"],
    }.items():
        asked = [part for model in models for part in ("-m", model)]
        suite = str(folder / "small.yaml")
        assert main(["run", suite, *asked, "--run", name, "--reports", str(reports), "-q"]) == 0
    return reports


@pytest_asyncio.fixture
async def address(reports: Path) -> AsyncIterator[str]:
    async with viewing.serve(reports) as address:
        yield address


@pytest_asyncio.fixture
async def get() -> AsyncIterator[Callable[..., object]]:
    async with aiohttp.ClientSession() as session:

        async def get(url: str, method: str = "GET", **headers: str) -> tuple[int, str, dict[str, str]]:
            async with session.request(method, url, headers=headers) as response:
                return response.status, await response.text(), dict(response.headers)

        yield get


Get = Callable[..., "asyncio.Future[tuple[int, str, dict[str, str]]]"]


def links(page: str, url: str) -> list[str]:
    return [urljoin(url, unescape(link)) for link in re.findall(r'href="([^"]+)"', page) if not link.startswith("#")]


async def test_every_link_leads_somewhere(address: str, get: Get) -> None:
    seen: set[str] = set()
    ahead = [address]
    while ahead:
        url = ahead.pop()
        seen.add(url)
        status, page, headers = await get(url)
        assert status == 200, url
        assert headers["Cache-Control"] == "no-store"
        ahead.extend(link for link in links(page, url) if link not in seen and link not in ahead)
    assert {url.removeprefix(address) for url in seen} >= {"", "trends", "run/before", "run/before/case?id=two"}


async def test_who_has_no_token_is_told_nothing(address: str, get: Get) -> None:
    base = address.rsplit("/", 2)[0]
    token = address.split("/")[3]
    for path in (
        "/",
        "/run/before",
        f"/{token[:-1]}/",
        f"/{token}x/",
        "/nowhere/at/all",
        "/%F0%9F%92%A9/",
        f"//{token}/",
    ):
        assert (await get(base + path))[0] == 403, path


async def test_another_host_name_is_refused(address: str, get: Get) -> None:
    assert (await get(address, Host="evil.example"))[0] == 403
    assert (await get(address, Host="127.0.0.1"))[0] == 403
    port = address.split(":")[2].split("/")[0]
    assert (await get(address, Host=f"localhost:{port}"))[0] == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_it_only_reads(address: str, get: Get, method: str) -> None:
    assert (await get(address, method))[0] == 405


async def test_hostile_text_stays_text(address: str, get: Get) -> None:
    _, page, headers = await get(f"{address}run/before/case?id=two")
    assert "<script" not in page
    assert "<img" not in page
    assert "U+202E" in page
    assert "\x1b" not in page
    assert headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'self';")
    _, page, _ = await get(f"{address}run/before?text=%22%3E%3Cscript%3E")
    assert "<script" not in page


async def test_a_filter_narrows_the_records(address: str, get: Get) -> None:
    _, page, _ = await get(f"{address}run/before?failed=valid&target=faulty")
    assert page.count('<span class="pill fail">fails at valid</span>') == 2
    assert "passes" not in page
    _, page, _ = await get(f"{address}run/before?text=once")
    assert page.count("case?id=one") == 2
    assert "case?id=stay" not in page


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("rung=valid", "there is no filter 'rung'"),
        ("failed=zzz", "no record has the failed 'zzz'"),
        ("failed=vaild", "did you mean 'valid'?"),
        ("target=nobody", "no record has the target 'nobody'"),
        ("code=schema.nothing&failed=valid", "no record has the code 'schema.nothing'"),
        ("fault=slow", "no record has the fault 'slow'"),
    ],
)
async def test_a_filter_that_no_record_could_meet_is_named(address: str, get: Get, query: str, said: str) -> None:
    status, page, _ = await get(f"{address}run/before?{query}")
    assert status == 404 and said in unescape(page)
    (style,) = re.findall(r'rel="stylesheet" href="([^"]+)"', page)
    assert (await get(urljoin(address, style)))[0] == 200


async def test_any_two_targets_of_any_two_runs_are_compared(address: str, get: Get) -> None:
    status, page, headers = await get(f"{address}compare?baseline=after%1Fnew&candidate=before%1Ffaulty")
    assert status == 200
    assert '<span class="model">new</span>' in page
    assert '<span class="model">faulty</span>' in page
    assert "Content-Security-Policy" in page
    status, page, _ = await get(f"{address}compare?baseline=after%1Fnew&candidate=after%1Fnew")
    assert status == 404
    assert "compared with itself" in page


async def test_of_a_run_of_many_models_the_report_has_all(address: str, get: Get) -> None:
    _, page, _ = await get(f"{address}compare?baseline=three%1Fgold&candidate=three%1Ffaulty")
    assert "one of <a" in page and 'id="models"' in page and "any" in page[page.index('id="models"') :]


async def test_a_case_is_told_as_the_report_tells_it(address: str, get: Get) -> None:
    status, page, _ = await get(f"{address}run/three/case?id=one")
    assert status == 200
    said = " ".join(unescape(re.sub("<[^>]+>", "", page)).split())
    assert "gold → faulty ✕ broken" in said
    assert "Argument by argument" in said and "/n 1 1 " in said and "≠ differs" in said
    assert re.search(r'Declared schema of <code>go</code> <span class="flaw">schema\.', page)
    assert '<mark title="schema.' in page
    assert re.search(r"passes · \d", said) and "Raw answer, status 200" in said
    assert said.count("As curl") == 2 and "curl" in said[said.index("As curl") + 8 :] and '"tools": [' in said
    ((other,),) = [re.findall(r'href="(case\?[^"]+)">against gold', page)]
    status, page, _ = await get(urljoin(f"{address}run/three/", unescape(other)))
    assert status == 200 and '<span class="role">Candidate</span> any' in page and ">faulty</th>" in page
    status, page, _ = await get(f"{address}run/three/case?id=one&candidate=anny")
    assert status == 404 and "did you mean" in page


async def test_a_case_of_one_model_is_told_alone(address: str, get: Get) -> None:
    _, page, _ = await get(f"{address}run/after/case?id=one")
    assert page.count('<div class="side">') == 1
    assert "Baseline" not in page and "Candidate" not in page and "✓ passes" in page
    assert re.findall(r'<th role="columnheader" scope="col">(\w+)', page) == ["Argument", "Wanted", "Sent"]


@pytest.fixture
def weeks(reports: Path, tmp_path: Path) -> Path:
    """Under one name a model that breaks types, later the gold, twice, and between them one asked only a part."""
    suite = str(reports.parent / "small.yaml")
    for week, (model, *part) in enumerate(
        (
            ("reference/faulty?name=ours&kind=schema.type&rate=1",),
            ("reference/sampler?name=ours", "--limit", "1"),
            ("reference/oracle?name=ours",),
            ("reference/oracle?name=ours",),
        )
    ):
        assert main(["run", suite, "-m", model, *part, "--run", f"week-{week}", "--reports", str(tmp_path), "-q"]) == 0
        with store.open_run(tmp_path / f"week-{week}") as run:
            run.describe(replace(run.info, created=f"2026-03-0{week + 1}T10:00:00+00:00"))
    return tmp_path


async def test_a_model_asked_again_has_a_course_and_what_stood_behind_its_name(weeks: Path, get: Get) -> None:
    async with viewing.serve(weeks) as address:
        _, page, _ = await get(f"{address}trends")
    figure = page[page.index('<figure class="dots">') : page.index("</figure>")]
    assert "ours (reference/oracle) from 100.0 % to 100.0 %" in figure and "33.3" not in figure  # another model
    assert re.findall(r'<div class="name">([^<]+)</div>', figure) == [
        "2026-03-01 week-0",
        "2026-03-03 week-2",
        "2026-03-04 week-3",
    ]
    first, latest = (float(at) for at in re.findall(r'<circle class="dot" cx="([\d.]+)%"', figure))
    (line,) = set(re.findall(r'<line class="reference" x1="([\d.]+)%"', figure))
    assert first == float(line) == latest
    behind = re.findall(r"<code>(reference/\w+)</code>", page)
    assert behind == ["reference/oracle", "reference/oracle", "reference/sampler", "reference/faulty"]


@pytest.fixture
def cut(reports: Path, tmp_path: Path) -> Path:
    """A run that lacks an answer."""
    model = "reference/oracle?name=ours"
    made = ["run", str(reports.parent / "small.yaml"), "-m", model, "--run", "cut", "--reports", str(tmp_path), "-q"]
    assert main(made) == 0
    with contextlib.closing(sqlite3.connect(tmp_path / "cut" / store.FILE)) as file, file:
        file.execute("DELETE FROM records WHERE case_id = 'two'")
    return tmp_path


async def test_a_run_that_was_stopped_says_of_how_many_answers_its_scores_are(
    cut: Path, get: Get, capfd: pytest.CaptureFixture[str]
) -> None:
    async with viewing.serve(cut) as address:
        pages = [(await get(address + path))[1] for path in ("", "trends")]
    assert ["incomplete: 2 of 3 answers" in page for page in pages] == [True, True]
    capfd.readouterr()
    assert main(["show", "cut", "--reports", str(cut)]) == 0
    assert "ours: incomplete: 2 of 3 answers" in capfd.readouterr().out


@pytest.mark.parametrize(
    "path",
    [
        "run/nowhere",
        "run/..%2F..%2Fetc",
        "run/before/case?id=nowhere",
        "run/before?after=-1",
        "compare",
        "compare?baseline=x",
    ],
)
async def test_what_is_not_there_is_said(address: str, get: Get, path: str) -> None:
    status, page, _ = await get(address + path)
    assert status == 404
    assert "Traceback" not in page


def test_the_command_prints_an_address_and_ends_on_an_interrupt(reports: Path) -> None:
    command = [sys.executable, "-m", "evalkit", "view", "before", "--reports", str(reports)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/[\w-]{32}/run/before\n", process.stdout.readline())
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=20)
        assert process.returncode == 0
        assert "Traceback" not in said


def test_a_port_that_is_taken_is_not_announced(reports: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert main(["view", "--port", port, "--reports", str(reports)]) == 2
        told = capfd.readouterr()
        assert "open this address" not in told.out + told.err and "holds no run" not in told.err
        assert main(["view", "--port", port, "--reports", str(reports / "nowhere")]) == 2
        assert "holds no run" in capfd.readouterr().err


# --------------------------------------------------------------------------- in a browser


@contextmanager
def in_a_thread(reports: Path) -> Iterator[str]:
    """The server in a loop of its own: the browser is driven synchronously."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    serving = viewing.serve(reports)
    try:
        yield asyncio.run_coroutine_threadsafe(serving.__aenter__(), loop).result()
        asyncio.run_coroutine_threadsafe(serving.__aexit__(None, None, None), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.mark.browser
@pytest.mark.skipif(not Path("/usr/bin/chromium").exists(), reason="there is no /usr/bin/chromium")
def test_a_person_finds_a_case_and_axe_finds_nothing(reports: Path) -> None:
    pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    from axe_playwright_python.sync_playwright import Axe
    from playwright.sync_api import expect, sync_playwright

    complaints: list[str] = []
    with in_a_thread(reports) as address, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 360, "height": 800}, color_scheme="dark")
        page.on("console", lambda message: complaints.append(message.text))
        page.on("dialog", lambda dialog: complaints.append(dialog.message))

        def sound() -> None:
            page.wait_for_load_state()
            assert page.evaluate(TOO_WIDE) == [], page.url
            assert page.evaluate(UNLABELLED) == [], page.url
            found = Axe().run(page)
            assert found.violations_count == 0, found.generate_report()

        page.goto(address)
        expect(page.locator("select").first).to_be_visible()
        sound()
        page.get_by_role("link", name="Trends").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Scores over time")
        sound()
        page.get_by_role("link", name="before").first.click()
        page.get_by_label("Fails at").select_option("valid")
        page.get_by_role("button", name="Show").click()
        expect(page.locator("tbody tr")).to_have_count(2)
        sound()
        page.get_by_role("link", name="two").click()
        expect(page.get_by_text("schema.type", exact=True).first).to_be_visible()
        sound()
        page.goto(address)
        page.get_by_label("May replace it").select_option(label="before: faulty")
        page.get_by_role("button", name="Compare").click()
        expect(page.locator(".verdict")).to_be_visible()
        browser.close()
    assert [said for said in complaints if "favicon" not in said] == []
