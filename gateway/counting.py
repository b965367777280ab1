"""POST /v1/messages/count_tokens: asked of an upstream that can count, else counted here; free, never held."""

import anyio
import msgspec
import structlog
from anyio import to_thread
from toktok import batch_count

from catalog.snapshot import Model, Protocol, Route
from gateway.admission import model_check
from gateway.client import Client
from gateway.endpoints import COUNT_TOKENS_PATH, upstream_headers, upstream_path
from gateway.errors import GatewayError, Reason
from gateway.failures import failure_of_status
from gateway.protocols import ClientProtocol
from gateway.relay import Call
from gateway.routing import candidates
from gateway.runtime import Runtime
from gateway.tokens import prompt_read
from gateway.upstream import ERROR_BYTES_MAX, UpstreamAnswer, UpstreamBroken
from gateway.wire.anthropic import count_tokens_read
from gateway.wire.body import BodyInvalid, members_decode, members_encode
from gateway.wire.request import string
from gateway.wire.stream import object_decode

log = structlog.get_logger(__name__)
# Only a route that speaks the protocol itself can count for it.
COUNTING: set[tuple[ClientProtocol, Protocol]] = {("anthropic_messages", "anthropic_messages")}
# A count that takes longer than this is not worth waiting for: we have our own.
UPSTREAM_SECONDS = 5.0
# What an upstream says of the request itself; any other failure to count is its own.
CLIENTS_FAULT = frozenset({400, 413, 422})
# Of the vocabularies that OpenAI published the smaller one: 40 MB in a process that has counted, not 65.
ENCODING = "cl100k_base"


async def count_tokens(runtime: Runtime, call: Call, client: Client) -> None:
    """Pass on what an Anthropic route of the model counts; where none can, count with a tokenizer of our own."""
    try:
        members = members_decode(call.body)
        request = count_tokens_read(members)
        model = runtime.snapshot.models.get(request.model)
        if model is None:
            said = f"The model `{request.model[:100]}` does not exist here; GET /v1/models lists those that do."
            raise GatewayError(Reason.MODEL_UNKNOWN, said, "model")
        model_check(call.party.caller, model.public_id)
        runtime.limits.take(runtime.allowance.counts_per_minute(call.party.caller), client.tell_rate)
        counted = await _counted_upstream(runtime, call, model, members)
        if counted is None:
            tokens = await to_thread.run_sync(_count, members, limiter=runtime.counting_threads)
            counted = msgspec.json.encode({"input_tokens": tokens})
    except BodyInvalid as invalid:
        raise GatewayError(Reason.INVALID, invalid.message, invalid.param) from invalid
    await client.end(counted)


async def _counted_upstream(
    runtime: Runtime, call: Call, model: Model, members: dict[str, msgspec.Raw]
) -> bytes | None:
    """The first route's answer that is one; None where nobody can count. Raises what is the client's own fault."""
    for route in candidates(model, call.protocol, COUNTING):
        body = members_encode({**members, "model": string(route.upstream_model)})
        path = upstream_path(route, call.headers, COUNT_TOKENS_PATH)
        headers = upstream_headers(route, call.headers, stream=False)
        with anyio.move_on_after(UPSTREAM_SECONDS) as waiting:
            try:
                async with runtime.upstreams.post(route, path, body, headers) as answer:
                    counted = await _answer_read(answer, call, route)
                    if counted is not None:
                        return counted
            except UpstreamBroken:
                log.warning("count_failed", provider=route.provider.slug)
        if waiting.cancelled_caught:
            log.warning("count_slow", provider=route.provider.slug)
    return None


async def _answer_read(answer: UpstreamAnswer, call: Call, route: Route) -> bytes | None:
    if answer.status in CLIENTS_FAULT:
        body = await answer.error_body()
        raise failure_of_status(answer.status, body, answer.header, client=call.protocol, upstream=route.protocol).error
    whole = await answer.body(ERROR_BYTES_MAX) if answer.status == 200 else b""
    counted = object_decode(whole) or {}
    return whole if isinstance(counted.get("input_tokens"), int) else None


def _count(members: dict[str, msgspec.Raw]) -> int:
    """Blocks: the vocabulary is loaded at the first call, and a long prompt takes a while."""
    prompt = prompt_read(members)
    counts: list[int] = batch_count(prompt.texts, ENCODING, threads=1)
    return prompt.tokens + sum(counts)
