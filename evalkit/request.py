"""Case, target and tools to the request that will be sent, whole."""

from __future__ import annotations

from evalkit import arms, values
from evalkit.data import Case, Json, Request, Suite, Target
from evalkit.pacing.limiting import CHARACTERS_PER_TOKEN, OUTPUT_TOKENS


class Builder:
    """Builds requests of one suite. Tools are declared once for each list of offered tools and shared by bodies."""

    def __init__(self, suite: Suite) -> None:
        self._suite = suite
        self._offers: dict[tuple[tuple[str, ...], str, str, str, str], arms.Offer] = {}

    def build(self, case: Case, trial: int, target: Target) -> Request:
        """The body is that of an OpenAI chat completion; a client library translates it where a provider differs.

        What the target's arm adds is told in `evalkit.arms`. `params` of the target stand at the top level of the body,
        untouched.
        """
        offer = self._offer(case, target)
        body: dict[str, Json] = {"model": target.model, "messages": offer.messages(case.messages)}
        body.update(offer.large)
        body.update(offer.small)
        if target.stream:
            body["stream"] = True
            body["stream_options"] = {"include_usage": True}  # else a stream does not count its tokens
        body.update(target.params)
        return Request(case=case, trial=trial, target=target, specs=offer.specs, body=body)

    def digest(self, request: Request) -> str:
        """Of the body as handed to the provider. The tools enter by their own digest, taken once."""
        offer = self._offer(request.case, request.target)
        return values.digest({**request.body, **dict.fromkeys(("tools", *offer.large), offer.digest)})

    def _offer(self, case: Case, target: Target) -> arms.Offer:
        # What is strict differs by provider, and behind a client library by the model's own.
        key = (case.tools, target.provider, target.model, target.arm, target.constraint)
        if key not in self._offers:
            self._offers[key] = arms.offer(target, [self._suite.specs[name] for name in case.tools])
        return self._offers[key]


def likely_tokens(request: Request) -> float:
    """What a request will probably take, there and back; what it did take is known only afterwards."""
    large = [request.body[key] for key in ("messages", "tools") if key in request.body]
    return len(values.canonical(large)) / CHARACTERS_PER_TOKEN + OUTPUT_TOKENS
