"""Hugging Face's `transformers serve`: no speed to speak of, but the model's own reference code and no build."""

from __future__ import annotations

from collections.abc import Mapping

from evalkit.data import Serve

PROGRAM = "transformers"
INSTALL = 'pip install "transformers[serving]" torch'
HEALTH = "/health"
METRICS = None
SERIES: Mapping[str, str] = {}


def command(serve: Serve, port: int) -> tuple[str, ...]:
    return (PROGRAM, "serve", serve.model, "--host", "127.0.0.1", "--port", str(port), *serve.args)
