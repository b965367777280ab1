"""OpenAI Chat Completions: what the gateway reads and changes of a request, a stream and an answer. Pure."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from gateway.wire.body import BodyInvalid, members_encode
from gateway.wire.charged import (
    Charged,
    ChargedTools,
    charged_check,
    charged_neutral,
    empty,
    one_of,
    tools_check,
)
from gateway.wire.media import prompt_measure
from gateway.wire.request import (
    Request,
    boolean_read,
    count_read,
    member,
    messages_check,
    model_read,
    number,
    object_read,
    string,
    tool_types,
)
from gateway.wire.sse import Event
from gateway.wire.stream import (
    MALFORMED,
    NOTHING,
    Answer,
    Seen,
    answer_decode,
    error_of,
    items,
    mapping,
    object_decode,
    text_bytes,
)

CHOICES_MAX: Final = 128

_SEARCH: Final = "the provider charges for each search"
CHARGED_FIELDS: Final = (
    Charged("service_tier", one_of("auto", "default", "standard"), "tiers have prices of their own", b'"default"'),
    Charged("prediction", empty, "rejected predictions are charged as output", b""),
    Charged("modalities", lambda value: value in ([], ["text"]), "only text has a price here"),
    Charged("audio", empty, "spoken output has a price of its own"),
    Charged("web_search_options", lambda _: False, _SEARCH),
    Charged("search_parameters", lambda value: isinstance(value, dict) and value.get("mode") == "off", _SEARCH),
    Charged("enable_search", empty, _SEARCH),
    Charged("plugins", empty, "the provider charges for each use"),
    Charged("models", empty, "another model has another price"),
    Charged("provider", empty, "another host has another price"),
)
SPOKEN: Final = frozenset(("input_audio", "audio_url"))
CHARGED_TOOLS: Final = ChargedTools(free_types=("function", "custom"), unbounded_types=())


def request_read(members: Mapping[str, msgspec.Raw]) -> Request:
    """Everything admission asks; `BodyInvalid` names the field that is wrong."""
    model, stream = model_read(members), boolean_read(members, "stream")
    messages_check(members)
    maxima = [count_read(members, name) for name in _MAXIMA]
    types = tool_types(members)
    tools_check(types, CHARGED_TOOLS)
    charged_check(members, CHARGED_FIELDS)
    measure = prompt_measure(members, tool_types=types)
    if measure.kinds & SPOKEN:
        raise BodyInvalid("Spoken input is not available here: audio has a price of its own.", "messages")
    return Request(
        model=model,
        stream=stream,
        max_output_tokens=max((one for one in maxima if one is not None), default=None),
        n=count_read(members, "n", most=CHOICES_MAX) or 1,
        include_usage=_include_usage(members, stream=stream),
        prompt_text_bytes=measure.text_bytes,
        prompt_tokens_bound=measure.tokens_max,
    )


def request_upstream(
    members: Mapping[str, msgspec.Raw], *, upstream_model: str, max_output_tokens: int | None = None
) -> bytes:
    """The upstream's body: its model name, usage always asked for in streams, our maximum where one is given."""
    sent = charged_neutral(members, CHARGED_FIELDS)
    sent["model"] = string(upstream_model)
    if boolean_read(members, "stream"):
        options = object_read(members, "stream_options")
        if options.get("include_usage") != _TRUE:
            sent["stream_options"] = msgspec.Raw(members_encode({**options, "include_usage": _TRUE}))
    if max_output_tokens is not None:
        for name in [name for name in _MAXIMA if member(members, name) is not None] or _MAXIMA[:1]:
            sent[name] = number(max_output_tokens)
    return members_encode(sent)


class StreamReader:
    """Reads one stream. `[DONE]` is the proper end once every choice said why it finished.

    Some providers never say why. Where the final account came, a chunk of usage alone, they had come to their end too.
    """

    def __init__(self) -> None:
        self._finished: dict[str, bool] = {}
        self._accounted = False
        self._failed = False

    def feed(self, event: Event) -> Seen:
        """What this event means."""
        if not event.data:
            return NOTHING
        if event.data.strip() == b"[DONE]":
            finished = bool(self._finished) and (self._accounted or all(self._finished.values()))
            return Seen(ended=finished and not self._failed, closing=True)
        chunk = object_decode(event.data)
        if chunk is None:
            return MALFORMED
        choices, usage, error = items(chunk.get("choices")), _usage_of(chunk), _error_of(chunk, event.event)
        self._failed = self._failed or error is not None
        for choice in choices:
            index = str(choice.get("index", 0))
            self._finished[index] = self._finished.get(index, False) or bool(choice.get("finish_reason"))
        outputs = [_output_of(choice) for choice in choices]
        usage_only = usage is not None and not choices and error is None
        self._accounted = self._accounted or usage_only
        return Seen(
            content=any(map(_has_content, outputs)),
            error=error,
            usage=usage,
            usage_only=usage_only,
            output_bytes=sum(map(_output_bytes, outputs)),
        )


def answer_read(body: bytes) -> Answer:
    """A whole answer; `BodyInvalid` when it is not a JSON object."""
    answer = answer_decode(body)
    outputs = [_output_of(choice) for choice in items(answer.get("choices"))]
    return Answer(
        content=any(map(_has_content, outputs)),
        error=_error_of(answer, "") or (answer if "choices" not in answer else None),
        usage=_usage_of(answer),
        output_bytes=sum(map(_output_bytes, outputs)),
    )


_MAXIMA: Final = ("max_tokens", "max_completion_tokens")
_TRUE: Final = msgspec.Raw(b"true")


def _include_usage(members: Mapping[str, msgspec.Raw], *, stream: bool) -> bool:
    options = object_read(members, "stream_options")
    try:
        return boolean_read(options, "include_usage") and stream
    except BodyInvalid as error:
        raise BodyInvalid(f"stream_options.{error.message}", "stream_options") from None


def _usage_of(chunk: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Usage where it belongs, or where some providers hide it."""
    hidden = mapping(chunk.get("x_groq")) or {}
    choices = items(chunk.get("choices"))
    found = [chunk.get("usage"), hidden.get("usage"), *(choice.get("usage") for choice in choices)]
    return next((usage for usage in map(mapping, found) if usage is not None), None)


def _error_of(chunk: Mapping[str, Any], event: str) -> Mapping[str, Any] | None:
    error = error_of(chunk.get("error"))
    if error is None and (event == "error" or chunk.get("object") == "error"):
        return chunk
    return error


def _output_of(choice: Mapping[str, Any]) -> Mapping[str, Any]:
    return mapping(choice.get("delta")) or mapping(choice.get("message")) or {"content": choice.get("text")}


def _has_content(output: Mapping[str, Any]) -> bool:
    return any(value for name, value in output.items() if name != "role")


def _output_bytes(output: Mapping[str, Any]) -> int:
    # Reasoning comes under two or three names at once; its text is counted once.
    reasoning = next((output[name] for name in _REASONING if output.get(name)), None)
    return text_bytes([reasoning, *(output.get(name) for name in _OUTPUT)])


_REASONING: Final = ("reasoning_content", "reasoning", "reasoning_details")
_OUTPUT: Final = ("content", "refusal", "tool_calls", "function_call")
