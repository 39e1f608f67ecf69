"""Case, target and tools to the request that will be sent, whole. Arms live here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from evalkit import values
from evalkit.data import Case, Json, Request, Suite, Target, ToolSpec


class Builder:
    """Builds requests of one suite. Tools are declared once for each list of offered tools and shared by bodies."""

    def __init__(self, suite: Suite) -> None:
        self._suite = suite
        self._declared: dict[tuple[str, ...], tuple[tuple[ToolSpec, ...], list[Json], str]] = {}

    def build(self, case: Case, trial: int, target: Target) -> Request:
        """The body is that of an OpenAI chat completion; a client library translates it where a provider differs.

        `params` of the target stand at the top level of the body, untouched. Arm `forced` adds
        `tool_choice: "required"`; arm `native` leaves the choice to the endpoint's default.
        """
        specs, tools, _ = self._tools(case)
        body: dict[str, Json] = {"model": target.model, "messages": list(case.messages)}
        if tools:
            body["tools"] = tools
            if target.arm == "forced":
                body["tool_choice"] = "required"
        if target.stream:
            body["stream"] = True
        body.update(target.params)
        return Request(case=case, trial=trial, target=target, specs=specs, body=body)

    def digest(self, request: Request) -> str:
        """Of the body as handed to the provider. The tools enter by their own digest, taken once."""
        body = {**request.body, "tools": self._tools(request.case)[2]}
        return values.digest(body)

    def _tools(self, case: Case) -> tuple[tuple[ToolSpec, ...], list[Json], str]:
        known = self._declared.get(case.tools)
        if known is None:
            specs = tuple(self._suite.specs[key] for key in case.tools)
            tools = declare(specs)
            known = self._declared[case.tools] = (specs, tools, values.digest(tools))
        return known


def declare(specs: Sequence[ToolSpec]) -> list[Json]:
    """Tools as OpenAI's chat completions take them, each schema as its owner declared it."""
    return [{"type": "function", "function": _function(spec)} for spec in specs]


def _function(spec: ToolSpec) -> Mapping[str, Any]:
    described = {"description": spec.description} if spec.description else {}
    return {"name": spec.name, **described, "parameters": spec.schema}
