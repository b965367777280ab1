"""Row 3: an OpenAI client, an Anthropic upstream. Pure."""

from gateway.convert.conversion import Asked
from gateway.convert.openai_anthropic.answer import answer_convert
from gateway.convert.openai_anthropic.request import request_convert
from gateway.convert.openai_anthropic.stream import OpenAIFromAnthropic


class OpenAIToAnthropic:
    """One request of an OpenAI client for an Anthropic upstream."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        plan = request_convert(asked)
        self.body = plan.body
        self.dropped = plan.dropped
        self._way_back = plan.way_back

    def answer(self, body: bytes) -> bytes:
        """A whole answer as a chat completion."""
        return answer_convert(body, self._asked, self._way_back)

    def stream(self) -> OpenAIFromAnthropic:
        """A fresh stream of chunks."""
        return OpenAIFromAnthropic(self._asked, self._way_back)
