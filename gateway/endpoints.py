"""The wire modules by protocol, and where and with which headers an upstream of each is called."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import ModuleType

import msgspec

from catalog.snapshot import Protocol, Route
from gateway.protocols import ClientProtocol
from gateway.wire import anthropic, embeddings, openai, responses
from gateway.wire.request import Request

# What reads the request of a client, and what reads the answer of an upstream.
REQUESTS: Mapping[ClientProtocol, Callable[[Mapping[str, msgspec.Raw]], Request]] = {
    "openai_chat": openai.request_read,
    "anthropic_messages": anthropic.request_read,
    "openai_responses": responses.request_read,
    "openai_embeddings": embeddings.request_read,
}
WIRES: Mapping[Protocol, ModuleType] = {"openai_chat": openai, "anthropic_messages": anthropic}
# Relative to the base URL that an official SDK of the protocol is given.
PATHS: Mapping[Protocol, str] = {"openai_chat": "/chat/completions", "anthropic_messages": "/v1/messages"}
EMBEDDINGS_PATH = "/embeddings"
COUNT_TOKENS_PATH = "/v1/messages/count_tokens"
ANTHROPIC_VERSION_DEFAULT = "2023-06-01"
_USER_AGENT = "TokenOutput/1"


@dataclass(frozen=True, slots=True)
class ClientHeaders:
    """The few headers of a request that mean something upstream."""

    anthropic_version: str | None = None
    anthropic_beta: str | None = None
    beta_query: bool = False


def client_headers(headers: Iterable[tuple[bytes, bytes]], query: bytes, protocol: ClientProtocol) -> ClientHeaders:
    """What an Anthropic client said; on the way from another protocol such headers are strays and mean nothing."""
    if protocol != "anthropic_messages":
        return ClientHeaders()
    said = [(name, value.decode("latin-1")) for name, value in headers if value]
    versions = [value for name, value in said if name == b"anthropic-version"]
    betas = [value for name, value in said if name == b"anthropic-beta"]
    return ClientHeaders(
        anthropic_version=versions[-1] if versions else None,
        anthropic_beta=",".join(betas) or None,
        beta_query=b"beta=true" in query.split(b"&"),
    )


def wire_of(client: ClientProtocol, upstream: Protocol) -> ModuleType:
    """What reads the answers that a client of this protocol gets from such an upstream."""
    return embeddings if client == "openai_embeddings" else WIRES[upstream]


def answers_path(client: ClientProtocol, upstream: Protocol) -> str:
    """Where such an upstream answers what a client of this protocol asks."""
    return EMBEDDINGS_PATH if client == "openai_embeddings" else PATHS[upstream]


def upstream_headers(route: Route, client: ClientHeaders, *, stream: bool) -> dict[str, str]:
    """Every header an upstream gets: ours, our credential, and the client's API version and betas."""
    style = route.provider.auth_style or ("x-api-key" if route.protocol == "anthropic_messages" else "bearer")
    headers = {
        "content-type": "application/json",
        "accept": "text/event-stream" if stream else "application/json",
        # Compression would cost time on every small event and open the door to decompression bombs.
        "accept-encoding": "identity",
        "user-agent": _USER_AGENT,
    }
    if style == "x-api-key":
        headers["x-api-key"] = route.provider.credential
    else:
        headers["authorization"] = f"Bearer {route.provider.credential}"
    if route.protocol == "anthropic_messages":
        headers["anthropic-version"] = client.anthropic_version or ANTHROPIC_VERSION_DEFAULT
        if client.anthropic_beta:
            headers["anthropic-beta"] = client.anthropic_beta
    return headers


def upstream_path(route: Route, client: ClientHeaders, path: str) -> str:
    """The path below the base URL; the query that announces betas goes along."""
    return path + "?beta=true" if client.beta_query and route.protocol == "anthropic_messages" else path
