"""What the tools of one request come to together: limits that none of them need exceed alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from evalkit.data import Divergence, ToolSpec
from evalkit.portability.routes import Route
from evalkit.portability.walking import subschemas


def exceeded(offers: Iterable[Sequence[ToolSpec]], way: Route) -> tuple[Divergence, ...]:
    """The limits of `way` that requests with these offers exceed: for each the offer that does so most.

    Such a request is refused whole, so this stands at the tool that brings the most.
    """
    several = [specs for specs in offers if specs]
    return tuple(_exceeded(several, way)) if several else ()


def _exceeded(several: Sequence[Sequence[ToolSpec]], way: Route) -> Iterator[Divergence]:
    measures: tuple[tuple[str, int | None, Callable[[ToolSpec], int]], ...] = (
        ("tools", way.tools, lambda spec: 1),
        ("arguments that may be left out", way.optional, _optional),
        ("arguments with alternatives", way.unions, _unions),
    )
    for what, limit, measure in measures:
        most = max(several, key=lambda specs: sum(map(measure, specs)))
        total = sum(map(measure, most))
        if limit is not None and total > limit:
            worst = max(most, key=measure)
            message = f"{total:,} {what} in the {len(most)} tools of one request; the limit is {limit:,}"
            yield Divergence(tool=worst.name, kind="limit", message=message, source=worst.source)


def _optional(spec: ToolSpec) -> int:
    nodes = (node for _, node in subschemas(spec.schema) if isinstance(node.get("properties"), dict))
    return sum(name not in (node.get("required") or ()) for node in nodes for name in node["properties"])


def _unions(spec: ToolSpec) -> int:
    """Lists of types count as well."""
    return sum(
        "anyOf" in node or "oneOf" in node or isinstance(node.get("type"), list) for _, node in subschemas(spec.schema)
    )
