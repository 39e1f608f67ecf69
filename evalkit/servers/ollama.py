"""Ollama. It serves every model that `ollama pull` has fetched; how long a context is kept is its own setting."""

from __future__ import annotations

from collections.abc import Mapping

from evalkit.data import Serve

PROGRAM = "ollama"
INSTALL = "curl -fsSL https://ollama.com/install.sh | sh (Linux), or brew install ollama (macOS)"
HEALTH = "/api/version"
METRICS = None
SERIES: Mapping[str, str] = {}


def command(serve: Serve, port: int) -> tuple[str, ...]:
    """Ollama is told where to listen by its environment alone."""
    return ("env", f"OLLAMA_HOST=127.0.0.1:{port}", PROGRAM, "serve", *serve.args)
