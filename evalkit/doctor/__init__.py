"""What the answers to the canaries say about an endpoint: one finding each, and what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from functools import partial
from typing import Literal, TypeAlias

from msgspec import Struct

from evalkit.data import Answer, Fault, Json, Record, Response, Target
from evalkit.doctor.canaries import ASKED, CHOICES, FAMILIES, PARAMETERS, asked
from evalkit.doctor.heard import LOST, Heard
from evalkit.numerals import counted
from evalkit.pacing import allowance

Status: TypeAlias = Literal["ok", "warn", "fail", "unknown"]
NOT_ASKED = "not asked"
"""What a finding says of a probe whose questions were not put."""
_FAR_OFF = 60.0
"""Seconds between the endpoint's clock and ours from which signed requests and quotas begin to suffer."""


class Finding(Struct, frozen=True, kw_only=True):
    """One thing tried. `advice` is "" where nothing is to be done."""

    probe: str
    status: Status
    says: str
    advice: str = ""


Said: TypeAlias = tuple[Status, str, str]
"""Status, finding, advice."""


def examine(records: Iterable[Record], target: Target) -> tuple[Finding, ...]:
    """A finding for each probe of the target's arm. What was not asked, as the first question failed, is unknown.

    The records are named by case and way: see `canaries.asked` and `canaries.ways`.
    """
    heard = Heard({(record.case, record.target.partition("@")[0]): record for record in records}, target.arm)
    findings = dict(_way_there(heard))
    complete = all(each in heard.records for each in asked(target))
    for name, probe in _probes(heard).items():
        findings.setdefault(name, probe(heard) if complete else ("unknown", NOT_ASKED, ""))
    return tuple(Finding(probe=name, status=said[0], says=said[1], advice=said[2]) for name, said in findings.items())


# --------------------------------------------------------------------------- whether it is there at all

_PARSER = "start the server with its parser for this model's tool calls (vLLM, SGLang: --tool-call-parser)"
_MISREAD = "is the server's parser, with its template, the one for this model? if it is, the model calls badly"
_NOTATION = "the model keeps to its own notation: ask it on the arm `native`"
_CONSTRAINT = "say which spelling the server takes, under constraint: response_format, structured_outputs or grammar"
_AS_DECLARED = (
    "the endpoint does not take tools as they are declared here, unless it speaks of the model's name or params"
)
_REFUSED = {"constrained": _CONSTRAINT, "prompted": "this arm sends no tools: mend the model's name or its params"}


def _way_there(heard: Heard) -> Iterator[tuple[str, Said]]:
    """reachable, key, model and tools, as far as the first answer tells."""
    reply = heard.records[ASKED[0]].reply
    if isinstance(reply, Response):
        seconds = "" if reply.timing.total is None else f" in {reply.timing.total:.2f} s"
        yield "reachable", ("ok", f"answers{seconds}", "")
        yield "key", ("ok", "accepted, or none is needed", "")
        yield "model", ("ok", f"served by {heard.answer(*ASKED[0]).served_by or 'a model that is not named'}", "")
        return
    said = f"{reply.kind}: {reply.message}"
    if reply.kind in ("network", "timeout", "server", "plugin"):
        yield "reachable", ("fail", said, "is the server up, is base_url right, does a proxy stand between?")
        return
    yield "reachable", ("ok", "something answers", "")
    if reply.kind in ("auth", "budget"):
        yield "key", ("fail", said, "check the variable named in api_key_env, and what the account may do")
        return
    if reply.kind == "rate_limit":
        yield "key", ("fail", said, "the key is over its limits: wait, or ask for more")
        return
    yield "key", ("ok", "not refused", "")
    if reply.kind == "unsupported":
        yield "model", ("fail", said, "check the model's name, and the path of base_url")
        return
    yield "model", ("unknown", "the question was refused: see what is said of it below", "")
    yield "tools", ("fail", said, _REFUSED.get(heard.arm, _AS_DECLARED))


def _tools(heard: Heard) -> Said:
    answer = heard.answer("weather")
    if answer.payloads:
        return "ok", f"a call of {answer.payloads[0].tool} was made", ""
    lost = heard.lost("weather")
    if lost and lost.code == "call.unreadable":
        return "fail", lost.message, _MISREAD
    if lost:
        return "fail", lost.message, _NOTATION if heard.in_text else _PARSER
    return (
        "warn",
        "no call was made, though one is needed",
        "is this model one for tools, with a template for them?",
    )


def _arguments(heard: Heard) -> Said:
    answer, violations = heard.answer("weather"), heard.violations("weather")
    if not answer.payloads:
        return "unknown", "no call was made", ""
    cut = next((found for found in violations if found.code == "call.truncated"), None)
    if cut:
        return "warn", f"{cut.code}: {cut.message}", "allow more tokens; a model that loops fills any number"
    broken = [found for found in violations if found.code.split(".")[0] in ("json", "envelope", "client")]
    if broken and not heard.in_text:
        return "fail", f"{broken[0].code}: {broken[0].message}", "applications will stumble over this: mend the server"
    if not heard.in_text and any(payload.id is None for payload in answer.payloads):
        return "fail", "calls have no id", "results cannot be told apart in the next turn: mend the server"
    if violations:
        return (
            "warn",
            f"{violations[0].code}: {violations[0].message}",
            "the model's own fault, or a weak chat template",
        )
    text = "as text" if answer.payloads[0].text is not None else "as an object: JSON syntax cannot be seen"
    return "ok", f"well formed, {text}", ""


# --------------------------------------------------------------------------- tool_choice


def _choice(heard: Heard, way: str, advice: str, kept: Callable[[Answer], bool], broken: str) -> Said:
    fault = heard.fault(way, way)
    if fault:
        return _refused(fault, advice)
    answer = heard.answer(way, way)
    lost = heard.lost(way, way)
    if lost:
        return "fail", LOST[lost.code], ""
    if kept(answer):
        return "ok", "kept", ""
    return ("warn" if way == "auto" else "fail"), broken, advice


def _called(answer: Answer) -> bool:
    return bool(answer.payloads)


def _silent(answer: Answer) -> bool:
    return not answer.payloads


def _called_note(answer: Answer) -> bool:
    return bool(answer.payloads) and all(payload.tool == "save_note" for payload in answer.payloads)


def _refused(fault: Fault, advice: str) -> Said:
    """A question that was refused tells of what it asked; one that failed otherwise tells nothing."""
    said = f"{fault.kind}: {fault.message}"
    refused = fault.kind in ("bad_request", "unsupported", "blocked")
    return ("fail", f"refused: {fault.message}", advice) if refused else ("unknown", said, "try again")


def _guided(heard: Heard) -> Said:
    """Plain words are asked for: only a model that is held to the schema answers in JSON all the same."""
    fault = heard.fault("held")
    if fault:
        return _refused(fault, _CONSTRAINT)
    answer = heard.answer("held")
    if answer.payloads or answer.text.lstrip().startswith("{"):
        return "ok", "holds: JSON came where plain words were asked for", ""
    return "fail", "plain words came: nothing holds the model to the schema", _CONSTRAINT


# --------------------------------------------------------------------------- streams, several calls, parameters


def _stream(heard: Heard) -> Said:
    advice = "do without stream, or mend the server's streaming parser"
    fault = heard.fault("weather", "stream")
    if fault:
        return "fail", f"{fault.kind}: {fault.message}", advice
    whole, streamed = heard.answer("weather"), heard.answer("weather", "stream")
    known = {found.code for found in heard.violations("weather")}
    new = [found for found in heard.violations("weather", "stream") if found.code not in known]
    if len(whole.payloads) != len(streamed.payloads):
        said = f"{counted(len(streamed.payloads), 'call')} where the whole answer has {len(whole.payloads)}"
        return "fail", f"{said} ({new[0].code})" if new else said, advice
    if new:
        return "fail", f"{new[0].code}, which the whole answer has not: {new[0].message}", advice
    if [(each.tool, each.value) for each in whole.payloads] != [(each.tool, each.value) for each in streamed.payloads]:
        return "warn", "other arguments than in the whole answer", "sampled, perhaps: try with params: {temperature: 0}"
    response = heard.response("weather", "stream")
    if response is not None and response.wire.status == 200 and not response.wire.stream:
        return (
            "warn",
            "the whole answer came, though a stream was asked for",
            "no time to the first token will be known",
        )
    return "ok", "says what the whole answer says", ""


def _parallel(heard: Heard) -> Said:
    fault = heard.fault("parallel")
    if fault:
        return _refused(fault, "")
    calls = len(heard.answer("parallel").payloads)
    if calls >= 2:
        return "ok", f"{calls} calls in one answer", ""
    return (
        "warn",
        f"{counted(calls, 'call')} in one answer where two are needed",
        "cases that want several calls will fail",
    )


def _parameters(heard: Heard) -> Said:
    faults = {name: heard.fault(*each) for name, each in _ASKED_WITH.items() if each in heard.records}
    refused = [name for name, fault in faults.items() if fault and fault.kind in ("bad_request", "unsupported")]
    unheard = [name for name, fault in faults.items() if fault and name not in refused]
    accepted = [name for name, fault in faults.items() if not fault]
    ignored = []
    if "parallel_tool_calls" in accepted and len(heard.answer(*_ASKED_WITH["parallel_tool_calls"]).payloads) > 1:
        accepted.remove("parallel_tool_calls")
        ignored = ["parallel_tool_calls"]
    parts = {"accepted": accepted, "refused": refused, "ignored": ignored, "not answered": unheard}
    said = "; ".join(f"{what} {', '.join(names)}" for what, names in parts.items() if names)
    if refused or ignored:
        return "warn", said, "leave these out of params"
    return ("unknown" if unheard else "ok"), said, ""


_ASKED_WITH: Mapping[str, tuple[str, str]] = {way: (case, way) for case, way in ASKED if way in PARAMETERS}

# --------------------------------------------------------------------------- schemas


def _schema(heard: Heard, name: str) -> Said:
    """Whether a family of keywords reaches the model, and what comes back fits it."""
    family = FAMILIES[name]
    advice = "say it otherwise in the tool's schema, or take another route to the model"
    reply = heard.records[name, "plain"].reply
    if isinstance(reply, Fault):
        return _refused(reply, advice)
    sent = set(_keys(reply.sent))
    lost = [word for word in family.keywords if reply.sent is not None and word not in sent]
    written_out = bool(lost) and family.instead in sent
    violations, payloads = heard.violations(name), heard.answer(name).payloads
    as_text = [found for found in violations if found.code == "schema.stringified_container"]
    if as_text:
        return "fail", f"what is nested at {as_text[0].path} arrives as text", "a known fault of servers: upgrade it"
    if lost and not written_out:
        fits = "" if violations or not payloads else "; the answer fits all the same"
        return "warn", f"lost on the way: {', '.join(lost)}{fits}", advice
    if not payloads:
        unheard = heard.lost(name)
        return "unknown", LOST[unheard.code] if unheard else "no call was made", ""
    if violations:
        return "warn", f"{violations[0].code}: {violations[0].message}", "the model does not keep it"
    how = " written out in place" if written_out else ""
    return "ok", f"{', '.join(family.keywords)}{how}: the answer fits", ""


def _keys(value: Json) -> Iterator[str]:
    """Every key of every object in `value`."""
    if isinstance(value, dict):
        yield from value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _keys(item)


# --------------------------------------------------------------------------- usage, clock


def _usage(heard: Heard) -> Said:
    ways = {"whole answers": "plain", "streams": "stream"}
    told = [what for what, way in ways.items() if heard.response("weather", way)]
    silent = [what for what in told if heard.answer("weather", ways[what]).usage.output_tokens is None]
    if silent:
        return "warn", f"no tokens reported for {' and '.join(silent)}", "costs will be unknown"
    usage = heard.answer("weather").usage
    return "ok", f"reported: {usage.input_tokens} tokens in, {usage.output_tokens} out", ""


def _clock(heard: Heard) -> Said:
    """The Date of the answers against the moments at which they came; the least difference counts."""
    skews = [skew for record in heard.records.values() if (skew := _skew(record)) is not None]
    if not skews:
        return "unknown", "the endpoint tells no time", ""
    skew = min(skews, key=abs)
    if abs(skew) > _FAR_OFF:
        return "warn", f"{abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} ours", "set this machine's clock"
    return "ok", "agrees with ours", ""


def _skew(record: Record) -> float | None:
    date = record.reply.wire.headers.get("date") if isinstance(record.reply, Response) else None
    if date is None or isinstance(record.reply, Fault):
        return None
    told = allowance.moment(date)
    if told is None:
        return None
    began = datetime.fromisoformat(record.started)
    return (told - began).total_seconds() - (record.reply.timing.total or 0.0)


_FORCED = "the arm `forced` cannot be relied on here"
_PROBES: Mapping[str, Callable[[Heard], Said]] = {
    "reachable": lambda heard: ("unknown", "not seen", ""),
    "key": lambda heard: ("unknown", "not seen", ""),
    "model": lambda heard: ("unknown", "not seen", ""),
    "tools": _tools,
    "arguments": _arguments,
    "choice auto": partial(
        _choice,
        way="auto",
        advice="for vLLM: --enable-auto-tool-choice and --tool-call-parser",
        kept=_called,
        broken="no call was made, though one is needed",
    ),
    "choice required": partial(_choice, way="required", advice=_FORCED, kept=_called, broken="no call was made"),
    "choice none": partial(
        _choice, way="none", advice="leave the tools out instead", kept=_silent, broken="a call was made all the same"
    ),
    "choice named": partial(
        _choice, way="named", advice=_FORCED, kept=_called_note, broken="the tool that was named was not called"
    ),
    "guided decoding": _guided,
    "stream": _stream,
    "parallel calls": _parallel,
    "parameters": _parameters,
    **{f"schema {name}": partial(_schema, name=name) for name in FAMILIES},
    "usage": _usage,
    "clock": _clock,
}


def _probes(heard: Heard) -> Mapping[str, Callable[[Heard], Said]]:
    """Those of the arm: where no tools are sent there is nothing to choose from, and one arm alone guides decoding."""
    left_out = {f"choice {name}" for name in CHOICES} if heard.in_text else set()
    if heard.arm != "constrained":
        left_out.add("guided decoding")
    return {name: probe for name, probe in _PROBES.items() if name not in left_out}
