"""What left below a client library is told whole, and no key with it."""

from __future__ import annotations

import shlex

from hypothesis import given
from hypothesis import strategies as st

from evalkit import repro
from evalkit.data import Case, Request, Response, Target, Wire
from evalkit.providers._posted import posted
from tests import strategies

TOOLS = [{"type": "function", "function": {"name": "book"}}]
bodies = st.dictionaries(st.sampled_from(["model", "messages", "system", "stream", "max_tokens"]), strategies.values)


def reply(left: dict[str, object], handed: dict[str, object], *, url: str = "http://h/v1", **headers: str) -> Response:
    found = posted(url, headers, left, handed, {"s3cret": "MY_KEY"})
    sent = left.get("tools", left.get("toolConfig", {}).get("tools"))  # type: ignore[attr-defined]
    same = sent == handed.get("tools")
    return Response(wire=Wire(status=200, body=""), dialect="openai_chat", posted=found, sent=None if same else sent)


@given(handed=bodies, left=bodies, nested=st.booleans(), kept=st.booleans())
def test_a_body_is_told_whole_by_how_it_differs(
    handed: dict[str, object], left: dict[str, object], nested: bool, kept: bool
) -> None:
    tools = TOOLS if kept else [{"toolSpec": {"name": "book"}}]
    handed = {**handed, "tools": TOOLS}
    left = {**left, "toolConfig": {"tools": tools, "toolChoice": {"any": {}}}} if nested else {**left, "tools": tools}
    assert repro.left(handed, reply(left, handed)) == left


def test_keys_are_named_wherever_they_stand() -> None:
    answer = reply(
        {},
        {},
        url="http://me:pw@h:1/v1?alt=sse&key=s3cret",
        **{"Authorization": "Bearer s3cret", "x-api-key": "fetched", "Cookie": "c", "anthropic-version": "2023-06-01"},
    )
    found = answer.posted
    assert found is not None
    assert found.url == "http://h:1/v1?alt=sse&key=$MY_KEY"
    assert found.headers == {
        "anthropic-version": "2023-06-01",
        "authorization": "Bearer $MY_KEY",
        "x-api-key": "$ACCESS_TOKEN",
    }
    assert found.keys == ("MY_KEY", "ACCESS_TOKEN")


def test_a_signed_request_is_signed_anew() -> None:
    signed = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260101/us-east-1/bedrock/aws4_request, Signature=abc"
    answer = reply({}, {}, Authorization=signed, **{"x-amz-security-token": "t"})
    asked = Request(
        case=Case(id="c", messages=(), tools=()),
        trial=0,
        target=Target(name="m", provider="litellm", model="bedrock/m"),
        specs=(),
        body={},
    )
    text = repro.curl(asked, answer).text
    assert "AKIDEXAMPLE" not in text and "Signature" not in text
    assert "--aws-sigv4" in shlex.split(text, comments=True)
    assert "aws:amz:us-east-1:bedrock" in shlex.split(text, comments=True)
