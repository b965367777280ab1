"""What the gateway answers, as the playground shows it: text as it comes, and a failure in words. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from gateway.wire.sse import EventParser
from gateway.wire.stream import object_decode

# Words of an error that is not in the form ours have.
BODY_BYTES_MAX = 8 * 1024 * 1024
type State = Literal["answered", "length", "filtered", "cut", "refused"]


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of the answer."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Thinking:
    """The model reasons: a sign that it is at work, without its words."""


@dataclass(frozen=True, slots=True)
class Failed:
    """Why there is no answer, or no more of it; where to read more, and where to change what stood in the way."""

    message: str = field(repr=False)
    docs_url: str = ""
    manage_url: str = ""
    charged: bool = False


type Piece = Text | Thinking | Failed


class AnswerReader:
    """`begin` with the status, `feed` what comes, `finish`; `state` says in one word how it ended."""

    def __init__(self) -> None:
        self._parser = EventParser()
        self._status = 0
        self._streamed = False
        self._body = bytearray()
        self._ended = False
        self._failed = False
        self._said = False
        self._reason = ""

    @property
    def state(self) -> State:
        """How it went, once it is over."""
        if self._failed:
            return "cut" if self._said else "refused"
        reasons: Mapping[str, State] = {"length": "length", "content_filter": "filtered"}
        return reasons.get(self._reason, "answered")

    def begin(self, status: int, headers: Sequence[tuple[bytes, bytes]]) -> None:
        """The answer's head."""
        self._status = status
        self._streamed = dict(headers).get(b"content-type", b"").startswith(b"text/event-stream")

    def feed(self, data: bytes) -> list[Piece]:
        """The next bytes of its body."""
        if not self._streamed:
            self._body += data[: BODY_BYTES_MAX - len(self._body)]
            return []
        return [piece for event in self._parser.feed(data) for piece in self._event(event.data)]

    def finish(self) -> list[Piece]:
        """There is no more: a whole answer, or one that was broken off."""
        if not self._streamed and self._status:
            return self._whole(object_decode(bytes(self._body)))
        if self._ended or self._failed:
            return []
        return self._fail({})

    def _event(self, data: bytes) -> list[Piece]:
        if data.strip() == b"[DONE]":
            self._ended = True
            return []
        match object_decode(data):
            case {"error": error}:
                return self._fail(error)
            case {"choices": [dict(choice), *_]}:
                return self._choice(choice, choice.get("delta"))
            case _:
                return []  # Usage alone, or a sign of life.

    def _whole(self, answer: Mapping[str, Any] | None) -> list[Piece]:
        match answer:
            case {"choices": [dict(choice), *_]} if self._status == 200:
                self._ended = True
                return self._choice(choice, choice.get("message"))
            case {"error": error}:
                return self._fail(error)
            case _:
                return self._fail({})

    def _choice(self, choice: Mapping[str, Any], words: Any) -> list[Piece]:
        if isinstance(reason := choice.get("finish_reason"), str):
            self._reason = reason
        match words:
            case {"content": str(text)} | {"refusal": str(text)} if text:
                self._said = True
                return [Text(text)]
            case {"reasoning_content": str(text)} | {"reasoning": str(text)} if text:
                return [Thinking()]
            case _:
                return []

    def _fail(self, error: Any) -> list[Piece]:
        self._failed = True
        match error:
            case {"message": str(message), "metadata": dict(told)}:
                docs_url, manage_url = (str(told.get(name) or "") for name in ("docs_url", "manage_url"))
                return [Failed(message, docs_url, manage_url, told.get("charged") is True)]
            case {"message": str(message)}:
                return [Failed(message)]
            case _:
                return [Failed("")]
