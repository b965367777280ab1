"""OpenAI's Chat Completions, as far as a client needs to know it here."""

from typing import Final

from tokenoutput.api.inference.shapes import (
    BOOLEAN,
    CONTENT,
    COUNT,
    MODEL,
    NUMBER,
    OBJECT,
    STREAM,
    STRING,
    TOOLS,
    Schema,
    array,
    either,
    nullable,
    record,
    ref,
    said,
)

_CALL: Final = record(
    [],
    id=STRING,
    type=STRING,
    function=record([], name=STRING, arguments=said(STRING, "JSON, as the model wrote it.")),
)
_MESSAGE: Final = record(
    ["role"],
    role={"enum": ["developer", "system", "user", "assistant", "tool"]},
    content=nullable(CONTENT),
    tool_calls=array(_CALL, description="What the assistant called."),
    tool_call_id=said(STRING, "Which call a tool's message answers."),
)
_FINISH: Final = said(nullable(STRING), "`stop`, `length`, `tool_calls` or `content_filter`.")
COMPONENTS: Final[dict[str, Schema]] = {
    "ChatRequest": record(
        ["model", "messages"],
        model=MODEL,
        messages=array(_MESSAGE, minItems=1),
        stream=STREAM,
        stream_options=record([], include_usage=said(BOOLEAN, "A last event with the usage.")),
        max_completion_tokens=nullable(COUNT),
        max_tokens=nullable(COUNT),
        n=said(nullable({"type": "integer", "minimum": 1, "maximum": 128}), "How many answers; each is charged."),
        temperature=nullable(NUMBER),
        top_p=nullable(NUMBER),
        stop=either(STRING, array(STRING), {"type": "null"}),
        tools=TOOLS,
        tool_choice=either(STRING, OBJECT),
        parallel_tool_calls=BOOLEAN,
        response_format=OBJECT,
        reasoning_effort=STRING,
    ),
    "ChatUsage": record(
        ["prompt_tokens", "completion_tokens", "total_tokens"],
        prompt_tokens=said(COUNT, "Cached ones too."),
        completion_tokens=said(COUNT, "Reasoning too."),
        total_tokens=COUNT,
        prompt_tokens_details=nullable(record([], cached_tokens=nullable(COUNT))),
        completion_tokens_details=nullable(record([], reasoning_tokens=nullable(COUNT))),
    ),
    "ChatAnswer": record(
        ["id", "object", "model", "choices"],
        id=STRING,
        object={"const": "chat.completion"},
        created=COUNT,
        model=said(STRING, "The id that was asked for."),
        choices=array(
            record(
                ["index", "message"],
                index=COUNT,
                message=record(
                    ["role"], role={"const": "assistant"}, content=nullable(STRING), tool_calls=nullable(array(_CALL))
                ),
                finish_reason=_FINISH,
            )
        ),
        usage=ref("ChatUsage"),
    ),
    "ChatChunk": record(
        ["id", "object", "model", "choices"],
        id=STRING,
        object={"const": "chat.completion.chunk"},
        created=COUNT,
        model=STRING,
        choices=array(
            record(
                ["index", "delta"],
                index=COUNT,
                delta=record(
                    [],
                    role=STRING,
                    content=nullable(STRING),
                    tool_calls=nullable(array(record(["index"], index=COUNT))),
                ),
                finish_reason=_FINISH,
            ),
            description="Empty in the event that has the usage.",
        ),
        usage=nullable(ref("ChatUsage")),
    ),
}
