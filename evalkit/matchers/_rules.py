"""What all matchers say alike: which options a rule may carry, and how two values are shown side by side."""

from __future__ import annotations

from collections.abc import Mapping

from evalkit.data import Json
from evalkit.values import quoted


def unknown_option(options: Mapping[str, Json], *known: str) -> str | None:
    """A sentence that names the first option outside `known`; None if there is none."""
    for name in options:
        if name not in known:
            return f"there is no option {name!r}; known: {', '.join(known)}" if known else f"takes no option {name!r}"
    return None


def bad_choice(options: Mapping[str, Json], name: str, *choices: Json) -> str | None:
    """A sentence if the option is given and is none of `choices`."""
    value = options.get(name, choices[0])
    if any(value is choice or (isinstance(value, str) and value == choice) for choice in choices):
        return None
    return f"{name} is {' or '.join(quoted(choice) for choice in choices)}, not {quoted(value)}"


def differs(actual: Json, expected: Json) -> str:
    return f"got {quoted(actual)}, wanted {quoted(expected)}"
