"""Row 2: an Anthropic client, an OpenAI upstream. Pure."""

from gateway.convert.anthropic_openai.answer import answer_convert
from gateway.convert.anthropic_openai.request import Plan, request_convert
from gateway.convert.anthropic_openai.stream import AnthropicFromOpenAI
from gateway.convert.conversion import Asked


class AnthropicToOpenAI:
    """One request of an Anthropic client for an OpenAI upstream."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._plan: Plan = request_convert(asked)
        self.body = self._plan.body
        self.dropped = self._plan.dropped

    def answer(self, body: bytes) -> bytes:
        """A whole answer as a Message."""
        return answer_convert(body, self._asked, self._plan.names)

    def stream(self) -> AnthropicFromOpenAI:
        """A fresh stream of Message events."""
        return AnthropicFromOpenAI(self._asked, self._plan.names)
