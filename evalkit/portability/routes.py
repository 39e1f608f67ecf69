"""What each route makes of a tool's declaration: one table, with where it is documented.

Routes change faster than programs do. Each entry says what it rests on; a run records what really left, and that is
what counts (see `portability.sent`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from msgspec import Struct

from evalkit.arms import strict

Node = Mapping[str, Any]


class Rule(Struct, frozen=True, kw_only=True):
    """What becomes of a keyword wherever it stands, if `where` holds of the subschema around it."""

    keyword: str
    why: str
    kind: str = "lost"
    """One of `data.DIVERGENCES`."""
    where: Callable[[Node], bool] = lambda node: True


class Route(Struct, frozen=True, kw_only=True):
    """A way to a model, as far as declarations of tools are concerned. None: no limit is known."""

    meaning: str
    source: str
    """What the entry rests on."""
    name: str
    """Regular expression of the tool names it takes, whole."""
    member: str | None = None
    """... and of the names of properties."""
    root: tuple[str, ...] = ()
    """Keywords that it refuses at the root of a schema."""
    rules: tuple[Rule, ...] = ()
    verbatim: tuple[str, ...] = ()
    """Keywords below which it leaves everything as it is."""
    formats: frozenset[str] | None = None
    """The formats that it holds the model to."""
    strict: strict.Demands | None = None
    """The strict form that schemas take on."""
    depth: int | None = None
    """Levels of objects and arrays."""
    properties: int | None = None
    """In all of one schema; so are the next two."""
    enum_values: int | None = None
    characters: int | None = None
    """Of names and enumerated values together."""
    tools: int | None = None
    """In one request; so are the next two, in all its tools together."""
    optional: int | None = None
    """Arguments that may be left out."""
    unions: int | None = None
    """Arguments with alternatives, of types too."""


_UNIONS = ("oneOf", "allOf", "anyOf")
_CONDITIONS = ("if", "then", "else", "dependentSchemas", "dependentRequired", "dependencies")
_BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")


def _each(keywords: Iterable[str], why: str, kind: str = "lost") -> tuple[Rule, ...]:
    return tuple(Rule(keyword=keyword, why=why, kind=kind) for keyword in keywords)


def _is_not(kind: str) -> Callable[[Node], bool]:
    return lambda node: kind not in (node.get("type") or ())


def _has(*keywords: str) -> Callable[[Node], bool]:
    return lambda node: any(keyword in node for keyword in keywords)


def _is_text(node: Node) -> bool:
    """Whether a subschema may describe a string."""
    kind = node.get("type")
    return kind is None or kind == "string" or (isinstance(kind, list) and "string" in kind)


def _restraints(node: Node) -> int:
    """How many ways of holding a string a subschema has; both lengths are one."""
    return sum(("format" in node, "pattern" in node, "minLength" in node or "maxLength" in node))


# --------------------------------------------------------------------------- Gemini

_NO_FIELD = "the Schema of a function declaration has no such field: the API answers 400, and clients leave it out"
_GEMINI = (
    *_each(("const", "additionalProperties", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"), _NO_FIELD),
    *_each(("oneOf", "allOf", "not", "patternProperties", "propertyNames", "uniqueItems", "contains"), _NO_FIELD),
    *_each(("prefixItems", "unevaluatedProperties", *_CONDITIONS), _NO_FIELD),
    *_each(
        ("$ref", "$defs", "definitions"), "references have no field of their own: clients write them out", "changed"
    ),
    *_each(("$schema", "examples", "$comment"), _NO_FIELD, "unsaid"),
    Rule(
        keyword="type",
        why="a type is one word: clients write null as `nullable`, and other lists as anyOf",
        kind="changed",
        where=lambda node: isinstance(node.get("type"), list),
    ),
    Rule(
        keyword="enum",
        why="an enumeration holds strings only",
        where=lambda node: any(not isinstance(value, str) for value in node.get("enum", ())),
    ),
)

# --------------------------------------------------------------------------- strict Anthropic

_CLAUDE_STRICT = (
    Rule(
        keyword="enum",
        why="an enumeration holds no objects and arrays",
        kind="refused",
        where=lambda node: any(isinstance(value, dict | list) for value in node.get("enum", ())),
    ),
)

# --------------------------------------------------------------------------- guided decoding

_XGRAMMAR_FORMATS = frozenset(
    (
        *("email", "date", "time", "date-time", "duration", "ipv4", "ipv6", "hostname", "uuid", "uri"),
        *("uri-reference", "uri-template", "json-pointer", "relative-json-pointer"),
    )
)
_XGRAMMAR = "xgrammar cannot hold a model to it, so guided decoding is refused or falls to another backend"
_VLLM = (
    Rule(keyword="multipleOf", why=_XGRAMMAR),
    *_each(("uniqueItems", "contains", "minContains", "maxContains"), _XGRAMMAR),
    Rule(
        keyword="patternProperties",
        why=f"beside properties, or with several patterns, {_XGRAMMAR}",
        where=lambda node: "properties" in node or len(node.get("patternProperties", ())) > 1,
    ),
    Rule(
        keyword="propertyNames",
        why=f"beside properties or patterns {_XGRAMMAR}",
        where=_has("properties", "patternProperties", "unevaluatedProperties"),
    ),
    *(
        Rule(keyword=keyword, why="dropped beside a pattern or format", where=_has("pattern", "format"))
        for keyword in ("minLength", "maxLength")
    ),
    Rule(keyword="allOf", why=_XGRAMMAR, where=lambda node: len(node.get("allOf", ())) > 1),
)
_WEAKENED = "xgrammar would not keep it, so the request is refused; older servers ignore it silently"
_TOGETHER = "a string is held to one of format, pattern and lengths: the request is refused"
_SGLANG = (
    *_each(("multipleOf", "uniqueItems", "contains", "minContains", "maxContains", "not"), _WEAKENED, "refused"),
    *_each(("if", "then", "else", "dependentSchemas", "dependentRequired"), _WEAKENED, "refused"),
    Rule(
        keyword="format",
        why=_WEAKENED,
        kind="refused",
        where=lambda node: _is_text(node) and node.get("format") not in _XGRAMMAR_FORMATS,
    ),
    *(
        Rule(
            keyword=keyword, why=_TOGETHER, kind="refused", where=lambda node: _is_text(node) and _restraints(node) > 1
        )
        for keyword in ("format", "pattern", "minLength", "maxLength")
    ),
)
_SKIPPED = "skipped silently when the schema is made a grammar"
_LLAMA_CPP = (
    *_each(("uniqueItems", "contains", "minContains", "maxContains", "not", "patternProperties"), _SKIPPED),
    *_each(("propertyNames", "minProperties", "maxProperties", "unevaluatedProperties"), _SKIPPED),
    *_each(("$anchor", "multipleOf", *_CONDITIONS), _SKIPPED),
    Rule(keyword="prefixItems", why="items alone are held beside it", where=_has("items")),
    *(Rule(keyword=keyword, why="held for integers only", where=_is_not("integer")) for keyword in _BOUNDS[:4]),
    Rule(
        keyword="pattern",
        why="must begin with ^ and end with $",
        where=lambda node: not (str(node.get("pattern"))[:1] == "^" and str(node.get("pattern"))[-1:] == "$"),
    ),
    Rule(keyword="format", why="dropped beside a pattern", where=_has("pattern")),
    *(
        Rule(keyword=keyword, why="dropped beside a pattern or format", where=_has("pattern", "format"))
        for keyword in ("minLength", "maxLength")
    ),
    Rule(keyword="properties", why="dropped beside oneOf and anyOf", where=_has("oneOf", "anyOf")),
)

# --------------------------------------------------------------------------- parsed into structs

_NO_STRUCT = "the server reads declarations into a structure without it: it is dropped before the model is told"
_OLLAMA = (
    *_each((*_BOUNDS, "minLength", "maxLength", "pattern", "format", "const", "oneOf", "allOf", "not"), _NO_STRUCT),
    *_each(
        ("minItems", "maxItems", "uniqueItems", "contains", "minContains", "maxContains", "prefixItems"), _NO_STRUCT
    ),
    *_each(
        ("additionalProperties", "patternProperties", "propertyNames", "minProperties", "maxProperties"), _NO_STRUCT
    ),
    *_each(("$ref", "unevaluatedProperties", "unevaluatedItems", *_CONDITIONS), _NO_STRUCT),
    *_each(("default", "title", "examples", "$comment", "$schema"), _NO_STRUCT, "unsaid"),
)

# --------------------------------------------------------------------------- the table

_WORD = r"[a-zA-Z0-9_-]{1,64}"

ROUTES: Mapping[str, Route] = {
    "openai": Route(
        meaning="OpenAI's functions, not strict: the schema is told to the model, which nothing holds to it",
        source="API reference of function objects (name); what the API answers to unions at the root",
        name=_WORD,
        root=(*_UNIONS, "enum", "not"),
    ),
    "openai-strict": Route(
        meaning="OpenAI's strict functions, the arm `strict`",
        source="Structured Outputs guide: supported schemas and limits",
        name=_WORD,
        strict=strict.OPENAI,
        depth=10,
        properties=5_000,
        enum_values=1_000,
        characters=120_000,
    ),
    "anthropic": Route(
        meaning="Anthropic's tools, not strict: the schema is told to the model, which nothing holds to it",
        source="what the Messages API answers to names, property names and unions at the root",
        name=r"[a-zA-Z0-9_-]{1,128}",
        member=r"[a-zA-Z0-9_.-]{1,64}",
        root=_UNIONS,
    ),
    "anthropic-strict": Route(
        meaning="Anthropic's strict tools: decoding under a grammar",
        # To others it said so: issue 2323 of elie222/inbox-zero (24 optional arguments), pull request 6129 of
        # mozilla/bugbug (16 with alternatives), issue 5230 of genkit-ai/genkit (20 tools).
        source="Structured outputs guide: JSON Schema limitations; what the API answers (bounds, grammar too large)",
        name=r"[a-zA-Z0-9_-]{1,128}",
        member=r"[a-zA-Z0-9_.-]{1,64}",
        root=_UNIONS,
        rules=_CLAUDE_STRICT,
        strict=strict.CLAUDE,
        tools=20,
        optional=24,
        unions=16,
    ),
    "gemini": Route(
        meaning="Gemini's and Vertex AI's `parameters`; `parametersJsonSchema` takes more, and fewer clients send it",
        source="reference of FunctionDeclaration (names) and Schema (fields); what the API answers to other fields",
        name=r"[a-zA-Z_][a-zA-Z0-9_.-]{0,63}",
        member=r"[a-zA-Z_][a-zA-Z0-9_]{0,63}",
        rules=_GEMINI,
    ),
    "bedrock": Route(
        meaning="Amazon Bedrock's Converse, whatever the model behind it",
        source="API reference of ToolSpecification (name)",
        name=_WORD,
    ),
    "vllm": Route(
        meaning="vLLM's guided decoding with xgrammar: forced and named tool_choice, and the arm `constrained`",
        source="vllm/v1/structured_output/backend_xgrammar.py",
        name=".+",
        rules=_VLLM,
        formats=_XGRAMMAR_FORMATS,
    ),
    "sglang": Route(
        meaning="SGLang's guided decoding with xgrammar: required and named tool_choice, strict tools, `constrained`",
        source="python/sglang/srt/constrained/json_schema_validation.py; its guides to structured outputs and tools",
        name=".+",
        rules=_SGLANG,
    ),
    "llama_cpp": Route(
        meaning="llama.cpp's server, which makes a grammar of the schema",
        source="grammars/README.md: known limitations; common/json-schema.cpp: what is read, and what first",
        name=".+",
        rules=_LLAMA_CPP,
        formats=frozenset(("date", "time", "date-time", "uuid")),
    ),
    "ollama": Route(
        meaning="Ollama's tools: what its server knows of a schema is told to the model, which nothing holds to it",
        # Issue 17142 of ollama/ollama, open in 2026, with the structure: anyOf, type, items (as it is), description,
        # enum, properties and required are read, and at the root type, $defs, items, required and properties.
        source="api/types.go: ToolFunctionParameters and ToolProperty, as its issue 17142 lists them",
        name=".+",
        rules=_OLLAMA,
        verbatim=("items", "$defs"),
    ),
    "mistral": Route(
        meaning="Mistral's functions, not strict: the schema is told to the model, which nothing holds to it",
        # Its published specification says no more of a declaration than that: parameters are any JSON Schema.
        source="API specification of function tools (name)",
        name=_WORD,
    ),
    "groq": Route(
        meaning="Groq's tools: a call that breaks the schema comes back as an error, and is told as call.unreadable",
        # What it answered to others: issues 1088 and 1204 of usestrix/strix (required without properties), issue 20 of
        # HunorLaczko/ha-groq-cloud-api (a call that did not match).
        source="API reference of function objects (name); what the API answers to schemas and calls",
        name=_WORD,
        rules=(
            Rule(
                keyword="required",
                why="required without properties: the API answers 400",
                kind="refused",
                where=lambda node: "properties" not in node,
            ),
        ),
    ),
}
