"""POST /v1/messages/count_tokens: asked of an upstream that can count; free, and outside the request limits."""

from catalog.snapshot import Protocol
from gateway.client import Client
from gateway.endpoints import COUNT_TOKENS_PATH, upstream_headers
from gateway.errors import GatewayError, Reason
from gateway.failures import failure_of_break, failure_of_status, failure_of_timeout
from gateway.relay import Call
from gateway.routing import candidates
from gateway.runtime import Runtime
from gateway.upstream import ERROR_BYTES_MAX, UpstreamBroken, UpstreamSlow
from gateway.wire.body import BodyInvalid, members_decode, members_encode
from gateway.wire.request import model_read, string

# Only a route that speaks the protocol itself can count for it.
COUNTING: set[tuple[Protocol, Protocol]] = {("anthropic_messages", "anthropic_messages")}


async def count_tokens(runtime: Runtime, call: Call, client: Client) -> None:
    """Pass the question to the model's first Anthropic route and its answer back; nothing is held or charged."""
    try:
        members = members_decode(call.body)
        name = model_read(members)
    except BodyInvalid as invalid:
        raise GatewayError(Reason.INVALID, invalid.message, invalid.param) from invalid
    model = runtime.snapshot.models.get(name)
    if model is None:
        raise GatewayError(Reason.MODEL_UNKNOWN, f"The model `{name[:100]}` does not exist here.", "model")
    routes = candidates(model, call.protocol, COUNTING)
    if not routes:
        raise GatewayError(Reason.MODEL_UNKNOWN, "Counting tokens is not available for this model yet.", "model")
    runtime.limits.take(runtime.allowance.counts_per_minute(call.party.caller), client.tell_rate)
    for route in routes:
        body = members_encode({**members, "model": string(route.upstream_model)})
        try:
            async with runtime.upstreams.post(
                route, COUNT_TOKENS_PATH, body, upstream_headers(route, call.headers, stream=False)
            ) as answer:
                whole = await answer.body(ERROR_BYTES_MAX)
                if answer.status == 200:
                    return await client.end(whole)
                failure = failure_of_status(
                    answer.status,
                    whole,
                    client=call.protocol,
                    upstream=route.protocol,
                    retry_after=answer.header("retry-after"),
                )
        except UpstreamSlow:
            failure = failure_of_timeout()
        except UpstreamBroken:
            failure = failure_of_break()
        if not failure.next_route or route is routes[-1]:
            raise failure.error
    raise GatewayError(Reason.UPSTREAM, "The model's provider could not count.")
