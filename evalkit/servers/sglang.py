"""SGLang's OpenAI server. For tool calls give `args: [--tool-call-parser, ...]`."""

from __future__ import annotations

from collections.abc import Mapping

from evalkit.data import Serve

PROGRAM = "sglang"
INSTALL = "pip install sglang"
HEALTH = "/health_generate"  # /health answers before the first token can be made
METRICS = "/metrics"
SERIES: Mapping[str, str] = {
    "sglang:token_usage": "kv_cache_use",
    "sglang:cached_tokens_total": "prefix_cache_hits",
    "sglang:num_running_reqs": "requests_running",
    "sglang:num_queue_reqs": "requests_waiting",
    "sglang:prompt_tokens_total": "prompt_tokens",
    "sglang:generation_tokens_total": "generated_tokens",
    "sglang:time_to_first_token_seconds": "time_to_first_token",
    "sglang:inter_token_latency_seconds": "time_between_tokens",
    "sglang:queue_time_seconds": "queue_time",
}


def command(serve: Serve, port: int) -> tuple[str, ...]:
    where = ("--host", "127.0.0.1", "--port", str(port))
    return (PROGRAM, "serve", "--model-path", serve.model, *where, "--enable-metrics", *serve.args)
