"""The inference endpoints in the OpenAPI description, by hand: the gateway that answers them has no views."""

from typing import Any

_SECURITY: list[dict[str, list[str]]] = [{"apiKey": []}]
_NUMBER = {"type": "number"}
_COUNT = {"type": "integer", "minimum": 0}
_STRING = {"type": "string"}
_OBJECT: dict[str, Any] = {"type": "object", "additionalProperties": True}
_CONTENT = {"anyOf": [_STRING, {"type": "array", "items": _OBJECT}]}


def _object(required: list[str], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": required, "properties": properties, "additionalProperties": True}


def _array(items: Any, **given: Any) -> dict[str, Any]:
    return {"type": "array", "items": items, **given}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


_MODEL = {"type": "string", "description": "An id of the catalog: GET /api/v1/models lists them."}
_STREAM = {"type": "boolean", "default": False, "description": "Answer with server-sent events."}
_TOOLS = _array(_OBJECT, description="In this protocol's own form.")
_CHAT_USAGE = _object(
    ["prompt_tokens", "completion_tokens", "total_tokens"],
    prompt_tokens=_COUNT,
    completion_tokens=_COUNT,
    total_tokens=_COUNT,
    prompt_tokens_details=_object([], cached_tokens=_COUNT),
    completion_tokens_details=_object([], reasoning_tokens=_COUNT),
)
_ANTHROPIC_USAGE = _object(
    ["input_tokens", "output_tokens"],
    input_tokens=_COUNT,
    output_tokens=_COUNT,
    cache_creation_input_tokens=_COUNT,
    cache_read_input_tokens=_COUNT,
)
_METADATA = _object(
    ["charged", "docs_url", "request_id"],
    charged={"type": "boolean", "description": "Whether this request cost anything."},
    docs_url={"type": "string", "description": "Where the documentation says more of this error."},
    manage_url={"type": "string", "description": "Where a person can change what refused it, if they can."},
    request_id={"type": "string", "description": "What support asks for."},
)
COMPONENTS: dict[str, Any] = {
    "ChatRequest": _object(
        ["model", "messages"],
        model=_MODEL,
        messages=_array(
            _object(["role"], role={"enum": ["developer", "system", "user", "assistant", "tool"]}, content=_CONTENT),
            minItems=1,
        ),
        stream=_STREAM,
        max_completion_tokens=_COUNT,
        max_tokens=_COUNT,
        temperature=_NUMBER,
        top_p=_NUMBER,
        stop={"anyOf": [_STRING, _array(_STRING)]},
        tools=_TOOLS,
        tool_choice={},
        response_format=_OBJECT,
        reasoning_effort=_STRING,
    ),
    "ChatAnswer": _object(
        ["id", "object", "model", "choices"],
        id=_STRING,
        object={"const": "chat.completion"},
        created=_COUNT,
        model=_STRING,
        choices=_array(_object(["index", "message"], index=_COUNT, message=_OBJECT, finish_reason=_STRING)),
        usage=_CHAT_USAGE,
    ),
    "MessagesRequest": _object(
        ["model", "max_tokens", "messages"],
        model=_MODEL,
        max_tokens={"type": "integer", "minimum": 1},
        messages=_array(_object(["role", "content"], role={"enum": ["user", "assistant"]}, content=_CONTENT)),
        system=_CONTENT,
        stream=_STREAM,
        temperature=_NUMBER,
        top_p=_NUMBER,
        stop_sequences=_array(_STRING),
        tools=_TOOLS,
        tool_choice=_OBJECT,
        thinking=_OBJECT,
    ),
    "MessagesAnswer": _object(
        ["id", "type", "role", "model", "content", "usage"],
        id=_STRING,
        type={"const": "message"},
        role={"const": "assistant"},
        model=_STRING,
        content=_array(_OBJECT),
        stop_reason={"type": ["string", "null"]},
        usage=_ANTHROPIC_USAGE,
    ),
    "ResponsesRequest": _object(
        ["model", "input"],
        model=_MODEL,
        input=_CONTENT,
        instructions={"type": ["string", "null"]},
        stream=_STREAM,
        max_output_tokens=_COUNT,
        temperature=_NUMBER,
        top_p=_NUMBER,
        tools=_TOOLS,
        tool_choice={},
        reasoning=_OBJECT,
        text=_OBJECT,
        store={"type": "boolean", "description": "Nothing is kept here: each request brings its whole input."},
    ),
    "ResponsesAnswer": _object(
        ["id", "object", "model", "output"],
        id=_STRING,
        object={"const": "response"},
        status=_STRING,
        model=_STRING,
        output=_array(_OBJECT),
        usage=_object([], input_tokens=_COUNT, output_tokens=_COUNT, total_tokens=_COUNT),
    ),
    "EmbeddingsRequest": _object(
        ["model", "input"],
        model=_MODEL,
        input={"description": "One text or many; token ids are taken too.", "type": ["string", "array"]},
        dimensions=_COUNT,
        encoding_format={"enum": ["float", "base64"]},
    ),
    "EmbeddingsAnswer": _object(
        ["object", "data", "model", "usage"],
        object={"const": "list"},
        data=_array(_object(["index", "embedding"], index=_COUNT, embedding={"type": ["array", "string"]})),
        model=_STRING,
        usage=_object(["prompt_tokens"], prompt_tokens=_COUNT, total_tokens=_COUNT),
    ),
    "OpenAIError": _object(
        ["error"],
        error=_object(
            ["message", "type", "metadata"],
            message=_STRING,
            type=_STRING,
            code={"type": ["string", "null"]},
            param={"type": ["string", "null"]},
            metadata=_METADATA,
        ),
    ),
    "AnthropicError": _object(
        ["type", "error"],
        type={"const": "error"},
        error=_object(["type", "message"], type=_STRING, message=_STRING, metadata=_METADATA),
    ),
}


def _answers(schema: Any, error: str, *, streams: bool) -> dict[str, Any]:
    content: dict[str, Any] = {"application/json": {"schema": schema}}
    if streams:
        content["text/event-stream"] = {"schema": _STRING}
    return {
        "200": {"description": "The answer.", "content": content},
        "default": {
            "description": "Refused or failed, in this protocol's own form; `metadata.charged` says what it cost.",
            "content": {"application/json": {"schema": _ref(error)}},
        },
    }


def _ask(summary: str, name: str, error: str, *, streams: bool = True) -> dict[str, Any]:
    return {
        "post": {
            "operationId": f"inference_{name.lower()}",
            "tags": ["Inference"],
            "summary": summary,
            "security": _SECURITY,
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": _ref(f"{name}Request")}},
            },
            "responses": _answers(_ref(f"{name}Answer"), error, streams=streams),
        }
    }


_COUNT_TOKENS = {
    "post": _ask("Count the tokens of a message, free", "Messages", "AnthropicError", streams=False)["post"]
    | {
        "operationId": "inference_count_tokens",
        "responses": _answers(_object(["input_tokens"], input_tokens=_COUNT), "AnthropicError", streams=False),
    }
}
_COUNT_TOKENS["post"]["requestBody"] = {
    "required": True,
    "content": {"application/json": {"schema": _object(["model", "messages"], model=_MODEL, messages=_array(_OBJECT))}},
}
_MODELS = {
    "get": {
        "operationId": "inference_models",
        "tags": ["Inference"],
        "summary": "List models in the shape an SDK expects",
        "description": "Anthropic's shape with an `anthropic-version` header, else OpenAI's. No key is needed.",
        "security": [{}, *_SECURITY],
        "responses": _answers(
            _object(["data"], data=_array(_object(["id"], id=_STRING))), "OpenAIError", streams=False
        ),
    }
}
PATHS: dict[str, Any] = {
    "/v1/chat/completions": _ask("Ask with OpenAI's Chat Completions", "Chat", "OpenAIError"),
    "/v1/responses": _ask("Ask with OpenAI's Responses", "Responses", "OpenAIError"),
    "/v1/messages": _ask("Ask with Anthropic's Messages", "Messages", "AnthropicError"),
    "/v1/messages/count_tokens": _COUNT_TOKENS,
    "/v1/embeddings": _ask("Make embeddings", "Embeddings", "OpenAIError", streams=False),
    "/v1/models": _MODELS,
}
