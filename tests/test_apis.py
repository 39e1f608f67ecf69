"""Where each API is asked, and whose key goes there."""

from __future__ import annotations

import pytest

from evalkit.apis import ANTHROPIC, APIS, OPENAI, Api
from evalkit.data import Serve, Target


@pytest.mark.parametrize(
    ("api", "written", "asked"),
    [
        (OPENAI, "", "/v1/chat/completions"),
        (OPENAI, "/api/v3", "/api/v3/chat/completions"),
        (OPENAI, "/v1/chat/completions", "/v1/chat/completions"),
        (ANTHROPIC, "", "/v1/messages"),
        (ANTHROPIC, "/anthropic", "/anthropic/v1/messages"),
        (ANTHROPIC, "/anthropic/v1", "/anthropic/v1/messages"),
        (ANTHROPIC, "/v1/messages", "/v1/messages"),
    ],
)
def test_an_address_is_asked_at_its_end_however_much_of_it_is_written(api: Api, written: str, asked: str) -> None:
    assert api.path(written) == asked


@pytest.mark.parametrize("provider", APIS)
def test_a_key_goes_to_its_own_api_alone_unless_a_target_names_one(provider: str) -> None:
    api = APIS[provider]
    target = Target(name="m", provider=provider, model="m")
    elsewhere = Target(name="m", provider=provider, model="m", base_url="http://localhost:8000/v1")
    served = Target(name="m", provider=provider, model="m", serve=Serve(engine="vllm", model="m"))
    named = Target(name="m", provider=provider, model="m", base_url="http://localhost:8000/v1", api_key_env="MINE")
    own = Target(name="m", provider=provider, model="m", base_url=f"{api.url}/v1")
    found = [api.key_name(each) for each in (target, own, elsewhere, served, named)]
    assert found == [api.key, api.key, None, None, "MINE"]
