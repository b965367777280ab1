"""OpenAI's Responses and Embeddings, as far as a client needs to know them here."""

from typing import Final

from tokenoutput.api.inference.shapes import (
    BOOLEAN,
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

_INPUT: Final = either(STRING, array(OBJECT, minItems=1))
_TEXTS: Final = either(STRING, array(either(STRING, COUNT, array(COUNT)), minItems=1))
COMPONENTS: Final[dict[str, Schema]] = {
    "ResponsesRequest": record(
        ["model", "input"],
        model=MODEL,
        input=said(_INPUT, "A text, or the items so far: messages, calls and their results."),
        instructions=nullable(STRING),
        stream=STREAM,
        max_output_tokens=nullable(COUNT),
        temperature=nullable(NUMBER),
        top_p=nullable(NUMBER),
        tools=TOOLS,
        tool_choice=either(STRING, OBJECT),
        reasoning=nullable(OBJECT),
        text=OBJECT,
        store=said(BOOLEAN, "Nothing is kept here: each request brings its whole input."),
    ),
    "ResponsesUsage": record(
        ["input_tokens", "output_tokens", "total_tokens"],
        input_tokens=said(COUNT, "Cached ones too."),
        input_tokens_details=record([], cached_tokens=COUNT),
        output_tokens=said(COUNT, "Reasoning too."),
        output_tokens_details=record([], reasoning_tokens=COUNT),
        total_tokens=COUNT,
    ),
    "ResponsesAnswer": record(
        ["id", "object", "status", "model", "output"],
        id=STRING,
        object={"const": "response"},
        created_at=NUMBER,
        status=said(STRING, "`completed`, or `incomplete` where it was cut short."),
        model=said(STRING, "The id that was asked for."),
        output=array(record(["type"], type=said(STRING, "`message`, `reasoning`, `function_call` …"))),
        usage=nullable(ref("ResponsesUsage")),
    ),
    "ResponsesEvent": record(
        ["type", "sequence_number"],
        type=said(STRING, "`response.created`, `response.output_text.delta`, `response.completed`, `error` …"),
        sequence_number=COUNT,
        delta=said(STRING, "Of `….delta`: what is added."),
        response=said(OBJECT, "Of `response.created` and of the last event: the answer."),
    ),
    "EmbeddingsRequest": record(
        ["model", "input"],
        model=MODEL,
        input=said(_TEXTS, "One text or many; token ids are taken too."),
        dimensions=COUNT,
        encoding_format={"enum": ["float", "base64"]},
    ),
    "EmbeddingsAnswer": record(
        ["object", "data", "model", "usage"],
        object={"const": "list"},
        data=array(record(["index", "embedding"], index=COUNT, embedding=either(array(NUMBER), STRING))),
        model=STRING,
        usage=record(["prompt_tokens"], prompt_tokens=COUNT, total_tokens=COUNT),
    ),
}
