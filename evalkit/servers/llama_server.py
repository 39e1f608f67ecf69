"""llama.cpp's llama-server, which serves a GGUF file. It reads tool calls by the model's own chat template."""

from __future__ import annotations

from collections.abc import Mapping

from evalkit.data import Serve

PROGRAM = "llama-server"
INSTALL = "brew install llama.cpp (macOS, Linux), or a release of llama.cpp unpacked into a folder on PATH"
HEALTH = "/health"
METRICS = "/metrics"
SERIES: Mapping[str, str] = {
    "llamacpp:kv_cache_usage_ratio": "kv_cache_use",  # not in builds since the cache was unified
    "llamacpp:requests_processing": "requests_running",
    "llamacpp:requests_deferred": "requests_waiting",
    "llamacpp:prompt_tokens_total": "prompt_tokens_computed",  # without those taken from the cache
    "llamacpp:prompt_tokens_cached_total": "prefix_cache_hits",
    "llamacpp:tokens_predicted_total": "generated_tokens",
}


def command(serve: Serve, port: int) -> tuple[str, ...]:
    where = ("--host", "127.0.0.1", "--port", str(port))
    return (PROGRAM, "-m", serve.model, *where, "--jinja", "--metrics", *serve.args)
