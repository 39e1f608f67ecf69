"""Numbers as people read them: one spelling of a percentage, a difference, a time, for every page and line."""

from __future__ import annotations

NOTHING = "–"
"""What stands where a number is unknown or does not apply."""


def percent(share: float | None) -> str:
    """0.9731 -> `97.3 %`. Only 1 itself is 100 %, and only 0 is 0 %."""
    if share is None:
        return NOTHING
    text = f"{share * 100:.1f}"
    if (text == "100.0" and share < 1) or (text == "0.0" and share > 0):
        return "> 99.9 %" if share > 0.5 else "< 0.1 %"
    return f"{text} %"


def points(share: float | None) -> str:
    """-0.021 -> `−2.1`, in percentage points."""
    if share is None:
        return NOTHING
    text = f"{share * 100:+.1f}"
    return "0.0" if float(text) == 0 else text.replace("-", "−")


def between(low: float | None, high: float | None) -> str:
    """An interval of a difference, in percentage points; "" where a bound is unknown."""
    return f"[{points(low)}, {points(high)}]" if low is not None and high is not None else ""


def change(count: int | None) -> str:
    """-3 -> `−3`, 4 -> `+4`."""
    if count is None:
        return NOTHING
    return f"{count:+,}".replace("-", "−") if count else "0"


def seconds(time: float | None) -> str:
    """1.234 -> `1.23 s`, 0.0421 -> `42 ms`, 754 -> `754 s`."""
    if time is None:
        return NOTHING
    if time < 0.9995:
        return f"{time * 1000:.0f} ms" if time >= 0.0095 or time == 0 else f"{time * 1000:.1f} ms"
    return f"{time:.2f} s" if time < 9.995 else f"{time:.1f} s" if time < 99.95 else f"{time:,.0f} s"


def usd(amount: float | None) -> str:
    """Two decimals for what is more than a dollar, else three digits that say something."""
    if amount is None:
        return NOTHING
    if amount == 0 or abs(amount) >= 1:
        return f"${amount:,.2f}"
    decimals = next((n for n in range(2, 10) if abs(amount) * 10**n >= 99.5), 10)
    return f"${amount:.{decimals}f}"


def ratio(times: float | None) -> str:
    """1.0912 -> `1.09×`."""
    return NOTHING if times is None else f"{times:.2f}×"


def number(amount: float | None) -> str:
    if amount is None:
        return NOTHING
    return f"{amount:,.0f}" if abs(amount) >= 100 or float(amount).is_integer() else f"{amount:.1f}"


def chance(p: float | None) -> str:
    """A p or q: 0.0004 -> `< .001`, 0.0432 -> `.043`, 1 -> `1`."""
    if p is None:
        return NOTHING
    if p < 0.001:
        return "< .001"
    return "1" if p > 0.9995 else f"{p:.3f}".removeprefix("0")


def counted(count: int, one: str, many: str = "") -> str:
    """(1, "case") -> `1 case`, (1240, "case") -> `1,240 cases`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
