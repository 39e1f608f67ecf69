"""A server program for tests: `little_server.py PORT [WORD...]`, where each word is one way to behave.

`deaf` never becomes healthy; `dies` ends at once; `forks` starts a process in a session of its own and tells its id in
the log; `stubborn` ignores SIGTERM; `mortal` ends itself with the third question. It counts questions as vLLM does.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

WORDS = set(sys.argv[2:])
ANSWER = {"role": "assistant", "content": "Hello."}
METRICS = """\
# HELP vllm:kv_cache_usage_perc KV-cache usage.
# TYPE vllm:kv_cache_usage_perc gauge
vllm:kv_cache_usage_perc{{engine="0"}} 0.25
# TYPE vllm:prompt_tokens_total counter
vllm:prompt_tokens_total{{engine="0"}} {tokens}
# TYPE vllm:request_queue_time_seconds histogram
vllm:request_queue_time_seconds_bucket{{engine="0",le="0.1"}} {count}
vllm:request_queue_time_seconds_bucket{{engine="0",le="+Inf"}} {count}
vllm:request_queue_time_seconds_sum{{engine="0"}} {seconds}
vllm:request_queue_time_seconds_count{{engine="0"}} {count}
"""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    asked = 0

    def do_GET(self) -> None:
        if self.path == "/metrics":
            count = Handler.asked
            self._send(200, METRICS.format(tokens=10 * count, count=count, seconds=0.02 * count), "text/plain")
        else:
            self._send(503 if "deaf" in WORDS else 200, "{}")

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        Handler.asked += 1
        if "mortal" in WORDS and Handler.asked == 3:
            print("out of memory", flush=True)
            os._exit(3)
        self._send(200, json.dumps({"choices": [{"index": 0, "message": ANSWER, "finish_reason": "stop"}]}))

    def _send(self, status: int, text: str, kind: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        """Quiet."""


print(f"pid {os.getpid()}", flush=True)
if "dies" in WORDS:
    sys.exit("no such model")
if "stubborn" in WORDS:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if "forks" in WORDS:
    print(f"pid {subprocess.Popen(['sleep', '600'], start_new_session=True).pid}", flush=True)
ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
