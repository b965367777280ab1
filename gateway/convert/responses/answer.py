"""Responses: a whole chat completion as a response."""

import msgspec

from gateway.convert.blocks import Block, Kind
from gateway.convert.conversion import Asked
from gateway.convert.responses.output import Items
from gateway.convert.responses.request import Plan
from gateway.convert.responses.response import INCOMPLETE, Frame
from gateway.convert.said import arguments_of, calls_of, choice_of, said_of, texts_of, usage_of
from gateway.convert.usage import usage_told
from gateway.metering import Meter
from gateway.wire.body import BodyInvalid
from gateway.wire.stream import answer_decode, items, text_bytes


def answer_convert(body: bytes, asked: Asked, plan: Plan, *, signed: bool) -> bytes:
    """The response; `BodyInvalid` where the answer has no choice, or ended in an error. `signed`: by Anthropic."""
    answer = answer_decode(body)
    choice = choice_of(answer)
    if choice is None or choice.get("finish_reason") == "error":
        raise BodyInvalid("The upstream's answer has no choice.")
    said = said_of(choice)
    made = Items(plan)
    made.frame = Frame(asked, answer, body)
    blocks: list[Block] = []
    for kind, text in texts_of(said):
        _text_add(blocks, kind, text)
    if signed and (notes := items(said.get("reasoning_details"))):
        if not blocks or blocks[0].kind != "thinking":
            blocks.insert(0, Block("thinking"))
        blocks[0].notes = notes
    for at, call in enumerate(calls_of(said)):
        blocks.append(_call_block(call, made, (at, len(blocks))))
    incomplete = INCOMPLETE.get(str(choice.get("finish_reason")))
    for at, block in enumerate(blocks):
        made.cut = incomplete is not None and at == len(blocks) - 1
        made.finish(block, at)
    meter = Meter()
    if usage := usage_of(answer):
        meter.observe(usage)
    told = usage_told(meter, prompt_bytes=asked.prompt_bytes, output_bytes=text_bytes([said]))
    status = "incomplete" if incomplete else "completed"
    return msgspec.json.encode(made.frame.response(status, made.output, usage=told, incomplete=incomplete))


def _text_add(blocks: list[Block], kind: Kind, text: str) -> None:
    """Texts of one kind in a row are one item."""
    if not blocks or blocks[-1].kind != kind:
        blocks.append(Block(kind))
    blocks[-1].said += text


def _call_block(call: object, made: Items, at: tuple[int, int]) -> Block:
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(function, dict) or not isinstance(function.get("name"), str) or not function["name"]:
        raise BodyInvalid("The upstream's answer has a call without a name.")
    block = Block("call")
    given = call.get("id") if isinstance(call, dict) else None
    block.id = made.call_id(given if isinstance(given, str) else "", at)
    block.name, block.said = function["name"], arguments_of(function)
    return block
