"""What reports look like: the same report gives the same text, and nothing a model said is acted upon."""

from __future__ import annotations

import base64
import gzip
import html
import html.parser
import io
import json
import re
import urllib.parse
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from rich.console import Console

from evalkit import plugins, report
from evalkit.data import Column, Drilldown, Figure, Ledger, Report
from evalkit.renderers import _cells, _drawing, _packing, _source, _visible, markdown, terminal
from evalkit.renderers import html as page
from tests import comparisons

RENDERERS = plugins.names("renderers")
PAGES = ("html", "json", "markdown", "terminal")
"""Those that tell the whole report."""
BIDI = "\u202e\u2066"


@pytest.fixture(scope="module")
def outings() -> Report:
    return report.build(comparisons.outings(), comparisons.verdict())


@pytest.fixture(scope="module")
def hostile() -> Report:
    return report.build(comparisons.hostile(), comparisons.verdict())


@pytest.mark.parametrize("name", RENDERERS)
def test_the_same_report_gives_the_same_text(outings: Report, name: str) -> None:
    render = plugins.renderer(name).render
    assert render(outings) == render(report.build(comparisons.outings(), comparisons.verdict()))


@pytest.mark.parametrize("name", PAGES)
def test_the_verdict_stands_before_everything_else(outings: Report, name: str) -> None:
    text = plugins.renderer(name).render(outings).lower()
    assert text.index("regressed") < text.index("compliance drops by more than the margin")


@pytest.mark.parametrize("name", RENDERERS)
def test_no_character_that_acts_or_hides_reaches_a_sink(hostile: Report, name: str) -> None:
    text = plugins.renderer(name).render(hostile)
    text.encode("utf-8")
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u202a-\u202e\u2066-\u2069]", text)


@pytest.mark.parametrize("name", RENDERERS)
def test_a_megabyte_from_a_model_does_not_make_a_megabyte_of_report(hostile: Report, name: str) -> None:
    assert len(plugins.renderer(name).render(hostile)) < 250_000


@pytest.mark.parametrize("name", PAGES)
def test_every_outcome_can_be_shown(outings: Report, name: str) -> None:
    for outcome, word in (("pass", "improved"), ("inconclusive", "unreliable_baseline"), ("fail", "regressed")):
        verdict = replace(outings.verdict, outcome=outcome, word=word)
        assert plugins.renderer(name).render(replace(outings, verdict=verdict))
    verdict = replace(outings.verdict, outcome="inconclusive", word="not_comparable", comparable=False)
    assert "comparable" in plugins.renderer(name).render(replace(outings, verdict=verdict)).lower()


def test_renderers_are_chosen_by_suffix() -> None:
    suffixes = [plugins.renderer(name).SUFFIX for name in RENDERERS]
    assert len(set(suffixes)) == len(suffixes)
    assert [plugins.renderer(name).SUFFIX for name in PAGES] == [".html", ".json", ".md", ""]


# --------------------------------------------------------------------------- what cannot be seen


@given(st.text())
def test_what_can_be_seen_is_left_as_it_is(text: str) -> None:
    shown = _visible.plain(text)
    assert not _visible._HIDDEN.search(shown)
    assert re.sub("⟨U\\+([0-9A-F]{4,6})⟩", lambda m: chr(int(m[1], 16)), shown) == text or "⟨U+" in text


def test_what_cannot_be_seen_is_named() -> None:
    assert _visible.plain("a\u202eb\x00\ud800c\td\n") == "a⟨U+202E⟩b⟨U+0000⟩⟨U+D800⟩c\td\n"
    assert _visible.line("a\nb\r\tc") == "a b⟨U+000D⟩ c"


# --------------------------------------------------------------------------- cells and drawings


@pytest.mark.parametrize(
    ("kind", "value", "text", "interval"),
    [
        ("percent", {"value": 0.9, "low": 0.8, "high": 0.95}, "90.0 %", "[80.0, 95.0]"),
        ("points", {"value": -0.05, "low": -0.1, "high": 0.0}, "−5.0", "[−10.0, 0.0]"),
        ("percent", {"value": None, "low": None, "high": None}, "–", ""),
        ("seconds", "n too small", "n too small", ""),
        ("int", 1240, "1,240", ""),
        ("change", -3, "−3", ""),
        ("outcome", "fail", "✕ failed", ""),
        ("code", {"a": [1]}, '{"a": [1]}', ""),
        ("text", None, "–", ""),
    ],
)
def test_a_cell_is_shown_by_the_kind_of_its_column(kind: str, value: object, text: str, interval: str) -> None:
    assert _cells.show(Column(key="k", label="K", kind=kind), value) == (text, interval)  # type: ignore[arg-type]


def test_every_kind_of_number_can_be_shown() -> None:
    for kind in _cells.NUMERIC:
        assert _cells.show(Column(key="k", label="K", kind=kind), 0.5 if kind != "change" else 1).text  # type: ignore[arg-type]


share = st.floats(min_value=-1, max_value=1)


@given(st.lists(st.tuples(share, share, share, st.none() | st.floats(0, 1)), min_size=1, max_size=5))
def test_a_forest_keeps_within_its_frame_and_its_order(rows: list[tuple[float, float, float, float | None]]) -> None:
    data = [dict(zip(("low", "value", "high"), sorted(row[:3]), strict=True), label="x", margin=row[3]) for row in rows]
    drawn = _drawing.forest(Figure(kind="forest", title="", data={"rows": data}, alt=""))
    for row in drawn["rows"]:
        assert 0 <= row["low"] <= row["at"] <= row["high"] <= 100
    places = [tick["at"] for tick in drawn["ticks"]]
    assert places == sorted(places) and 3 <= len(places) <= 9 and drawn["zero"] in places[1:-1]
    assert len({tick["label"] for tick in drawn["ticks"]}) == len(places)


@given(st.lists(st.floats(min_value=1e-3, max_value=1e3), min_size=1, max_size=30))
def test_a_curve_keeps_within_its_frame(times: list[float]) -> None:
    ranked = sorted(times)
    points = [[time, (rank + 1) / len(ranked)] for rank, time in enumerate(ranked)]
    data = {"unit": "s", "series": [{"label": "x", "points": points}]}
    drawn = _drawing.ecdf(Figure(kind="ecdf", title="", data=data, alt=""))
    numbers = [float(number) for number in re.findall(r"-?\d+\.?\d*", drawn["series"][0]["path"])]
    assert all(0 <= number <= 1000 for number in numbers)
    assert all(0 <= tick["at"] <= 100.01 for tick in drawn["xticks"]) and drawn["xticks"]


# --------------------------------------------------------------------------- HTML


class Reader(html.parser.HTMLParser):
    """Collects what a browser would act upon."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.ids += [value or "" for name, value in attrs if name == "id"]


def read(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    reader.close()
    return reader


def test_the_page_tells_what_failed_before_and_what_a_client_library_sent(hostile: Report) -> None:
    text = page.render(hostile)
    assert "1 failed attempt before" in text and "after 500 ms, then waited 1.00 s" in text
    assert "As it was sent" in text and "backed off 1.00 s" in text


def test_hostile_text_makes_no_element_and_no_attribute(hostile: Report) -> None:
    reader = read(page.render(hostile))
    tags = [tag for tag, _ in reader.tags]
    assert [a.get("type") for tag, a in reader.tags if tag == "script"] == ["text/plain", "text/plain", None]
    assert tags.count("style") == 1 and "img" not in tags
    names = {name for _, attributes in reader.tags for name in attributes}
    assert not {name for name in names if name.startswith("on")} and "style" not in names and "src" not in names


def test_the_page_loads_nothing_and_links_only_within_itself(outings: Report) -> None:
    reader = read(page.render(outings))
    links = [attributes["href"] or "" for _, attributes in reader.tags if "href" in attributes]
    assert links and all(link.startswith("#") for link in links)
    assert not {tag for tag, _ in reader.tags} & {"link", "img", "iframe", "object", "embed", "base"}
    assert len(set(reader.ids)) == len(reader.ids)
    assert all(link[1:] in reader.ids for link in links if "?" not in link)


def test_a_link_to_some_of_the_cases_names_what_their_table_can_be_filtered_by(hostile: Report) -> None:
    (ledger,) = [block for section in hostile.sections for block in section.blocks if isinstance(block, Ledger)]
    columns = {"tool": ledger.tools, "tag": ledger.tags, "flaw": ledger.flaws, "kind": [(k,) for k in ledger.kinds]}
    known = {name: {_visible.plain(text) for texts in column for text in texts} for name, column in columns.items()}
    known["case"] = {*ledger.cases, "train-rome", "joke"}  # of the made-up verdict, as is the next tool
    known["tool"].add("find_train")
    links = [attributes["href"] or "" for _, attributes in read(page.render(hostile)).tags if "href" in attributes]
    filters = [urllib.parse.parse_qsl(link.partition("?")[2]) for link in links if link.startswith("#flips?")]
    assert len(filters) > 5
    assert [(name, value) for wish in filters for name, value in wish if value not in known[name]] == []


def test_the_policy_of_the_page_admits_its_own_script_and_style_alone(outings: Report) -> None:
    text = page.render(outings)
    policy = next(a["content"] or "" for tag, a in read(text).tags if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'") and "unsafe" not in policy
    script = text.rsplit("<script>", 1)[1].split("</script>")[0]
    assert page._hash(script) in policy


def packed(text: str, name: str) -> str:
    return text.split(f'<script type="text/plain" {name}>', 1)[1].split("<", 1)[0]


def unpacked(pack: str) -> Any:
    return json.loads(gzip.decompress(base64.b64decode(pack)))


def test_cases_beyond_the_first_are_packed_whole(monkeypatch: pytest.MonkeyPatch, outings: Report) -> None:
    everything = page.render(outings)
    monkeypatch.setattr(page, "PLAIN", 2)
    monkeypatch.setattr(_packing, "PACK", 3)
    text = page.render(outings)
    packs = [unpacked(pack) for pack in re.findall('<script type="text/plain" class="pack">([^<]*)</script>', text)]
    assert [len(bodies) for bodies in packs] == [3, 1]
    assert all(body.strip() in everything for bodies in packs for body in bodies)
    lines = unpacked(packed(text, 'id="ledger"'))
    assert (lines["plain"], lines["full"], lines["pack"]) == (2, 6, 3)


def test_what_no_page_can_hold_keeps_its_line(monkeypatch: pytest.MonkeyPatch, outings: Report) -> None:
    monkeypatch.setattr(page, "PLAIN", 1)
    monkeypatch.setattr(_packing, "PACK", 1)
    monkeypatch.setattr(_packing, "BUDGET", 4_000)
    text = page.render(outings)
    lines = unpacked(packed(text, 'id="ledger"'))
    assert len(lines["case"]) == 15
    assert lines["full"] == 1 + text.count('class="pack"') < 6


def test_every_case_has_a_line_in_the_page(outings: Report) -> None:
    lines = unpacked(packed(page.render(outings), 'id="ledger"'))
    kinds = [lines["kind"]["names"][code] for code in lines["kind"]["codes"]]
    assert dict(zip(lines["case"], kinds, strict=True)) == {change.case: change.kind for change in outings.changes}
    assert [lines["case"][place] for place in range(lines["full"])] == [
        block.case for section in outings.sections for block in section.blocks if isinstance(block, Drilldown)
    ]
    assert {len(column) for column in (lines["why"], lines["asked"], *lines["seconds"], *lines["tokens"])} == {15}


def test_a_report_of_the_recorded_size_stays_small() -> None:
    text = page.render(report.build(comparisons.large(), comparisons.verdict()))
    lines = unpacked(packed(text, 'id="ledger"'))
    assert (len(lines["case"]), lines["full"], lines["plain"]) == (1240, 310, page.PLAIN)
    assert len(text) < 700_000


def test_the_violated_keyword_of_a_schema_is_marked() -> None:
    made = report.build(comparisons.outings(), comparisons.verdict())
    blocks = [block for section in made.sections for block in section.blocks]
    case = next(block for block in blocks if isinstance(block, Drilldown) and block.case == "forecast-zurich")
    found = _source.declared(comparisons.WEATHER, "get_forecast", case)
    assert [segment.text for segment in found.segments if segment.codes] == ['"type": "integer"']
    assert found.codes == ["schema.stringified_scalar"]
    assert "".join(segment.text for segment in found.segments) == _source.pretty(comparisons.WEATHER)


@given(st.integers(0, 10_000))
def test_a_share_is_shown_whole_only_if_it_is(passed: int) -> None:
    data = {"groups": ["x"], "models": ["m"], "rows": [{"label": "t", "values": [[passed / 10_000]]}]}
    cell = _drawing.heat(Figure(kind="heat", title="", data=data, alt=""))["rows"][0]["cells"][0]
    assert (cell["text"] == "100") == (passed == 10_000)
    assert (cell["text"] == "0") == (passed == 0)
    assert re.fullmatch("h[0-9]", cell["shade"])


def test_a_payload_is_cut_at_its_marks_and_loses_nothing() -> None:
    call = {"text": "abcdef", "marks": [[1, 3, "x"], [2, 4, "y"], [6, 6, "z"]]}
    segments = _source.marked(call)
    assert "".join(segment.text for segment in segments) == "abcdef"
    assert [(segment.text, tuple(segment.codes)) for segment in segments] == [
        ("a", ()),
        ("b", ("x",)),
        ("c", ("x", "y")),
        ("d", ("y",)),
        ("ef", ()),
        ("", ("z",)),
    ]


@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=30),
        lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=9), inner, max_size=5),
    )
)
def test_pretty_json_is_the_same_json(value: object) -> None:
    assert json.loads(_source.pretty(value, 20)) == value


# --------------------------------------------------------------------------- terminal, Markdown, JSON


def test_the_terminal_report_fits_80_columns_and_needs_no_colour(outings: Report, hostile: Report) -> None:
    for shown in (outings, hostile):
        text = terminal.render(shown)
        assert max(map(len, text.splitlines())) <= 80
        assert "\x1b" not in text
    text = terminal.render(outings)
    for expected in ("REGRESSED", "✕ failed", "? open", "find_train", "forecast-zurich", "json.syntax"):
        assert expected in text


def test_on_a_terminal_there_is_colour_and_the_way_to_the_whole_report(outings: Report) -> None:
    out = io.StringIO()
    console = Console(file=out, width=120, force_terminal=True, color_system="standard")
    terminal.draw(outings, console, written=["reports/outings-1/report.html"])
    assert "\x1b[" in out.getvalue()
    assert "Report: reports/outings-1/report.html" in out.getvalue()


def test_markdown_has_every_table_whole(outings: Report) -> None:
    text = markdown.render(outings)
    lines = text.splitlines()
    rows = [line for line in lines if line.startswith("|")]
    assert rows and all(line.endswith("|") for line in rows)
    for block in re.split(r"\n\n", text):
        widths = {line.count("|") for line in block.splitlines() if line.startswith("|")}
        assert len(widths) <= 1


def test_hostile_text_is_only_text_in_markdown(hostile: Report) -> None:
    text = markdown.render(hostile)
    assert set(re.findall(r"<(/?\w+)", text)) <= {
        "code",
        "/code",
        "sub",
        "/sub",
        "details",
        "/details",
        "summary",
        "/summary",
    }
    assert "](" not in text and "::error" not in text and "`" not in text and "://" not in text
    assert not re.search(r"(?m)^::", text)


@given(st.text(alphabet="|<>`*_[]()#@:\\~!&-+1.w\n x", max_size=40))
def test_no_text_breaks_out_of_a_markdown_cell(text: str) -> None:
    safe = markdown.inline(text)
    assert not set(safe) & set("|<>`*_[]~@\n\\")
    assert html.unescape(safe) == _visible.line(text)


def test_json_is_versioned_and_whole(outings: Report) -> None:
    told = json.loads(plugins.renderer("json").render(outings))
    assert (told["format"], told["version"]) == ("evalkit.report", 1)
    assert told["verdict"]["word"] == "regressed"
    assert [section["id"] for section in told["sections"]] == [section.id for section in outings.sections]
    kinds = {block["block"] for section in told["sections"] for block in section["blocks"]}
    assert kinds == {"table", "figure", "prose", "drilldown", "ledger"}


def test_json_gives_back_what_the_model_said(hostile: Report) -> None:
    told = json.loads(plugins.renderer("json").render(hostile))
    flips = next(section for section in told["sections"] if section["id"] == "flips")
    evil = next(block for block in flips["blocks"] if block.get("case") == "evil")
    assert BIDI[0] in evil["sides"][1]["text"] and "\x00" in evil["sides"][1]["text"]
