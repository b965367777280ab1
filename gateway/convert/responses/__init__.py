"""Responses: an OpenAI client of that API, and an upstream of either protocol, by way of Chat Completions. Pure."""

from dataclasses import replace

from gateway.convert.conversion import Asked, Conversion
from gateway.convert.openai_anthropic import OpenAIToAnthropic
from gateway.convert.responses.answer import answer_convert
from gateway.convert.responses.renamed import names_of_responses, refusal_of_responses
from gateway.convert.responses.request import Plan, request_plan
from gateway.convert.responses.stream import ResponsesStream
from gateway.convert.same import OpenAISame
from gateway.wire.body import BodyInvalid


class ResponsesToOpenAI:
    """One request for an OpenAI upstream."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._plan = request_plan(asked, "openai_chat")
        self.dropped = self._plan.dropped
        self.body = OpenAISame(_inner(asked, self._plan)).body

    def answer(self, body: bytes) -> bytes:
        """A whole answer as a response."""
        return answer_convert(body, self._asked, self._plan, signed=False)

    def stream(self) -> ResponsesStream:
        """A fresh stream of events."""
        return ResponsesStream(self._asked, self._plan, None)


class ResponsesToAnthropic:
    """One request for an Anthropic upstream."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._plan = request_plan(asked, "anthropic_messages")
        try:
            self._inner: Conversion = OpenAIToAnthropic(_inner(asked, self._plan))
        except BodyInvalid as invalid:
            raise refusal_of_responses(invalid) from invalid
        self.dropped = names_of_responses((*self._plan.dropped, *self._inner.dropped))
        self.body = self._inner.body

    def answer(self, body: bytes) -> bytes:
        """A whole answer as a response."""
        return answer_convert(self._inner.answer(body), self._asked, self._plan, signed=True)

    def stream(self) -> ResponsesStream:
        """A fresh stream of events."""
        return ResponsesStream(self._asked, self._plan, self._inner.stream())


def _inner(asked: Asked, plan: Plan) -> Asked:
    return replace(asked, members=plan.members, include_usage=True)
