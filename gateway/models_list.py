"""GET /v1/models: what a client may name, in the shape its SDK expects."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from catalog.snapshot import Model
from gateway.admission import key_given, model_check
from gateway.client import Client
from gateway.errors import GatewayError, Reason
from gateway.runtime import Runtime


async def models_answer(runtime: Runtime, model_id: str, scope: Mapping[str, Any], client: Client) -> None:
    """The list, or one model when `model_id` is not empty. Public; but a key that is sent must be a good one.

    A key for some models sees those alone.
    """
    headers = dict(scope["headers"])
    caller = None
    if key_given(headers):
        caller = (await runtime.callers.authenticate(headers, scope.get("client"))).caller
    shape = _anthropic if client.protocol == "anthropic_messages" else _openai
    models = runtime.snapshot.models
    if model_id:
        model = models.get(model_id)
        if model is None:
            raise GatewayError(Reason.NOT_FOUND, f"The model `{model_id[:100]}` does not exist here.", "model")
        if caller is not None:
            model_check(caller, model_id)
        return await client.end(msgspec.json.encode(shape(model)))
    listed = [
        model for model in models.values() if model.listed and (caller is None or caller.may_use(model.public_id))
    ]
    data = [shape(model) for model in listed]
    if client.protocol == "anthropic_messages":
        ends = {"first_id": data[0]["id"] if data else None, "last_id": data[-1]["id"] if data else None}
        return await client.end(msgspec.json.encode({"data": data, "has_more": False, **ends}))
    return await client.end(msgspec.json.encode({"object": "list", "data": data}))


def _openai(model: Model) -> dict[str, Any]:
    return {
        "id": model.public_id,
        "object": "model",
        "created": model.created_at_seconds,
        "owned_by": "tokenoutput",
        "context_length": model.context_tokens,
        "max_output_tokens": model.max_output_tokens,
    }


def _anthropic(model: Model) -> dict[str, Any]:
    created = datetime.fromtimestamp(model.created_at_seconds, UTC)
    return {
        "type": "model",
        "id": model.public_id,
        "display_name": model.display_name,
        "created_at": created.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
