"""Every way a /v1 request can be refused or fail, and how each protocol words it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

import msgspec
from django.conf import settings

from gateway.protocols import ClientProtocol

ERRORS_PAGE: Final = "/docs/errors"


@dataclass(frozen=True, slots=True)
class Wording:
    """One row of the error table: status, Anthropic's `error.type`, OpenAI's `error.type` and `error.code`."""

    status: int
    anthropic_type: str
    openai_type: str
    openai_code: str | None
    meaning: str

    @property
    def anchor(self) -> str:
        """Its section on the errors page of the docs: OpenAI's code, or a word of ours where there is none."""
        return self.openai_code or "invalid_request"


class Reason(Enum):
    """The reasons by name; the errors page of the docs is made of this table."""

    INVALID = Wording(400, "invalid_request_error", "invalid_request_error", None, "Bad request")
    MODEL_UNKNOWN = Wording(
        400, "invalid_request_error", "invalid_request_error", "model_not_found", "Unsupported model"
    )
    CONTEXT = Wording(
        400,
        "invalid_request_error",
        "invalid_request_error",
        "context_length_exceeded",
        "Prompt and answer longer than the model's context",
    )
    KEY = Wording(401, "authentication_error", "invalid_request_error", "invalid_api_key", "Invalid or missing API key")
    BALANCE = Wording(
        402,
        "billing_error",
        "insufficient_quota",
        "insufficient_balance",
        "Insufficient pay-as-you-go balance",
    )
    SPENDING_LIMIT = Wording(
        402,
        "billing_error",
        "insufficient_quota",
        "spending_limit",
        "Spending limit of a key, a member or the organisation reached",
    )
    FROZEN = Wording(402, "billing_error", "insufficient_quota", "wallet_blocked", "Wallet frozen or in debt")
    FORBIDDEN = Wording(403, "permission_error", "invalid_request_error", "forbidden", "Key not allowed for this")
    NOT_FOUND = Wording(404, "not_found_error", "invalid_request_error", "not_found", "No such path or object")
    METHOD = Wording(405, "invalid_request_error", "invalid_request_error", "method_not_allowed", "Wrong method")
    TIMEOUT = Wording(408, "invalid_request_error", "invalid_request_error", "request_timeout", "Body too slow")
    TOO_LARGE = Wording(413, "request_too_large", "invalid_request_error", "request_too_large", "Body too large")
    ENCODING = Wording(415, "invalid_request_error", "invalid_request_error", "unsupported_encoding", "Compressed body")
    RATE = Wording(429, "rate_limit_error", "rate_limit_exceeded", "rate_limit_exceeded", "Rate limited")
    INTERNAL = Wording(500, "api_error", "server_error", "internal_error", "Our own fault")
    UPSTREAM = Wording(502, "api_error", "server_error", "upstream_error", "Upstream provider error")
    UPSTREAM_TIMEOUT = Wording(
        502, "timeout_error", "server_error", "upstream_timeout", "Upstream provider did not answer in time"
    )
    UNAVAILABLE = Wording(503, "api_error", "server_error", "unavailable", "Restarting or out of reach: retry")
    OVERLOADED = Wording(529, "overloaded_error", "server_error", "overloaded", "Upstream provider overloaded")


# What `metadata.reason` tells apart within one code; each has a section of its own in the docs.
DETAILS: Final[Mapping[str, Reason]] = {
    "key_limit": Reason.SPENDING_LIMIT,
    "member_limit": Reason.SPENDING_LIMIT,
    "organization_budget": Reason.SPENDING_LIMIT,
    "frozen": Reason.FROZEN,
    "debt": Reason.FROZEN,
    "key_models": Reason.FORBIDDEN,
    "key_addresses": Reason.FORBIDDEN,
}


@dataclass(eq=False)
class GatewayError(Exception):
    """Ends a request with an answer in the client's own protocol.

    `metadata` goes out beside the message; `retry_after` is what `Retry-After` says; `body` is a ready answer of the
    client's own protocol that replaces ours (an upstream's 400 on a pass-through row): an object with `error` in it.
    """

    reason: Reason
    message: str
    param: str | None = None
    retry_after: str | None = None
    metadata: Mapping[str, object] | None = None
    status: int | None = None
    body: bytes | None = None
    allow: str | None = None
    charged: bool = False

    def __str__(self) -> str:
        return f"{self.reason.name}: {self.message}"


def status_of(error: GatewayError, protocol: ClientProtocol) -> int:
    """The HTTP status; OpenAI clients know no 529 and get 503 for it."""
    status = error.status or error.reason.value.status
    return 503 if status == 529 and protocol != "anthropic_messages" else status


def docs_url_of(error: GatewayError) -> str:
    """Where the documentation says more: of the detail where there is one, else of the code."""
    detail = str((error.metadata or {}).get("reason"))
    anchor = detail if detail in DETAILS else error.reason.value.anchor
    return f"{settings.SITE_URL}{ERRORS_PAGE}#{anchor}"


def body_of(error: GatewayError, protocol: ClientProtocol, request_id: str) -> bytes:
    """The error as one JSON object in the client's shape; it says whether the request cost anything."""
    wording = error.reason.value
    metadata = {
        **(error.metadata or {}),
        "charged": error.charged,
        "docs_url": docs_url_of(error),
        "request_id": request_id,
    }
    if error.body is not None:
        return _relayed_with(error.body, metadata, protocol)
    if protocol == "anthropic_messages":
        inner = {"type": wording.anthropic_type, "message": error.message, "metadata": metadata}
        return msgspec.json.encode({"type": "error", "error": inner, "request_id": request_id})
    return msgspec.json.encode(
        {
            "error": {
                "message": error.message,
                "type": wording.openai_type,
                "param": error.param,
                "code": wording.openai_code,
                "metadata": metadata,
            }
        }
    )


def _relayed_with(body: bytes, metadata: dict[str, Any], protocol: ClientProtocol) -> bytes:
    """An upstream's own words with what all errors say; the request id that we can look up replaces theirs."""
    decoded = msgspec.json.decode(body)
    theirs = decoded["error"].get("metadata")
    decoded["error"]["metadata"] = {**(theirs if isinstance(theirs, dict) else {}), **metadata}
    if protocol == "anthropic_messages":
        decoded["request_id"] = metadata["request_id"]
    return msgspec.json.encode(decoded)


def event_of(error: GatewayError, protocol: ClientProtocol, request_id: str) -> bytes:
    """The error inside a stream whose status went out long ago: never followed by a proper end."""
    body = msgspec.json.format(body_of(error, protocol, request_id), indent=-1)  # One line, whoever wrote it.
    if protocol == "openai_responses":
        return _response_failed(body, request_id)
    return b"event: error\ndata: " + body + b"\n\n" if protocol == "anthropic_messages" else b"data: " + body + b"\n\n"


def _response_failed(body: bytes, request_id: str) -> bytes:
    """A stream that failed before its response was created; some clients know the one event, some the other."""
    error = msgspec.json.decode(body)["error"]
    told = {"code": error.get("code") or error.get("type"), "message": error.get("message")}
    response = {"id": f"resp_{request_id}", "object": "response", "status": "failed", "error": told, "output": []}
    events: dict[str, dict[str, object]] = {
        "response.failed": {"sequence_number": 0, "response": response},
        "error": {"sequence_number": 1, **told, "param": error.get("param"), "error": error},
    }
    return b"".join(
        b"event: %b\ndata: %b\n\n" % (kind.encode(), msgspec.json.encode({"type": kind, **event}))
        for kind, event in events.items()
    )


def headers_of(error: GatewayError) -> list[tuple[bytes, bytes]]:
    """The headers an error needs beside those of every answer."""
    headers = [(b"content-type", b"application/json")]
    if error.retry_after is not None:
        headers.append((b"retry-after", error.retry_after.encode("latin-1", "ignore")))
    if error.allow is not None:
        headers.append((b"allow", error.allow.encode()))
    return headers
