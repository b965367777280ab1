"""Pass-through: bytes as they came but for the model's name, and converters that leave an error to the relay."""

import json

import pytest

from gateway.convert import CONVERSIONS
from gateway.convert.same import EmbeddingsSame
from gateway.wire import openai
from tests.gateway.convert.asks import asked_make, relayed

HI = [{"role": "user", "content": "Hi"}]
ERROR = {"type": "overloaded_error", "message": "Busy"}


def test_embeddings_change_the_name_alone():
    asked = asked_make({"model": "public-1", "input": ["a", "b"], "dimensions": 8})
    same = EmbeddingsSame(asked)
    assert json.loads(same.body) == {"model": "upstream-1", "input": ["a", "b"], "dimensions": 8}
    assert same.answer(b'{"data": [ {"embedding":[0.10]} ], "model":"upstream-1"}') == (
        b'{"data": [ {"embedding":[0.10]} ], "model":"public-1"}'
    )


@pytest.mark.parametrize("row", [pair for pair in CONVERSIONS if pair[0] in ("openai_chat", "anthropic_messages")])
def test_an_error_is_left_to_the_relay(row):
    asked = asked_make({"model": "public-1", "max_tokens": 9, "messages": HI, "stream": True})
    assert CONVERSIONS[row](asked).stream().failed(ERROR) == b""


def test_usage_that_nobody_asked_for_is_left_out():
    chunk = b'data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1}}\n\n'
    asked = asked_make({"model": "public-1", "messages": HI, "stream": True}, include_usage=False)
    body = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n' + chunk + b"data: [DONE]\n\n"
    said, ended = relayed(CONVERSIONS["openai_chat", "openai_chat"](asked), body, wire=openai)
    assert ended
    assert said == body.replace(chunk, b"")
