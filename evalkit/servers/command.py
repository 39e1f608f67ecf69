"""Any command that serves the OpenAI API: `args: [./server, --port, "{port}"]`, with `{port}` filled in."""

from __future__ import annotations

from collections.abc import Mapping

from evalkit.data import Serve
from evalkit.errors import InputError

PROGRAM = None
INSTALL = ""
HEALTH = "/v1/models"
METRICS = None
SERIES: Mapping[str, str] = {}


def command(serve: Serve, port: int) -> tuple[str, ...]:
    """`{model}` stands for the model."""
    if not serve.args:
        raise InputError("a server of the engine 'command' has no args", "give the command and its arguments as args")
    if not serve.port and not any("{port}" in part for part in serve.args):
        raise InputError("the server would not know its port", "write {port} where it belongs in args, or fix `port`")
    return tuple(part.replace("{port}", str(port)).replace("{model}", serve.model) for part in serve.args)
