"""The questions that try an endpoint: small cases, and the ways in which they are asked."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field
from msgspec.structs import replace

from evalkit.arms import IN_TEXT
from evalkit.data import ArgRule, Case, Expectation, ExpectedCall, Json, Suite, Target, ToolSpec


class Way(Struct, frozen=True, kw_only=True):
    """How a canary is asked: what is added to the target's own parameters, and whether it is streamed."""

    params: Mapping[str, Json] = field(default_factory=dict)
    stream: bool = False


WAYS: Mapping[str, Way] = {
    "plain": Way(),
    "stream": Way(stream=True),
    "auto": Way(params={"tool_choice": "auto"}),
    "required": Way(params={"tool_choice": "required"}),
    "none": Way(params={"tool_choice": "none"}),
    "named": Way(params={"tool_choice": {"type": "function", "function": {"name": "save_note"}}}),
    "temperature": Way(params={"temperature": 0}),
    "top_p": Way(params={"top_p": 0.9}),
    "seed": Way(params={"seed": 7}),
    "max_tokens": Way(params={"max_tokens": 512}),
    "parallel_tool_calls": Way(params={"parallel_tool_calls": False}),
}
PARAMETERS = ("temperature", "top_p", "seed", "max_tokens", "parallel_tool_calls")
CHOICES = ("auto", "required", "none", "named")


class Family(Struct, frozen=True, kw_only=True):
    """Keywords of JSON Schema that stand or fall together, in one tool that uses them."""

    keywords: tuple[str, ...]
    instead: str = ""
    """A key that shows, where the keywords are gone, that what they say was written out in place."""
    tool: str
    description: str
    schema: Json
    ask: str
    arguments: Mapping[str, Json]


def _object(required: bool = True, /, **properties: Json) -> Json:
    return {"type": "object", "properties": properties, **({"required": list(properties)} if required else {})}


_TEXT: Json = {"type": "string"}
_COUNT: Json = {"type": "integer"}

FAMILIES: Mapping[str, Family] = {
    "$ref": Family(
        keywords=("$ref", "$defs"),
        instead="street",
        tool="save_address",
        description="Saves a postal address.",
        schema={
            **_object(address={"$ref": "#/$defs/address"}),
            "$defs": {"address": _object(street=_TEXT, city=_TEXT)},
        },
        ask="Save the address: street 12 Harbour Street, city Bergen.",
        arguments={"address": {"street": "12 Harbour Street", "city": "Bergen"}},
    ),
    "union": Family(
        keywords=("anyOf",),
        tool="save_contact",
        description="Saves how a person is reached: by an email address or by a telephone number.",
        schema=_object(contact={"anyOf": [_object(email=_TEXT), _object(phone=_TEXT)]}),
        ask="Save this contact: the email is ana@example.org",
        arguments={"contact": {"email": "ana@example.org"}},
    ),
    "enum": Family(
        keywords=("enum", "const"),
        tool="set_heating",
        description="Sets the mode of the heating for some hours.",
        schema=_object(
            mode={"type": "string", "enum": ["off", "eco", "comfort"]},
            hours={"type": "integer", "enum": [1, 2, 4]},
            version={"type": "string", "const": "v2"},
        ),
        ask="Set the heating to eco for 2 hours, version v2.",
        arguments={"mode": "eco", "hours": 2, "version": "v2"},
    ),
    "nested": Family(
        keywords=("items",),
        tool="place_order",
        description="Places an order.",
        schema=_object(
            order=_object(customer=_TEXT, lines={"type": "array", "items": _object(sku=_TEXT, count=_COUNT)})
        ),
        ask="Place an order for the customer Lee: 3 of sku A7 and 1 of sku B2.",
        arguments={"order": {"customer": "Lee", "lines": [{"sku": "A7", "count": 3}, {"sku": "B2", "count": 1}]}},
    ),
    "format": Family(
        keywords=("format",),
        tool="book_room",
        description="Books a room for a day, and sends the confirmation to an email address.",
        schema=_object(day={"type": "string", "format": "date"}, email={"type": "string", "format": "email"}),
        ask="Book a room for 2026-03-05 and confirm to lee@example.org",
        arguments={"day": "2026-03-05", "email": "lee@example.org"},
    ),
    "limits": Family(
        keywords=("pattern", "minimum", "maximum", "additionalProperties"),
        tool="find_parcel",
        description="Finds a parcel by its code, and lists its last stops.",
        schema={
            **_object(
                code={"type": "string", "pattern": "^[A-Z]{3}-[0-9]{3}$"},
                stops={"type": "integer", "minimum": 1, "maximum": 9},
            ),
            "additionalProperties": False,
        },
        ask="Find the parcel ABC-123 and list its last 5 stops.",
        arguments={"code": "ABC-123", "stops": 5},
    ),
    "null": Family(
        keywords=("type",),
        tool="rename_file",
        description="Renames a file. A folder of null leaves it where it is.",
        schema=_object(name=_TEXT, folder={"type": ["string", "null"]}),
        ask="Rename the file to notes.txt and leave it where it is: the folder is null.",
        arguments={"name": "notes.txt", "folder": None},
    ),
}

# --------------------------------------------------------------------------- the suite

_WEATHER = ToolSpec(
    name="get_weather",
    description="The weather in a city now.",
    schema=_object(city=_TEXT),
    source="evalkit/doctor/canaries.py#get_weather",
)
_NOTE = ToolSpec(
    name="save_note",
    description="Saves a note.",
    schema=_object(text=_TEXT),
    source="evalkit/doctor/canaries.py#save_note",
)
_ANY_CALL: tuple[Expectation, ...] = ()
_NO_CALL = (Expectation(),)


def _expect(*calls: tuple[str, Mapping[str, Json]]) -> tuple[Expectation, ...]:
    made = (
        ExpectedCall(tool=tool, args=tuple(ArgRule(path=f"/{name}", value=value) for name, value in arguments.items()))
        for tool, arguments in calls
    )
    return (Expectation(calls=tuple(made)),)


def _weather(*cities: str) -> tuple[Expectation, ...]:
    return _expect(*(("get_weather", {"city": city}) for city in cities))


def _case(id: str, ask: str, accept: tuple[Expectation, ...], *tools: str) -> Case:
    return Case(id=id, messages=({"role": "user", "content": ask},), tools=tools, accept=accept)


def _cases() -> tuple[Case, ...]:
    return (
        _case("weather", "What is the weather in Oslo?", _weather("Oslo"), "get_weather"),
        _case("auto", "What is the weather in Lima?", _weather("Lima"), "get_weather"),
        _case("required", "Good morning!", _ANY_CALL, "get_weather"),
        _case("none", "What is the weather in Cairo?", _NO_CALL, "get_weather"),
        _case(
            "named",
            "What is the weather in Quito?",
            _expect(("save_note", {"text": "Quito"})),
            "get_weather",
            "save_note",
        ),
        _case(
            "parallel", "What is the weather in Oslo, and what is it in Rome?", _weather("Oslo", "Rome"), "get_weather"
        ),
        _case("serial", "What is the weather in Bonn, and what is it in Nice?", _weather("Bonn"), "get_weather"),
        _case("held", "Say the one word hello: no JSON, and no call of a tool.", _NO_CALL, "get_weather"),
        *(_case(name, each.ask, _expect((each.tool, each.arguments)), each.tool) for name, each in FAMILIES.items()),
    )


def _specs() -> Mapping[str, ToolSpec]:
    families = (
        ToolSpec(
            name=each.tool,
            description=each.description,
            schema=each.schema,
            source=f"evalkit/doctor/canaries.py#{each.tool}",
        )
        for each in FAMILIES.values()
    )
    return {spec.name: spec for spec in (_WEATHER, _NOTE, *families)}


SUITE = Suite(name="canaries", specs=_specs(), cases=_cases(), digest="canaries")

ASKED: tuple[tuple[str, str], ...] = (
    ("weather", "plain"),
    ("weather", "stream"),
    ("auto", "auto"),
    ("required", "required"),
    ("none", "none"),
    ("named", "named"),
    ("parallel", "plain"),
    *(("serial" if name == "parallel_tool_calls" else "weather", name) for name in PARAMETERS),
    *((name, "plain") for name in FAMILIES),
)
"""(case, way) of every question to an endpoint that is sent tools."""
_OF_TOOLS = (*CHOICES, "parallel_tool_calls")
"""Ways that mean nothing, or are refused, where no tools are sent."""


def asked(target: Target) -> tuple[tuple[str, str], ...]:
    """The questions that make sense on the target's arm. The first decides whether the others are worth asking."""
    if target.arm not in IN_TEXT:
        return ASKED
    in_text = tuple((case, way) for case, way in ASKED if way not in _OF_TOOLS)
    return (*in_text, ("held", "plain")) if target.arm == "constrained" else in_text


def ways(target: Target) -> tuple[Target, ...]:
    """The target, once for each way of asking it; the way is its name."""
    return tuple(
        replace(target, name=name, params={**target.params, **way.params}, stream=way.stream)
        for name, way in WAYS.items()
    )
