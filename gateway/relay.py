"""THE straight path of one request, top to bottom: read, route, admit, call, relay, charge, end."""

from contextlib import nullcontext
from dataclasses import dataclass
from uuid import UUID

from billing.fault_points import point
from gateway.admission import Party, model_check
from gateway.ask import Ask
from gateway.bill import Bill
from gateway.client import Client
from gateway.convert import CONVERSIONS
from gateway.endpoints import REQUESTS, ClientHeaders
from gateway.errors import GatewayError, Reason
from gateway.exchange import Exchange
from gateway.protocols import ClientProtocol
from gateway.routing import candidates
from gateway.runtime import Runtime
from gateway.wire.body import BodyInvalid, members_decode


@dataclass(frozen=True, slots=True)
class Call:
    """A request whose caller is known and whose body is here."""

    request_id: UUID
    party: Party
    protocol: ClientProtocol
    headers: ClientHeaders
    body: bytes


async def relay(runtime: Runtime, call: Call, client: Client) -> None:
    """Answer one call. A `GatewayError` ends it in the client's own protocol, and every exit pays."""
    caller = call.party.caller
    ask = read(runtime, call)
    routes = candidates(ask.model, call.protocol, CONVERSIONS)
    if not routes:
        raise GatewayError(Reason.MODEL_UNKNOWN, "This model cannot be reached in this protocol.", "model")
    runtime.limits.take(runtime.allowance.per_minute(caller), client.tell_rate)
    with runtime.limits.running(runtime.allowance.at_once(caller)):
        async with (
            Exchange(runtime.upstreams, ask) as exchange,
            Bill(runtime, call.request_id, call.party, ask, exchange) as bill,
        ):
            await bill.hold()
            client.tell_max_tokens(bill.max_tokens_affordable)
            with exchange.scope:
                client.on_gone, client.on_failure = exchange.leave, exchange.failed
                if not client.gone:
                    async with client.kept_alive(exchange.status_commit) if ask.stream else nullcontext():
                        await exchange.open(routes)
                        client.tell_dropped(exchange.dropped)
                        async for piece in exchange.pieces():
                            await client.write(piece)
                            point("pump.mid")
                            await bill.cover()
            await bill.settle()
            if exchange.failure is not None and not exchange.tail:
                raise exchange.failure
            await client.end(exchange.tail)


def read(runtime: Runtime, call: Call) -> Ask:
    """The body, checked, and the model it names; a 400 names the field that is wrong."""
    try:
        members = members_decode(call.body)
        request = REQUESTS[call.protocol](members)
    except BodyInvalid as invalid:
        raise GatewayError(Reason.INVALID, invalid.message, invalid.param) from invalid
    model = runtime.snapshot.models.get(request.model)
    if model is None:
        said = f"The model `{request.model[:100]}` does not exist here; GET /v1/models lists those that do."
        raise GatewayError(Reason.MODEL_UNKNOWN, said, "model")
    model_check(call.party.caller, model.public_id)
    embeds = "embeddings" in model.capabilities
    if embeds != (call.protocol == "openai_embeddings"):
        said = "makes embeddings: ask it at /v1/embeddings" if embeds else "does not make embeddings"
        raise GatewayError(Reason.INVALID, f"The model `{model.public_id}` {said}.", "model")
    asked, limit = request.max_output_tokens, model.max_output_tokens
    context = model.context_tokens * request.prompts
    return Ask(
        protocol=call.protocol,
        model=model,
        members=members,
        headers=call.headers,
        stream=request.stream,
        include_usage=request.include_usage,
        max_output_tokens=limit if asked is not None and asked > limit else None,
        prompt_bytes=request.prompt_text_bytes,
        prompt_tokens_max=min(request.prompt_tokens_bound or context, context),
        output_tokens_max=min(asked or limit, limit) * request.n,
        choices=max(request.n, 1),  # Embeddings have none, and no output to share among them.
        output_is_limited=asked is not None,
    )
