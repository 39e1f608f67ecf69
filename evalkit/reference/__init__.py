"""Models that need no weights: the ceiling, the floor, the baseline to beat, and the harness's own test.

The same model, options, case and trial always give the same answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random

from msgspec import Struct
from msgspec.structs import replace

from evalkit import arms, values
from evalkit.arms import notation
from evalkit.arms.nulls import spell
from evalkit.data import Case, Json, ToolSpec
from evalkit.errors import InputError, suggest
from evalkit.reference import faulty, lexical, oracle, sampler
from evalkit.reference.said import Said

__all__ = ["MODELS", "Manner", "Said", "manner", "on_arm", "say"]

MODELS: Mapping[str, str] = {
    "oracle": "answers what the case wants: the ceiling",
    "sampler": "a random tool with random valid arguments: constrained decoding without understanding",
    "lexical": "word overlap and regular expressions: the baseline a suite must be harder than",
    "faulty": "the oracle with a named fault: kind=CODE[,CODE...], rate=0..1",
}


class Manner(Struct, frozen=True, kw_only=True):
    """How a reference model speaks: its options, read and checked."""

    model: str
    seed: int = 0
    kind: str = ""
    """Of the faulty model: a violation code, or several with commas between, of which each faulty answer has one."""
    rate: float = 1.0
    """Of the faulty model: the share of faulty answers."""
    latency: float = 0.0
    """Seconds an answer takes, in the mean; reported, not waited for."""
    jitter: float = 0.25
    """Spread of the latency: the standard deviation of its logarithm."""
    sleep: bool = False
    """True: the latency is waited for."""

    @property
    def kinds(self) -> tuple[str, ...]:
        return tuple(self.kind.split(",")) if self.kind else ()


def say(manner: Manner, case: Case, specs: Sequence[ToolSpec], *, trial: int = 0) -> Said:
    """The answer to one case. `specs` are the tools offered, in their order."""
    random, dice = (_random(manner, use, case, trial) for use in ("answer", "fault"))
    if manner.model == "faulty":
        said = faulty.say(case, specs, random, kinds=manner.kinds, rate=manner.rate, dice=dice)
    else:
        said = {"oracle": oracle.say, "sampler": sampler.say, "lexical": lexical.say}[manner.model](case, specs, random)
    return _timed(said, manner, _random(manner, "time", case, trial)) if manner.latency else said


def on_arm(said: Said, arm: str, specs: Sequence[ToolSpec], *, nulls: bool = False) -> Said:
    """The answer as a model gives it that is asked on `arm`: calls in the text, or null for what it leaves out.

    `nulls`: the text is held to schemas in strict form.
    """
    if nulls or arm == "strict":
        schemas = {spec.name: spec.schema for spec in specs}
        said = replace(said, calls=tuple((tool, _strictly(text, schemas.get(tool))) for tool, text in said.calls))
    if arm not in arms.IN_TEXT or not (said.calls or arm == "constrained"):
        return said
    finish = said.finish if said.finish == "length" else "stop"
    return replace(said, calls=(), text=notation.write(said.calls, arms.IN_TEXT[arm]), finish=finish, client=None)


def _strictly(text: Json, schema: Json) -> Json:
    """Arguments that are no JSON object, or of no tool that was offered, are as wrong on every arm."""
    reading = values.read(text) if isinstance(text, str) else values.Reading(text)
    if reading.error is not None or not isinstance(reading.value, dict) or schema is None:
        return text
    spelled = spell(reading.value, schema)
    return oracle.as_text(spelled) if isinstance(text, str) else spelled


def _random(manner: Manner, use: str, case: Case, trial: int) -> Random:
    return Random(f"{use} {manner.seed} {trial} {case.id}")


def _timed(said: Said, manner: Manner, random: Random) -> Said:
    """Log-normal around the mean latency, as the times of most endpoints are."""
    seconds = manner.latency * random.lognormvariate(-(manner.jitter**2) / 2, manner.jitter)
    return replace(said, seconds=seconds, first_token=seconds * random.uniform(0.2, 0.5))


# --------------------------------------------------------------------------- options

_TYPES: Mapping[str, tuple[type, ...]] = {
    "seed": (int,),
    "kind": (str,),
    "rate": (int, float),
    "latency": (int, float),
    "jitter": (int, float),
    "sleep": (bool,),
}


def manner(model: str, options: Mapping[str, Json]) -> Manner:
    """Model and options, checked. Raises InputError for what is not known, with what may have been meant."""
    _known(model, MODELS, "reference model")
    for name, value in options.items():
        _known(name, _TYPES, f"option of reference/{model}")
        if not isinstance(value, _TYPES[name]) or (isinstance(value, bool) and name != "sleep"):
            raise InputError(f"reference/{model}: {name} is {_TYPES[name][-1].__name__}, not {value!r}")
    found = Manner(model=model, **options)
    if model == "faulty":
        if not found.kind:
            raise InputError("reference/faulty has no kind", "name a violation code: reference/faulty?kind=json.syntax")
        for kind in found.kinds:
            _known(kind, faulty.FAULTS, "kind of fault")
    elif found.kind:
        raise InputError(f"reference/{model} has no kind", "only reference/faulty has one")
    if not 0 <= found.rate <= 1:
        raise InputError(f"reference/{model}: rate is {found.rate}", "a share is between 0 and 1")
    if found.latency < 0 or found.jitter < 0:
        raise InputError(f"reference/{model}: latency and jitter are at least 0")
    return found


def _known(name: str, names: Mapping[str, object], what: str) -> None:
    if name not in names:
        raise InputError(f"no {what} is called {name!r}", suggest(name, names))
