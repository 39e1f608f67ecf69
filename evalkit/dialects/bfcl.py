"""An answer as the Berkeley Function Calling Leaderboard records it: one line of `results/MODEL/CATEGORY.jsonl`.

`result` is a list of {tool name: argument text}, or the text of a model that called nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from evalkit.data import Answer, Json, Usage, Wire
from evalkit.dialects import _body


def read(wire: Wire) -> Answer:
    line = _body.fields(_body.load(wire.body))
    result = line.get("result")
    if not isinstance(result, str | list):
        raise _body.no_answer("it has no `result`, a list of calls or a text")
    calls = [] if isinstance(result, str) else [call for item in _body.items(result) for call in item.items()]
    return Answer(
        payloads=tuple(
            _body.from_text(index, tool, arguments)
            if isinstance(arguments, str)
            else _body.from_value(index, tool, arguments)
            for index, (tool, arguments) in enumerate(calls)
        ),
        text=result if isinstance(result, str) else "",
        usage=Usage(
            input_tokens=_body.count(line.get("input_token_count")),
            output_tokens=_body.count(line.get("output_token_count")),
        ),
    )


def write(
    calls: Sequence[tuple[str, Json]],
    text: str,
    *,
    model: str,
    usage: Usage,
    stream: bool,
    finish: str | None = None,
    ids: bool = True,
) -> str:
    """A recorded line. It has no place for the model, a finish reason, ids, chunks, or text beside calls."""
    line: dict[str, Json] = {"result": [{tool: arguments} for tool, arguments in calls] if calls else text}
    counted: Mapping[str, int | None] = {
        "input_token_count": usage.input_tokens,
        "output_token_count": usage.output_tokens,
    }
    return _body.dump({**line, **{key: count for key, count in counted.items() if count is not None}})
