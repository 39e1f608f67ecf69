"""A model endpoint to test a set-up with: real HTTP on loopback, six wire formats, no model, faults on request.

The reference models (oracle, sampler, lexical, faulty) answer the cases of the suites they are given:

    from evalkit import testing, workspace

    with testing.running(workspace.load_suite("travel"), faults=["rate_limit=0.2"], seed=1) as server:
        ...                                     # your client, with server.openai_url as its base URL
        assert server.requests[0].json["model"] == "oracle"

`serve` is the same for asyncio. The model named in the request speaks: `oracle`, `sampler`, `lexical`,
`faulty?kind=json.syntax&rate=0.3`, any of them with `latency=0.2` (seconds, waited for) or `seed=1`. Where a `?` cannot
stand, as in Gemini's paths, write `faulty;kind=json.syntax;rate=0.3`. A `seed` in the request counts as the trial.

| format    | POST to                                                                                    |
|-----------|--------------------------------------------------------------------------------------------|
| OpenAI    | `{url}/v1/chat/completions`, streamed with `"stream": true`                                |
| Responses | `{url}/v1/responses`, likewise                                                             |
| Anthropic | `{url}/v1/messages`, streamed with `"stream": true`                                        |
| Gemini    | `{url}/v1beta/models/{model}:generateContent`, or `:streamGenerateContent` (`?alt=sse`)    |
| Ollama    | `{url}/api/chat`, streamed but with `"stream": false`                                      |
| Bedrock   | `{url}/model/{model}/converse`, or `/converse-stream`                                      |

A request is known by its last user message and the names of its tools; an unknown model and anything
else get the format's own 404.
Faults come at a rate, for the first few requests, or in one request through the header `x-evalkit-fault`: see FAULTS.
"""

from __future__ import annotations

from evalkit.testing._faults import FAULTS, HEADER, Fault
from evalkit.testing._server import Seen, Server, run_forever, running, serve

__all__ = ["FAULTS", "HEADER", "Fault", "Seen", "Server", "run_forever", "running", "serve"]
