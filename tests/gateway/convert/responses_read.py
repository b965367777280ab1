"""Reading a stream of a response, held to its grammar."""

import json
from typing import Any

from tests.gateway.convert.asks import events_of

_FINAL = ("response.completed", "response.incomplete", "response.failed")
# What may grow in an item of each type: the piece, its end, and the part it lies in.
_TEXTS = {
    "response.output_text": ("text", "response.content_part"),
    "response.refusal": ("refusal", "response.content_part"),
    "response.reasoning_text": ("text", "response.content_part"),
    "response.reasoning_summary_text": ("text", "response.reasoning_summary_part"),
    "response.function_call_arguments": ("arguments", None),
    "response.custom_tool_call_input": ("input", None),
}


class _Reader:
    def __init__(self) -> None:
        self.output: list[dict[str, Any]] = []
        self.open: dict[str, Any] | None = None
        self.part: dict[str, Any] | None = None
        self.said: str | None = None

    def take(self, kind: str, value: dict[str, Any]) -> None:
        match kind:
            case "response.output_item.added":
                assert self.open is None
                assert value["output_index"] == len(self.output)
                assert value["item"]["status"] == "in_progress"
                self.open = value["item"]
            case "response.output_item.done":
                assert self.open is not None
                assert self.part is None
                assert {name: value["item"][name] for name in ("id", "type")} == {
                    name: self.open[name] for name in ("id", "type")
                }
                assert value["item"]["status"] in ("completed", "incomplete")
                self.output.append(value["item"])
                self.open = self.said = None
            case "response.content_part.added" | "response.reasoning_summary_part.added":
                self._inside(value)
                assert self.part is None
                self.part = value["part"]
            case "response.content_part.done" | "response.reasoning_summary_part.done":
                self._inside(value)
                assert self.part is not None
                assert value["part"]["type"] == self.part["type"]
                assert self.said == (value["part"].get("text") or value["part"].get("refusal"))
                self.part = None
            case _:
                self._text(kind, value)

    def _text(self, kind: str, value: dict[str, Any]) -> None:
        base, _, word = kind.rpartition(".")
        member, part = _TEXTS[base]
        self._inside(value)
        assert (part is None) is (self.part is None)
        if word == "delta":
            assert value["delta"]
            self.said = (self.said or "") + value["delta"]
        else:
            assert word == "done"
            assert value[member] == (self.said or "")

    def _inside(self, value: dict[str, Any]) -> None:
        assert self.open is not None
        assert (value["item_id"], value["output_index"]) == (self.open["id"], len(self.output))


def response_read(stream: bytes, *, ended: bool = True) -> dict[str, Any]:
    """The final response; a stream that did not end properly has at most `response.failed` and an error after it."""
    reader, final = _Reader(), {}
    events = [event for event in events_of(stream) if event.data]
    for at, event in enumerate(events):
        value = json.loads(event.data)
        kind = value["type"]
        assert (event.event, value["sequence_number"]) == (kind, at)
        if at < 2:
            assert kind == ("response.created", "response.in_progress")[at]
            assert value["response"]["status"] == "in_progress"
        elif kind in _FINAL:
            final = value["response"]
            assert kind == f"response.{final['status']}"
            assert final["id"] == json.loads(events[0].data)["response"]["id"]
        elif kind == "error":
            assert final["status"] == "failed"
            assert value["error"]["message"] == value["message"]
            assert at == len(events) - 1
        else:
            assert not final
            reader.take(kind, value)
    if ended:
        assert final["status"] in ("completed", "incomplete")
        assert final["output"] == reader.output
        assert reader.open is None
    else:
        assert final.get("status") in (None, "failed")
    return final
