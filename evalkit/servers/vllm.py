"""vLLM's OpenAI server. For tool calls give `args: [--enable-auto-tool-choice, --tool-call-parser, ...]`.

Under guided decoding a small model may write blanks up to its last token (`call.truncated`): what keeps it from that
is `--structured-outputs-config '{"backend": "xgrammar", "disable_any_whitespace": true}'`.
"""

from __future__ import annotations

from collections.abc import Mapping

from evalkit.data import Serve

PROGRAM = "vllm"
INSTALL = "pip install vllm"
HEALTH = "/health"
METRICS = "/metrics"
SERIES: Mapping[str, str] = {
    "vllm:kv_cache_usage_perc": "kv_cache_use",
    "vllm:prefix_cache_queries_total": "prefix_cache_queries",
    "vllm:prefix_cache_hits_total": "prefix_cache_hits",
    "vllm:num_requests_running": "requests_running",
    "vllm:num_requests_waiting": "requests_waiting",
    "vllm:num_preemptions_total": "preemptions",
    "vllm:prompt_tokens_total": "prompt_tokens",
    "vllm:generation_tokens_total": "generated_tokens",
    "vllm:time_to_first_token_seconds": "time_to_first_token",
    "vllm:inter_token_latency_seconds": "time_between_tokens",
    "vllm:request_queue_time_seconds": "queue_time",
    "vllm:request_prefill_time_seconds": "prefill_time",
    "vllm:request_decode_time_seconds": "decode_time",
    "vllm:tool_call_parser_invocations_total": "tool_call_parser_invocations",  # one for each part of a stream
}


def command(serve: Serve, port: int) -> tuple[str, ...]:
    return (PROGRAM, "serve", serve.model, "--host", "127.0.0.1", "--port", str(port), *serve.args)
