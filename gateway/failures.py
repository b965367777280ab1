"""What an upstream's failure means: try the next route or not, and what the client is told."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from catalog.snapshot import Protocol
from gateway.errors import GatewayError, Reason

# Anything that looks like a credential of ours, or like a URL with one in it, never reaches a customer.
_SECRETS = re.compile(r"\b(?:sk|rk|pk|whsec)[-_][\w\-*.]{6,}|Bearer\s+\S+|https?://\S*[?&]\S*", re.IGNORECASE)
_MESSAGE_CHARS_MAX = 2000
_FAULT_OF_OURS = frozenset({401, 402, 403, 404, 408})
_REASON_OF_TYPE = {
    "invalid_request_error": Reason.INVALID,
    "request_too_large": Reason.TOO_LARGE,
    "rate_limit_error": Reason.RATE,
    "rate_limit_exceeded": Reason.RATE,
    "overloaded_error": Reason.OVERLOADED,
    "timeout_error": Reason.UPSTREAM_TIMEOUT,
    "400": Reason.INVALID,  # Some give a status in place of a word.
    "413": Reason.TOO_LARGE,
    "429": Reason.RATE,
    "529": Reason.OVERLOADED,
}
_TRY_AGAIN = "Nothing was charged; try again."


@dataclass(eq=False)
class UpstreamFailure(Exception):
    """An attempt that gave nothing: may another route do better, and what the client gets if none does."""

    error: GatewayError
    next_route: bool


def failure_of_status(
    status: int, body: bytes, *, client: Protocol, upstream: Protocol, retry_after: str | None
) -> UpstreamFailure:
    """An HTTP status other than 200, with a body of whatever form."""
    if status == 429:
        return UpstreamFailure(_rate_limited(body, retry_after), next_route=True)
    if status == 529:
        message = f"The model's provider is overloaded. {_TRY_AGAIN}"
        return UpstreamFailure(GatewayError(Reason.OVERLOADED, message, retry_after=retry_after), next_route=True)
    if 400 <= status < 500 and status not in _FAULT_OF_OURS:
        reason = Reason.TOO_LARGE if status == 413 else Reason.INVALID
        relayed = _relayed(body) if client == upstream else None
        message = _message_of(body) or "The model's provider refused the request."
        return UpstreamFailure(GatewayError(reason, message, status=status, body=relayed), next_route=False)
    # Our key, our credit, our route or their fault: never the customer's.
    return UpstreamFailure(_unwell(retry_after), next_route=True)


def failure_of_event(error: Mapping[str, Any]) -> UpstreamFailure:
    """An error inside an answer with status 200, before any content: it becomes a real status."""
    reason = _reason_of(error)
    message = _text(error.get("message"))
    if reason is Reason.UPSTREAM:
        return UpstreamFailure(_unwell(None), next_route=True)
    if reason is Reason.RATE:
        return UpstreamFailure(_rate_limited(msgspec.json.encode({"error": error}), None), next_route=True)
    refused = reason in (Reason.INVALID, Reason.TOO_LARGE)
    return UpstreamFailure(GatewayError(reason, message or reason.value.meaning), next_route=not refused)


def error_of_event(error: Mapping[str, Any]) -> GatewayError:
    """The same after content: what came is charged, and the client is told that it is not all."""
    reason = _reason_of(error)
    return GatewayError(reason, _text(error.get("message")) or reason.value.meaning, charged=True)


def failure_of_timeout() -> UpstreamFailure:
    """No connection, or no content, in the time allowed."""
    message = f"The model's provider did not answer in time. {_TRY_AGAIN}"
    return UpstreamFailure(GatewayError(Reason.UPSTREAM_TIMEOUT, message), next_route=True)


def failure_of_break() -> UpstreamFailure:
    """Refused, reset, cut before content, unreadable."""
    return UpstreamFailure(_unwell(None), next_route=True)


def cut_error() -> GatewayError:
    """After content: what came is charged, and the client is told that it is not all."""
    message = "The model's provider broke off before the end of its answer. What was produced is charged."
    return GatewayError(Reason.UPSTREAM, message, charged=True)


def secret_free(text: str) -> str:
    """The text without what looks like a credential."""
    return _SECRETS.sub("[removed]", text)


def event_secret_free(event: bytes) -> bytes:
    """An upstream's error event as it came, or nothing where it names what looks like a credential: we say it then."""
    text = event.decode(errors="replace")
    return event if secret_free(text) == text else b""


def _reason_of(error: Mapping[str, Any]) -> Reason:
    return _REASON_OF_TYPE.get(str(error.get("type") or error.get("code")), Reason.UPSTREAM)


def _unwell(retry_after: str | None) -> GatewayError:
    message = f"The model's provider could not answer. {_TRY_AGAIN}"
    return GatewayError(Reason.UPSTREAM, message, retry_after=retry_after)


def _rate_limited(body: bytes, retry_after: str | None) -> GatewayError:
    said = _message_of(body) or "The model's provider is at its rate limit."
    return GatewayError(Reason.RATE, said, retry_after=retry_after or "1", metadata={"scope": "provider"})


def _relayed(body: bytes) -> bytes | None:
    """The upstream's error object as the client's answer: already its shape, secrets aside; None if it is not."""
    error = _object(body).get("error")
    if not isinstance(error, dict) or not isinstance(error.get("message"), str):
        return None
    text = body.decode()
    clean = secret_free(text)
    if clean == text:
        return body
    try:
        msgspec.json.decode(clean)
    except msgspec.DecodeError:
        return None
    return clean.encode()


def _message_of(body: bytes) -> str | None:
    """The sentence for a person, wherever the body hides it."""
    outer = _object(body)
    error = outer.get("error")
    inner = error if isinstance(error, dict) else {}
    for candidate in (inner.get("message"), error, outer.get("message"), outer.get("detail")):
        if text := _text(candidate):
            return text
    return None


def _text(value: object) -> str | None:
    return secret_free(value.strip())[:_MESSAGE_CHARS_MAX] if isinstance(value, str) and value.strip() else None


def _object(body: bytes) -> dict[str, Any]:
    try:
        decoded = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return decoded if isinstance(decoded, dict) else {}
