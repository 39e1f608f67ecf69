"""Each thing that can be wrong with an endpoint, put there on purpose, and the probe that finds it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from evalkit import doctor, plugins, testing
from evalkit.cli import doctoring
from evalkit.cli.app import main
from evalkit.data import ARMS, Json, Target, Usage
from evalkit.doctor import canaries
from evalkit.plugins import World
from evalkit.testing._answers import Answers
from evalkit.testing._questions import Cases, question
from tests.endpoints import Reply, serving
from tests.test_running import WORLD

Findings = dict[str, doctor.Finding]
ANSWERS = Answers(Cases([canaries.SUITE]))
OK = {"ok"}


async def findings(target: Target, world: World = WORLD) -> Findings:
    records = await doctoring._ask(target, world)
    return {finding.probe: finding for finding in doctor.examine(records, target)}


def troubles(found: Findings) -> dict[str, str]:
    return {name: finding.status for name, finding in found.items() if finding.status not in ("ok", "unknown")}


class Body(Struct, frozen=True):
    """A question, as an endpoint sees it, and the answer of one without a fault."""

    asked: dict[str, Any]

    @property
    def choice(self) -> Json:
        return self.asked.get("tool_choice")

    @property
    def uses_ref(self) -> bool:
        return "$ref" in json.dumps(self.asked["tools"])

    def honest(self, fault: str = "", **other: Json) -> Reply:
        """To the question, or to another that is asked in its place."""
        asked = question("/v1/chat/completions", {}, {**self.asked, **other})
        assert asked is not None
        answer = ANSWERS.answer(asked, fault)
        assert answer.status == 200, answer.body
        return Reply(chunks=(answer.body.encode(),), content_type=answer.content_type, headers={"Date": now()})

    def saying(self, *calls: tuple[str, Json], text: str = "") -> Reply:
        stream = bool(self.asked.get("stream"))
        written = plugins.dialect("openai_chat").write(calls, text, model="m", usage=Usage(), stream=stream)
        kind = "text/event-stream" if stream else "application/json"
        return Reply(chunks=(written.encode(),), content_type=kind)


def now(ahead: float = 0.0) -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=ahead), usegmt=True)


def refused(status: int, message: str = "no") -> Reply:
    return Reply(chunks=(json.dumps({"error": {"message": message}}).encode(),), status=status)


def asked_of(case: str) -> dict[str, Json]:
    """The question of another case, with its tools."""
    (found,) = (each for each in canaries.SUITE.cases if each.id == case)
    return {"messages": list(found.messages), "tools": [{"function": {"name": name}} for name in found.tools]}


def without_usage(body: Body) -> Reply:
    answer = json.loads(body.honest(stream=False).chunks[0])
    del answer["usage"]
    return body.honest() if body.asked.get("stream") else Reply(chunks=(json.dumps(answer).encode(),))


def as_text(body: Body) -> Reply:
    return body.saying(("save_address", json.dumps({"address": '{"street": "12 Harbour Street", "city": "Bergen"}'})))


def cut_off(body: Body) -> Reply:
    answer = json.loads(body.saying(("get_weather", '{"city": "Os')).chunks[0])
    answer["choices"][0]["finish_reason"] = "length"
    return Reply(chunks=(json.dumps(answer).encode(),), headers={"Date": now()})


WEATHER = ("get_weather", '{"city": "Oslo"}')
DEFECTS: dict[str, tuple[Callable[[Body], Reply], dict[str, str], str]] = {
    "key": (lambda b: refused(401, "bad key"), {"key": "fail"}, "auth: bad key"),
    "no money": (lambda b: refused(402), {"key": "fail"}, "budget"),
    "no such model": (lambda b: refused(404, "no such model"), {"model": "fail"}, "no such model"),
    "tools refused": (lambda b: refused(400, "tools?"), {"tools": "fail"}, "bad_request: tools?"),
    "auto refused": (
        lambda b: refused(400, '"auto" needs a parser') if b.choice == "auto" else b.honest(),
        {"choice auto": "fail"},
        'refused: "auto" needs a parser',
    ),
    "calls that its parser cannot read": (
        lambda b: refused(500, "Failed to parse input at pos 0: <tool_call>") if "tools" in b.asked else b.honest(),
        {
            **dict.fromkeys(("tools", "choice auto", "choice required", "choice none", "choice named"), "fail"),
            **dict.fromkeys(("parallel calls", "usage"), "warn"),
        },
        "the endpoint could not read the call",
    ),
    "required ignored": (
        lambda b: b.saying(text="Good morning!") if b.choice == "required" else b.honest(),
        {"choice required": "fail"},
        "no call was made",
    ),
    "none ignored": (
        lambda b: b.saying(WEATHER) if b.choice == "none" else b.honest(),
        {"choice none": "fail"},
        "a call was made all the same",
    ),
    "named ignored": (
        lambda b: b.saying(WEATHER) if isinstance(b.choice, dict) else b.honest(),
        {"choice named": "fail"},
        "the tool that was named was not called",
    ),
    "stream refused": (
        lambda b: refused(400, "no streams") if b.asked.get("stream") else b.honest(),
        {"stream": "fail"},
        "no streams",
    ),
    "stream without calls": (
        lambda b: b.saying(text="Sunny.") if b.asked.get("stream") else b.honest(),
        {"stream": "fail"},
        "0 calls where the whole answer has 1",
    ),
    "stream with broken calls": (
        lambda b: b.saying(("get_weather", '{"city": ')) if b.asked.get("stream") else b.honest(),
        {"stream": "fail"},
        "json.syntax, which the whole answer has not",
    ),
    "stream with other arguments": (
        lambda b: b.saying(("get_weather", '{"city": "Rome"}')) if b.asked.get("stream") else b.honest(),
        {"stream": "warn"},
        "other arguments than in the whole answer",
    ),
    "stream ignored": (
        lambda b: b.honest(stream=False),
        {"stream": "warn"},
        "the whole answer came, though a stream was asked for",
    ),
    "one call at a time": (
        lambda b: b.saying(WEATHER) if "Rome" in json.dumps(b.asked["messages"]) else b.honest(),
        {"parallel calls": "warn"},
        "1 call in one answer where two are needed",
    ),
    "seed refused": (
        lambda b: refused(400, "unknown parameter: seed") if "seed" in b.asked else b.honest(),
        {"parameters": "warn"},
        "refused seed",
    ),
    "parallel_tool_calls ignored": (
        lambda b: b.saying(WEATHER, WEATHER) if b.asked.get("parallel_tool_calls") is False else b.honest(),
        {"parameters": "warn"},
        "ignored parallel_tool_calls",
    ),
    "$ref refused": (
        lambda b: refused(400, "unsupported keyword $ref") if b.uses_ref else b.honest(),
        {"schema $ref": "fail"},
        "refused: unsupported keyword $ref",
    ),
    "nested as text": (
        lambda b: as_text(b) if b.uses_ref else b.honest(),
        {"schema $ref": "fail"},
        "nested at /address arrives as text",
    ),
    "limits not kept": (
        lambda b: (
            b.saying(("find_parcel", '{"code": "abc", "stops": 5}')) if "find_parcel" in str(b.asked) else b.honest()
        ),
        {"schema limits": "warn"},
        "schema.pattern",
    ),
    "arguments cut off": (
        lambda b: cut_off(b) if "Oslo?" in str(b.asked["messages"]) and not b.asked.get("stream") else b.honest(),
        {"arguments": "warn", "stream": "warn"},
        "call.truncated",
    ),
    "arguments as an object": (
        lambda b: b.saying(("get_weather", {"city": "Oslo"})) if "Oslo?" in str(b.asked["messages"]) else b.honest(),
        {"arguments": "fail"},
        "envelope.arguments_not_text",
    ),
    "no usage": (without_usage, {"usage": "warn"}, "no tokens reported for whole answers"),
    "clock": (
        lambda b: (
            Reply(chunks=b.honest(stream=False).chunks, headers={"Date": now(ahead=600)})
            if not b.asked.get("stream")
            else Reply(chunks=b.honest().chunks, content_type="text/event-stream")
        ),
        {"clock": "warn"},
        "s ahead of ours",
    ),
    "a date that no calendar has": (
        lambda b: (
            Reply(chunks=b.honest(stream=False).chunks, headers={"Date": "Thu, 01 Jan 99999999999 00:00:00 GMT"})
            if not b.asked.get("stream")
            else b.honest()
        ),
        {},
        "",
    ),
    "nothing": (lambda b: b.honest(), {}, ""),
}


@pytest.mark.parametrize(("defect", "expected", "says"), DEFECTS.values(), ids=DEFECTS)
async def test_what_is_wrong_is_found_and_nothing_else(
    defect: Callable[[Body], Reply], expected: dict[str, str], says: str
) -> None:
    async with serving(lambda received: defect(Body(received.body))) as endpoint:
        found = await findings(Target(name="m", provider="openai_http", model="oracle", base_url=endpoint.url))
    assert troubles(found) == expected
    assert not expected or says in found[next(iter(expected))].says
    assert all(finding.says and "\n" not in finding.says for finding in found.values())


FAULTS = {
    "rate_limit": "key",
    "server_error": "reachable",
    "cut_stream": "reachable",
    "truncated_body": "reachable",
    "wrong_content_type": "reachable",
    "hang": "reachable",
    "missing_ids": "arguments",
    "malformed_arguments": "arguments",
    "call_in_content": "tools",
}


@pytest.mark.parametrize("fault", [fault for fault in testing.FAULTS if fault != "slow_stream"])
async def test_every_fault_of_the_test_server_fails_its_probe(fault: str) -> None:
    async with testing.serve(canaries.SUITE, faults=[testing.Fault(kind=fault, retry_after=30)]) as server:
        target = Target(name="m", provider="openai_http", model="oracle", base_url=server.url, timeout=0.5)
        found = await findings(target)
    assert found[FAULTS[fault]].status == "fail" and found[FAULTS[fault]].advice
    if FAULTS[fault] in ("reachable", "key"):
        assert {finding.status for name, finding in found.items() if name.startswith("schema")} == {"unknown"}


async def test_a_slow_stream_is_nothing_to_complain_of() -> None:
    async with testing.serve(canaries.SUITE, faults=["slow_stream"]) as server:
        found = await findings(Target(name="m", provider="openai_http", model="oracle", base_url=server.url))
    assert {finding.status for finding in found.values()} == OK


async def test_nobody_there() -> None:
    async with serving(Reply()) as endpoint:
        gone = endpoint.url
    found = await findings(Target(name="m", provider="openai_http", model="m", base_url=gone))
    assert found["reachable"].status == "fail" and found["reachable"].says.startswith("network")
    assert {finding.status for name, finding in found.items() if name != "reachable"} == {"unknown"}


async def test_keywords_that_a_route_leaves_out_are_named() -> None:
    """Through the client library, whose Gemini route rewrites schemas."""
    async with testing.serve(canaries.SUITE) as server:
        target = Target(
            name="m", provider="litellm", model="gemini/oracle", base_url=server.gemini_url, api_key_env="KEY"
        )
        found = await findings(target, World(environ={"KEY": "k"}, load_run=WORLD.load_run))
    assert found["schema enum"].says.startswith("lost on the way: const")
    assert found["schema format"].says.startswith("lost on the way: format")
    assert found["schema $ref"].says == "$ref, $defs written out in place: the answer fits"
    assert found["schema nested"].status == "ok" and "cannot be seen" in found["arguments"].says


# --------------------------------------------------------------------------- on another arm


def on(arm: str, url: str) -> Target:
    return Target(name="m", provider="openai_http", model="oracle", base_url=url, arm=arm)


@pytest.mark.parametrize("arm", ARMS)
async def test_on_each_arm_an_endpoint_without_a_fault_has_none(arm: str) -> None:
    async with testing.serve(canaries.SUITE) as server:
        found = await findings(on(arm, server.url))
    assert {finding.status for finding in found.values()} == OK
    assert ("guided decoding" in found) == (arm == "constrained")
    assert any(name.startswith("choice") for name in found) == (arm in ("native", "strict", "forced"))


def unguided(body: Body) -> Reply:
    """It takes a response_format, and lets the model say what it likes."""
    return body.saying(text="Hello.") if "the one word" in str(body.asked["messages"]) else body.honest()


GUIDED: dict[str, tuple[Callable[[Body], Reply], str, str]] = {
    "not held": (unguided, "guided decoding", "plain words came"),
    "refused": (lambda body: refused(400, "response_format?"), "tools", "bad_request: response_format?"),
}


@pytest.mark.parametrize(("defect", "probe", "says"), GUIDED.values(), ids=GUIDED)
async def test_guided_decoding_that_does_not_hold_is_found(
    defect: Callable[[Body], Reply], probe: str, says: str
) -> None:
    async with serving(lambda received: defect(Body(received.body))) as endpoint:
        found = await findings(on("constrained", endpoint.url))
    assert troubles(found) == {probe: "fail"}
    assert says in found[probe].says and "structured_outputs" in found[probe].advice


# --------------------------------------------------------------------------- the command


def test_one_screen_of_eighty_columns(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "reference/oracle"]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert len(lines) <= 24 and max(map(len, lines)) <= 80
    assert lines[0].startswith("reference/oracle: 20 ok, 1 unknown (19 calls, ")


def test_what_fails_says_what_to_do_and_exits_with_one(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "reference/faulty?kind=call.leaked_in_text", "--json"]) == 1
    told = json.loads(capfd.readouterr().out)
    assert told["healthy"] is False and told["calls"] == len(canaries.ASKED)
    (tools,) = (probe for probe in told["probes"] if probe["probe"] == "tools")
    assert tools["status"] == "fail" and "--tool-call-parser" in tools["advice"]


def test_a_server_of_the_list_is_started_for_it(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(Path(__file__).parents[1])
    program = (
        "import sys; from evalkit import testing; from evalkit.doctor import canaries; "
        "testing.run_forever(canaries.SUITE, port=int(sys.argv[1]))"
    )
    (tmp_path / "models.yaml").write_text(
        "models: [{name: here, model: openai_http/oracle, serve: {engine: command, args: "
        f"[python, -c, {json.dumps(program)}, '{{port}}']}}}}]\n",
        encoding="utf-8",
    )
    assert main(["doctor", "here", "--models", str(tmp_path / "models.yaml")]) == 0
    told = capfd.readouterr()
    assert "here: 21 ok" in told.out and told.err == "waiting for the server command oracle\n"


async def _nobody() -> str:
    async with serving(Reply()) as endpoint:
        return endpoint.url


def test_what_was_not_asked_is_one_line(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", f"openai_http/m?base_url={asyncio.run(_nobody())}"]) == 1
    lines = capfd.readouterr().out.splitlines()
    assert lines[-1] == "unknown  20 not asked" and sum("not asked" in line for line in lines) == 1
