"""A stored record is judged by what came back alone."""

from __future__ import annotations

import json

from msgspec.structs import replace

from evalkit import judge
from evalkit.data import Fault, Judging, Record, Response, Wire
from tests.asked import SUITE, answer
from tests.endpoints import Received


def test_judging_a_stored_reply_again_needs_no_answer_beside_it() -> None:
    asked = Received(path="", headers={}, text=json.dumps({"messages": [{"content": "7"}]}))
    reply = Response(wire=Wire(status=200, body=answer(asked).chunks[0].decode()), dialect="openai_chat")
    stored = Record(case="case-7", trial=0, target="old", started="", sent="", reply=reply)
    judged = judge.records(SUITE, Judging())(stored)
    assert judged.score is not None and judged.score.correct
    assert judge.records(SUITE, Judging())(replace(stored, case="case-8")).score != judged.score


def test_a_stored_reply_that_cannot_be_read_is_a_fault_and_no_wrong_answer() -> None:
    reply = Response(wire=Wire(status=200, body="<html>"), dialect="openai_chat")
    stored = Record(case="case-7", trial=0, target="old", started="", sent="", reply=reply)
    judged = judge.records(SUITE, Judging())(stored)
    assert isinstance(judged.reply, Fault) and judged.score is None
