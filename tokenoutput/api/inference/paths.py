"""Every path of the inference endpoints, and the components that they name."""

from typing import Any, Final

from tokenoutput.api.inference import chat, errors, messages, models_list, responses
from tokenoutput.api.inference.errors import Voice, refusals, refused
from tokenoutput.api.inference.shapes import STRING, Schema, ref

SCHEMES: Final = {
    "apiKey": {"type": "http", "scheme": "bearer", "description": "`sk-…`: asks models, and may look at itself."},
    "apiKeyHeader": {
        "type": "apiKey",
        "in": "header",
        "name": "x-api-key",
        "description": "The same key, as Anthropic's SDKs send it. Every inference endpoint takes either.",
    },
}
SCHEMAS: Final[dict[str, Schema]] = {
    **chat.COMPONENTS,
    **messages.COMPONENTS,
    **responses.COMPONENTS,
    **models_list.COMPONENTS,
    **errors.COMPONENTS,
}
RESPONSES: Final = refusals()
_SECURITY: Final[list[dict[str, list[str]]]] = [{"apiKey": []}, {"apiKeyHeader": []}]
_CONVERTED: Final = (
    "Fields that are not named here go on to a model that speaks this protocol. Where another is spoken, "
    "`/docs/conversion` says what becomes of each."
)
_CHAT: Final = "Each event's data is a chunk, or an error where the answer broke off. `[DONE]` is the proper end."
_MESSAGES: Final = "Each event is named as its `type`. `message_stop` is the proper end."
_RESPONSES: Final = (
    "Each event is named as its `type`. `response.completed` or `response.incomplete` is the proper end."
)


def _header(name: str, description: str) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": False, "schema": STRING, "description": description}


_VERSION: Final = _header("anthropic-version", "Goes on to Anthropic's models; `2023-06-01` where it is not said.")
_BETA: Final = _header("anthropic-beta", "Goes on to Anthropic's models.")
_SHAPE: Final = _header("anthropic-version", "Any: the answer is in Anthropic's shape.")
_MODEL: Final = {"name": "id", "in": "path", "required": True, "schema": STRING, "description": "Slashes may stay."}


def _operation(name: str, summary: str, answer: Schema, refusals: dict[str, Any], **more: Any) -> dict[str, Any]:
    headers = {"x-request-id": {"schema": STRING}, "request-id": {"schema": STRING}}
    content = {"application/json": {"schema": answer}}
    return {
        "operationId": f"inference_{name}",
        "tags": ["Inference"],
        "summary": summary,
        "security": _SECURITY,
        "responses": {"200": {"description": "The answer.", "headers": headers, "content": content}, **refusals},
        **more,
    }


def _post(
    name: str, summary: str, voice: Voice, *, stream: str = "", costs: bool = True, **more: Any
) -> dict[str, Any]:
    part = "".join(word.title() for word in name.split("_"))
    body = {"required": True, "content": {"application/json": {"schema": ref(f"{part}Request")}}}
    more = {"description": _CONVERTED, "requestBody": body, **more}
    made = _operation(name, summary, ref(f"{part}Answer"), refused(voice, costs=costs), **more)
    if stream:
        event = ref("ChatChunk" if name == "chat" else f"{part}Event")
        # OpenAPI 3.1 has no words for a stream of events but those for a string with something in it.
        said = {"type": "string", "contentMediaType": "text/event-stream", "contentSchema": event}
        made["responses"]["200"]["content"]["text/event-stream"] = {"schema": said | {"description": stream}}
    return {"post": made}


def _get(name: str, summary: str, answer: Schema, *parameters: dict[str, Any]) -> dict[str, Any]:
    said = "Anthropic's shape with an `anthropic-version` header, else OpenAI's. No key is needed; one for some models "
    said += "sees those alone."
    made = _operation(name, summary, answer, refused("OpenAI", asks=False), description=said)
    return {"get": made | {"security": [{}, *_SECURITY], "parameters": [*parameters, _SHAPE]}}


PATHS: Final[dict[str, Any]] = {
    "/v1/chat/completions": _post("chat", "Ask with OpenAI's Chat Completions", "OpenAI", stream=_CHAT),
    "/v1/responses": _post("responses", "Ask with OpenAI's Responses", "OpenAI", stream=_RESPONSES),
    "/v1/messages": _post(
        "messages", "Ask with Anthropic's Messages", "Anthropic", stream=_MESSAGES, parameters=[_VERSION, _BETA]
    ),
    "/v1/messages/count_tokens": _post(
        "count_tokens",
        "Count the tokens of a message, free",
        "Anthropic",
        costs=False,
        parameters=[_VERSION, _BETA],
        description="An Anthropic model counts for itself; for others our own count is close, and never charged.",
    ),
    "/v1/embeddings": _post(
        "embeddings", "Make embeddings", "OpenAI", description="The answer comes whole. Only models that can embed."
    ),
    "/v1/models": _get("models", "List models in the shape an SDK expects", models_list.LIST),
    "/v1/models/{id}": _get("model", "Get one model in the shape an SDK expects", models_list.ONE, _MODEL),
}
