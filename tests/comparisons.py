"""Small comparisons with known contents, for the tests of sections and renderers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date

from msgspec.structs import replace

from evalkit import compare, rivals, values
from evalkit.data import (
    Answer,
    ArgRule,
    Attempt,
    Case,
    Check,
    Comparison,
    Counts,
    Expectation,
    ExpectedCall,
    Fault,
    Json,
    Judging,
    Mismatch,
    Payload,
    Policy,
    Posted,
    Quarantine,
    Readiness,
    Record,
    Response,
    Rule,
    Run,
    RunInfo,
    Score,
    Suite,
    Target,
    Timing,
    ToolSpec,
    Usage,
    Verdict,
    Violation,
    Wire,
)
from evalkit.pairing import likeness

WEATHER: Json = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "description": "Name of the city, without its country."},
        "days": {"type": "integer", "minimum": 1, "maximum": 14},
        "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
    },
    "required": ["city"],
    "additionalProperties": False,
}
TRAIN: Json = {
    "type": "object",
    "properties": {"from": {"type": "string"}, "to": {"type": "string"}, "on": {"type": "string", "format": "date"}},
    "required": ["from", "to"],
}
OLD = Target(name="gpt-old", provider="openai_http", model="gpt-old-2024", params={"temperature": 0})
NEW = Target(name="gpt-new", provider="openai_http", model="gpt-new-2025", params={"temperature": 0})
DAY = "2026-03-01T09:00:00Z"


def case(name: str, user: str, *wanted: tuple[str, Mapping[str, Json]], tags: tuple[str, ...] = ()) -> Case:
    """A case that wants these calls; none of them: that nothing is called."""
    calls = tuple(
        ExpectedCall(tool=tool, args=tuple(ArgRule(path=f"/{key}", value=value) for key, value in args.items()))
        for tool, args in wanted
    )
    return Case(
        id=name,
        messages=({"role": "user", "content": user},),
        tools=("get_forecast", "find_train"),
        accept=(Expectation(calls=calls),),
        tags=tags,
    )


def right(case: Case) -> Record:
    """The answer the case wants."""
    calls = case.accept[0].calls
    made = [(call.tool, json.dumps({rule.path[1:]: rule.value for rule in call.args})) for call in calls]
    return answer(case, made)


def answer(
    case: Case,
    made: Sequence[tuple[str, str]] = (),
    *,
    text: str = "",
    violations: Sequence[Violation] = (),
    mismatches: Sequence[Mismatch] = (),
    seconds: float = 1.0,
    trial: int = 0,
    **rungs: bool,
) -> Record:
    """An answer whose score is as told: what is not said to be False holds where it applies."""
    payloads = tuple(
        Payload(
            index=i,
            tool=tool,
            text=body,
            value=values.read(body).value,
            error=next((v.code for v in violations if v.code[:5] == "json."), None),
        )
        for i, (tool, body) in enumerate(made)
    )
    ladder: dict[str, bool | None] = {}
    holds = True
    for rung in ("called", "tool", "parsed", "valid", "correct"):
        holds = holds and rungs.get(rung, True)
        ladder[rung] = None if case.wants_nothing and rung != "correct" else holds
    return Record(
        case=case.id,
        trial=trial,
        target="",
        started=DAY,
        sent="",
        reply=Response(wire=Wire(status=200, body="{}"), dialect="openai_chat", timing=Timing(total=seconds)),
        answer=Answer(
            payloads=payloads,
            text=text,
            finish="tool_calls",
            usage=Usage(input_tokens=120, output_tokens=len(made) * 20),
        ),
        score=Score(
            called=ladder["called"],
            tool=ladder["tool"],
            parsed=ladder["parsed"],
            valid=ladder["valid"],
            correct=ladder["correct"],
            abstained=not made if case.wants_nothing else None,
            valid_lenient=ladder["valid"],
            valid_repaired=ladder["parsed"],
            calls=Counts(matched=len(made), expected=len(case.accept[0].calls), actual=len(made)),
            arguments=Counts(),
            violations=tuple(violations),
            mismatches=tuple(mismatches),
        ),
    )


def costing(record: Record, cost: float | None) -> Record:
    """The answer, at this price; None: at one that is not known."""
    assert record.answer is not None
    return replace(record, answer=replace(record.answer, usage=replace(record.answer.usage, cost=cost)))


def fault(case: Case, message: str = "the endpoint answered 503") -> Record:
    return Record(
        case=case.id,
        trial=0,
        target="",
        started=DAY,
        sent="",
        reply=Fault(kind="server", message=message, status=503, retryable=True, seconds=2.0),
        attempts=(Attempt(fault=Fault(kind="rate_limit", message="429: slow down", status=429), wait=1.5),),
    )


def compared(
    cases: Sequence[Case], old: Sequence[Record], new: Sequence[Record], baseline: Target = OLD, candidate: Target = NEW
) -> Comparison:
    """Both models in one run over `cases`."""
    run = asked(cases, [(baseline, old), (candidate, new)])
    return compare.compare(run, baseline.identity, run, candidate.identity)


def asked(cases: Sequence[Case], answers: Sequence[tuple[Target, Sequence[Record]]]) -> Run:
    """Several models over `cases`, each with its answers."""
    suite = Suite(
        name="outings",
        specs={
            "get_forecast": ToolSpec(name="get_forecast", description="", schema=WEATHER, source="outings.json#/0"),
            "find_train": ToolSpec(name="find_train", description="", schema=TRAIN, source="outings.json#/1"),
        },
        cases=tuple(cases),
        digest="0123456789abcdef",
    )
    info = RunInfo(
        id="outings-1",
        created=DAY,
        suite_name=suite.name,
        suite_digest=suite.digest,
        cases=len(cases),
        targets=tuple(target for target, _ in answers),
        trials=1,
        judging=Judging(),
        versions={"evalkit": "0.1", "python": "3.11"},
        guards={"drop_params": False, likeness.EACH: 8},
    )
    records = (
        _of(record, target, place * (0.13 - 0.02 * number))
        for number, (target, side) in enumerate(answers)
        for place, record in enumerate(side)
    )
    return Run(info=info, suite=suite, records=tuple(records))


def _of(record: Record, target: Target, later: float) -> Record:
    reply = record.reply
    if isinstance(reply, Response) and reply.timing.total is not None:
        reply = replace(reply, timing=replace(reply.timing, total=reply.timing.total + later % 1.7))
    return replace(record, target=target.identity, reply=reply)


def verdict(outcome: str = "fail") -> Verdict:
    """A verdict with a check of each outcome."""
    checks = (
        Check(
            rule=Rule(kind="max_drop", limit=0.02, score="compliance"),
            outcome="fail",
            required="drop of at most 2.0 points",
            measured="−13.3 points, at worst −24.1",
            sentence="Compliance drops by more than the margin.",
        ),
        Check(
            rule=Rule(kind="floor", limit=0.5, score="correct"),
            outcome="pass",
            required="at least 50.0 %",
            measured="73.3 %",
            sentence="Correct answers stay above the floor.",
        ),
        Check(
            rule=Rule(kind="latency_ratio", limit=1.5),
            outcome="inconclusive",
            required="at most 1.5×",
            measured="1.02× [0.61, 1.7]",
            sentence="Latency may or may not have grown by that much.",
            settle="about 40 more timed cases",
        ),
    )
    if outcome == "pass":
        return Verdict(outcome="pass", word="not_worse", headline="Nothing got worse.", checks=checks[1:2])
    flaky = Quarantine(case="train-rome", until="2026-12-31", owner="ada", why="the gold is disputed")
    return Verdict(
        readiness=(
            Readiness(tool="find_train", word="blocked", why="5 of 8 cases broke", cases=8),
            Readiness(tool="get_forecast", word="safe", why="0.0 points over 40 cases", cases=40),
        ),
        quarantined=(flaky,),
        expired=(replace(flaky, case="joke", until="2026-01-31"),),
        outcome="fail",
        word="regressed",
        headline="gpt-new breaks the schema more often than gpt-old: compliance falls by 13.3 points.",
        checks=checks,
    )


ZURICH = case("forecast-zurich", "Weather in Zürich, three days", ("get_forecast", {"city": "Zürich", "days": 3}))
OSLO = case(
    "forecast-oslo", "Oslo in Celsius please", ("get_forecast", {"city": "Oslo", "unit": "celsius"}), tags=("enum",)
)
BERN = case("forecast-bern", "And Bern?", ("get_forecast", {"city": "Bern"}))
ROME = case("train-rome", "A train from Milan to Rome", ("find_train", {"from": "Milan", "to": "Rome"}))
PARIS = case(
    "train-paris", "Lyon to Paris on 2 May", ("find_train", {"from": "Lyon", "to": "Paris", "on": "2026-05-02"})
)
JOKE = case("joke", "Tell me a joke", tags=("irrelevance",))
THANKS = case("thanks", "Thank you!", tags=("irrelevance",))
DOWN = case("down", "Weather in Basel", ("get_forecast", {"city": "Basel"}))
STEADY = [
    case(f"steady-{n}", f"Weather in town {n}", ("get_forecast", {"city": f"Town {n}"}), tags=("plain",))
    for n in range(8)
]

BROKEN_TYPE = Violation(
    payload=0,
    code="schema.stringified_scalar",
    path="/days",
    schema_path="/properties/days/type",
    message="'3' is a string that holds an integer",
    excerpt='"3"',
)
BROKEN_JSON = Violation(payload=0, code="json.syntax", message="Expecting ',' delimiter", excerpt='"to"')


def outings() -> Comparison:
    """15 cases: two broken, one fixed by abstaining, one fixed, one that fails on both sides, one without an answer."""
    cases = (ZURICH, OSLO, BERN, ROME, PARIS, JOKE, THANKS, DOWN, *STEADY[:7])
    wrong_date = Mismatch(
        kind="arg",
        tool="find_train",
        payload=0,
        path="/on",
        expected="2026-05-02",
        actual="2026-02-05",
        why="another day",
    )
    same_date = [("find_train", '{"from": "Lyon", "to": "Paris", "on": "2026-02-05"}')]
    extra = Mismatch(kind="extra_call", tool="get_forecast", payload=0)
    small = Violation(
        payload=0,
        code="schema.enum_case",
        path="/unit",
        schema_path="/properties/unit/enum",
        message="'Celsius' is not one of 'celsius', 'fahrenheit'",
        excerpt='"Celsius"',
    )
    old = {
        OSLO.id: answer(
            OSLO, [("get_forecast", '{"city": "Oslo", "unit": "Celsius"}')], violations=[small], valid=False
        ),
        PARIS.id: answer(PARIS, same_date, mismatches=[wrong_date], correct=False),
        JOKE.id: answer(JOKE, [("get_forecast", '{"city": "Joke"}')], mismatches=[extra], correct=False),
    }
    new = {
        ZURICH.id: answer(
            ZURICH, [("get_forecast", '{"city": "Zürich", "days": "3"}')], violations=[BROKEN_TYPE], valid=False
        ),
        ROME.id: answer(
            ROME, [("find_train", '{"from": "Milan" "to": "Rome"}')], violations=[BROKEN_JSON], parsed=False
        ),
        PARIS.id: answer(PARIS, same_date, mismatches=[wrong_date], correct=False),
        DOWN.id: fault(DOWN),
    }
    return compared(cases, [old.get(c.id) or right(c) for c in cases], [new.get(c.id) or right(c) for c in cases])


STRICT = replace(NEW, arm="strict")
WORSE = replace(NEW, name="gpt-worse", model="gpt-worse-2025")
SKIES = tuple(case(f"sky-{n}", f"Weather in town {n}", ("get_forecast", {"city": f"Town {n}"})) for n in range(120))
TRIPS = tuple(
    case(f"rail-{n}", f"To town {n}", ("find_train", {"from": "Milan", "to": f"Town {n}"})) for n in range(60)
)


def several() -> Run:
    """180 cases, and of them the old model loses 12, the new one 2, and 1 on its arm strict; the worse one 60."""
    cases = (*SKIES, *TRIPS)

    def losing(lost: int) -> list[Record]:
        typed = '{"city": "Town", "days": "3"}'
        return [
            answer(c, [("get_forecast", typed)], violations=[BROKEN_TYPE], valid=False) if n < lost else right(c)
            for n, c in enumerate(cases)
        ]

    return asked(cases, [(OLD, losing(12)), (WORSE, losing(60)), (NEW, losing(2)), (STRICT, losing(1))])


def rivalry() -> tuple[Comparison, Verdict]:
    """`several`, with the new model in focus, under a policy that allows correct to fall by 5 points."""
    return decided(several(), "gpt-old", "gpt-new")


def unheard() -> tuple[Comparison, Verdict]:
    """Of two candidates one gave no answer at all."""
    sound = [right(c) for c in SKIES]
    worse = [right(c) if n % 3 else answer(c, text="No.", called=False) for n, c in enumerate(SKIES)]
    run = asked(SKIES, [(OLD, sound), (NEW, worse), (WORSE, [fault(c) for c in SKIES])])
    return decided(run, "gpt-old", "gpt-new")


LENIENT = Policy(rules=(Rule(kind="max_drop", score="correct", limit=0.05),))


def decided(run: Run, baseline: str, candidate: str, policy: Policy = LENIENT) -> tuple[Comparison, Verdict]:
    """With all other models of the run as rivals."""
    others = rivals.others(run, baseline, run, candidate)
    return rivals.decided(rivals.within(run, baseline, run), candidate, others, policy, date(2026, 3, 2))


def asked_twice() -> Comparison:
    """24 cases of either tool, two trials each: the baseline flips once, the candidate loses every second train."""
    towns = [case(f"sky-{n}", f"Weather in town {n}", ("get_forecast", {"city": f"Town {n}"})) for n in range(24)]
    trains = [
        case(f"rail-{n}", f"To town {n}", ("find_train", {"from": "Milan", "to": f"Town {n}"})) for n in range(24)
    ]
    cases = (*towns, *trains)
    lost = [answer(c, text="Sorry.", called=False) if n % 2 else right(c) for n, c in enumerate(trains)]
    first, second = [right(c) for c in cases], [replace(right(c), trial=1) for c in cases]
    flipped = [replace(answer(towns[0], text="No.", called=False), trial=1), *second[1:]]
    new = [*first[:24], *lost]
    return compared(cases, [*first, *flipped], [*new, *(replace(record, trial=1) for record in new)])


def hostile() -> Comparison:
    """Every text a model or a suite can smuggle something into does: scripts, terminal codes, bidi marks, NUL, bulk."""
    evil = (
        "</script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
        "\x1b[31mred\x1b]8;;http://evil.example\x07\u202egnp.exe\u2066\x00\u200b|pipe|`tick`\n::error::forged\r[link](x)"
    )
    wanted = case("evil", evil, ("get_forecast", {"city": evil}), tags=("tag|<b>",))
    bulky = case("bulky", "long " * 40_000, ("get_forecast", {"city": "x"}))
    lone = case("lone", "half a pair", ("get_forecast", {"city": "x"}))
    shouted = Violation(payload=0, code="json.syntax", path="/" + evil, message=evil, excerpt=evil[:200])
    arg = Mismatch(kind="arg", tool=evil, payload=0, path="/city", expected=evil, actual=evil, why=evil)
    said = answer(wanted, [(evil, evil)], text=evil, violations=[shouted], mismatches=[arg], parsed=False)
    assert isinstance(said.reply, Response)
    posted = Posted(url=f"http://h/{evil}", headers={evil: evil}, members={evil: evil}, dropped=(evil,))
    refused = Attempt(fault=Fault(kind="server", message=evil, seconds=0.5), wait=1.0)
    new = [
        replace(said, reply=replace(said.reply, posted=posted), attempts=(refused,)),
        answer(bulky, [("get_forecast", '{"city": "' + "A" * 1_000_000)], violations=[BROKEN_JSON], parsed=False),
        answer(lone, [("get_forecast", '{"city": "\ud83d"}')], text="\udfff", violations=[BROKEN_JSON], parsed=False),
    ]
    cases = (wanted, bulky, lone)
    return compared(cases, [right(c) for c in cases], new)


def large(cases: int = 1240, flips: int = 300) -> Comparison:
    """As large as the recorded comparisons: every flip with a schema violation to show."""
    asked = [
        case(f"case-{n:04}", f"Weather in town {n}, three days", ("get_forecast", {"city": f"Town {n}", "days": 3}))
        for n in range(cases)
    ]
    new = [
        answer(c, [("get_forecast", f'{{"city": "Town {n}", "days": "3"}}')], violations=[BROKEN_TYPE], valid=False)
        if n % (cases // flips) == 0
        else right(c)
        for n, c in enumerate(asked)
    ]
    return compared(asked, [right(c) for c in asked], new)
