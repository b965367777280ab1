"""OpenAI embeddings: text in, vectors out; no stream, no output tokens. Pure."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from gateway.wire import openai
from gateway.wire.body import BodyInvalid, members_encode
from gateway.wire.openai import StreamReader as StreamReader
from gateway.wire.request import Request, boolean_read, member, model_read, string
from gateway.wire.stream import Answer, answer_decode, items, mapping

INPUTS_MAX: Final = 2_048  # What OpenAI takes in one request.

_INPUT: Final = msgspec.json.Decoder(str | list[Any])


def request_read(members: Mapping[str, msgspec.Raw]) -> Request:
    """Everything admission asks; `BodyInvalid` names the field that is wrong. `n` is 0: nothing is generated."""
    model = model_read(members)
    if boolean_read(members, "stream"):
        raise BodyInvalid("stream is not available for embeddings: the answer comes whole.", "stream")
    inputs = _inputs_read(members)
    return Request(
        model=model,
        stream=False,
        max_output_tokens=None,
        n=0,
        include_usage=True,
        prompt_text_bytes=sum(len(one.encode()) for one in inputs if isinstance(one, str)),
        prompt_tokens_bound=sum(len(one.encode()) + _AROUND if isinstance(one, str) else len(one) for one in inputs),
        prompts=len(inputs),
    )


def request_upstream(members: Mapping[str, msgspec.Raw], *, upstream_model: str) -> bytes:
    """The upstream's body: its model name, all else as it came."""
    return members_encode({**members, "model": string(upstream_model)})


def answer_read(body: bytes) -> Answer:
    """A whole answer. Its usage tells the input alone; some say it as the total only."""
    answer = answer_decode(body)
    usage = mapping(answer.get("usage"))
    if usage is not None:
        usage = {"prompt_tokens": usage.get("total_tokens"), "completion_tokens": 0, **usage}
    failed = openai.answer_read(body).error if "data" not in answer or answer.get("error") else None
    return Answer(content=bool(items(answer.get("data"))), error=failed, usage=usage, output_bytes=0)


_AROUND: Final = 8  # Marks that a tokenizer puts at the start and the end of a text.


def _inputs_read(members: Mapping[str, msgspec.Raw]) -> list[str | list[int]]:
    """One text, several texts, one text in token ids, or several such."""
    text = member(members, "input")
    if text is None:
        raise BodyInvalid("input is missing.", "input")
    try:
        given = _INPUT.decode(text)
    except (msgspec.DecodeError, RecursionError):
        raise _input_invalid() from None
    alone = isinstance(given, str) or (bool(given) and all(type(one) is int for one in given))
    inputs: list[str | list[int]] = [given] if alone else list(given)
    if not inputs or len(inputs) > INPUTS_MAX or not all(map(_is_input, inputs)):
        raise _input_invalid()
    return inputs


def _is_input(one: object) -> bool:
    return (isinstance(one, str) and one != "") or (
        isinstance(one, list) and bool(one) and all(type(token) is int for token in one)
    )


def _input_invalid() -> BodyInvalid:
    return BodyInvalid(
        f"input must be a text, a list of token ids, or a list of up to {INPUTS_MAX} of either, none of them empty.",
        "input",
    )
