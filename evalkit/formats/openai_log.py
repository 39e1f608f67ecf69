"""Logged chat completions, one a line: the body of the request and that of the response. Also OpenAI's batch files.

The bodies are those of OpenAI's chat completions, under `request` and `response`, `input` and `output` (OpenPipe's
export, Langfuse's observations) or `inputs` and `outputs` (LangSmith's runs). Each may be JSON or text that spells it,
and may stand under `body`, beside a status and headers, of which no header is read. A response may also be an event
stream as it was received, the list of its chunks, or the message alone, which Langfuse keeps: around that, an envelope
is put that says no more.

Of a batch, the input file (`custom_id`, `body`) and the output file (`custom_id`, `response.body`, `error`) are read
together, in one folder or as one file; their lines find each other by `custom_id`, in any order.

Times are `start_time`, `end_time` and `completion_start_time` (or `startTime` ..., as Langfuse's API spells them, and
`first_token_time`, as LangSmith does), else the day is that of the body's `created`. Tokens are those of its `usage`,
or of LangSmith's `usage_metadata`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from evalkit.data import Exchange, Half, Json, Left, Response, Wire
from evalkit.formats import _logged
from evalkit.formats._logged import Unfit, fields, moment, packed, unpacked

_NAMES = (("request", "response"), ("input", "output"), ("inputs", "outputs"))
_STARTS = ("start_time", "startTime")
_ENDS = ("end_time", "endTime")
_FIRST_TOKENS = ("completion_start_time", "completionStartTime", "first_token_time")


def sniff(text: str) -> bool:
    line = _logged.sniffed(text)
    if _of_batch(line):
        return True
    names = _names(line)
    return names is not None and _request(line[names[0]]) is not None


def exchanges(line: Json) -> Iterator[Exchange | Half | Left]:
    """What a line of such a log holds."""
    for item in _logged.listed(line):
        half = _half(fields(item))
        try:
            yield half or _exchange(fields(item))
        except Unfit as unfit:
            yield unfit.left


def _names(line: Mapping[str, Json]) -> tuple[str, str] | None:
    return next((pair for pair in _NAMES if all(name in line for name in pair)), None)


# --------------------------------------------------------------------------- a batch


def _of_batch(line: Mapping[str, Json]) -> bool:
    asked, answered = "body" in line, "response" in line or "error" in line
    return isinstance(line.get("custom_id"), str) and asked != answered and "request" not in line


def _half(line: Mapping[str, Json]) -> Half | None:
    """Of a line of a batch's input or output: together they are a line with a request and a response."""
    if not _of_batch(line):
        return None
    if "body" in line:
        return Half(key=line["custom_id"], side="asked", line={"request": line["body"]})
    answer = {"response": line.get("response"), "error": line.get("error")}
    return Half(key=line["custom_id"], side="answered", line=answer)


# --------------------------------------------------------------------------- an exchange


def _exchange(line: Mapping[str, Json]) -> Exchange:
    names = _names(line)
    request = _request(line[names[0]]) if names else None
    if names is None or request is None:
        raise Unfit("foreign")
    if line.get("error"):
        raise Unfit("failed")
    key = "tools" if request.get("tools") else "functions"
    tools = _logged.offered(request.get(key), f"/{names[0]}/{key}")
    model = next((name for name in (request.get("model"), line.get("model")) if isinstance(name, str)), "")
    body, answer = _answer(line[names[1]], model)
    start = moment(_first(line, _STARTS))
    timing = _logged.timing(start, moment(_first(line, _ENDS)), moment(_first(line, _FIRST_TOKENS)))
    return Exchange(
        messages=_logged.conversation(request["messages"]),
        tools=tools,
        choice=request.get("tool_choice", request.get("function_call")),
        reply=Response(wire=Wire(status=200, body=body, stream=not answer), dialect="openai_chat", timing=timing),
        model=model,
        started=_logged.iso(start or moment(answer.get("created"))),
    )


def _request(told: Json) -> Mapping[str, Json] | None:
    """The body of a request; None if that is none. A list of messages offers no tools."""
    found = unpacked(told)
    if isinstance(found, list) and found and all("role" in fields(message) for message in found):
        return {"messages": found}
    body = fields(found)
    if "messages" not in body and "body" in body:
        body = fields(unpacked(body["body"]))
    return body if isinstance(body.get("messages"), list) else None


def _answer(told: Json, model: str) -> tuple[str, Mapping[str, Json]]:
    """The body of a response as text, and as an object; {} for a stream. Raises Unfit if it is plainly no answer."""
    found = unpacked(told)
    outer = fields(found)
    status = outer.get("status_code", outer.get("status"))
    if isinstance(status, int) and not 200 <= status < 300:
        raise Unfit("failed", f"status {status}")
    if "body" in outer and "choices" not in outer:
        found = unpacked(outer["body"])
    if isinstance(found, str):
        return found, {}
    if isinstance(found, list):
        return "".join(f"data: {packed(chunk)}\n\n" for chunk in found), {}
    answer = fields(found)
    if answer.get("error"):
        raise Unfit("failed")
    if "choices" not in answer and answer.get("role") == "assistant":
        answer = {"model": model, "choices": [{"index": 0, "message": answer, "finish_reason": None}]}
    if not isinstance(answer.get("choices"), list):
        raise Unfit("unread", "there is no completion")
    answer = _counted(answer)
    return packed(answer), answer


def _counted(answer: Mapping[str, Json]) -> Mapping[str, Json]:
    """With LangSmith's count of the tokens where OpenAI's would be, which it takes out."""
    told = fields(answer.get("usage_metadata"))
    if "usage" in answer or not told:
        return answer
    return {
        **answer,
        "usage": {"prompt_tokens": told.get("input_tokens"), "completion_tokens": told.get("output_tokens")},
    }


def _first(line: Mapping[str, Json], names: tuple[str, ...]) -> Json:
    return next((line[name] for name in names if line.get(name) is not None), None)
