"""The README's picture: the top of the sample report, light and dark. `python -m tests.picture` takes it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from playwright.sync_api import ViewportSize, sync_playwright

SAMPLE = Path(__file__).parents[1] / "reports/sample/report.html"
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
_SIZE: ViewportSize = {"width": 1200, "height": 860}


def take(folder: Path = SAMPLE.parent) -> None:
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path="/usr/bin/chromium")
        for scheme in SCHEMES:
            page = browser.new_page(viewport=_SIZE, color_scheme=scheme)
            page.goto(SAMPLE.as_uri())
            page.screenshot(path=folder / f"{scheme}.png")
        browser.close()


if __name__ == "__main__":
    take()
