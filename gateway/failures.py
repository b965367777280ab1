"""What an upstream's failure means: try the next route or not, and what the client is told."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from catalog.snapshot import Protocol
from gateway.error_bodies import body_message, body_text, json_decode, message_in, secret_free
from gateway.errors import GatewayError, Reason
from gateway.protocols import NEAREST, ClientProtocol
from gateway.retry_after import retry_after_read

_FAULT_OF_OURS = frozenset({401, 402, 403, 404, 408})
_REASON_OF_TYPE = {
    "invalid_request_error": Reason.INVALID,
    "request_too_large": Reason.TOO_LARGE,
    "rate_limit_error": Reason.RATE,
    "rate_limit_exceeded": Reason.RATE,
    "overloaded_error": Reason.OVERLOADED,
    "timeout_error": Reason.UPSTREAM_TIMEOUT,
    "context_length_exceeded": Reason.CONTEXT,
    "400": Reason.INVALID,  # Some give a status in place of a word.
    "413": Reason.TOO_LARGE,
    "429": Reason.RATE,
    "529": Reason.OVERLOADED,
}
_OURS = frozenset(
    ["authentication_error", "permission_error", "billing_error", "not_found_error", "invalid_api_key"]
    + ["insufficient_quota", "model_not_found"]
    + [str(status) for status in _FAULT_OF_OURS]
)
# Providers word it in many ways. Agents make their conversation shorter when they read it in their own protocol's way.
_CONTEXT: Final = re.compile(
    r"context_length_exceeded|prompt (?:is )?too long|exceeds? (?:the )?(?:\w+ ){0,4}context"
    r"|context (?:length|window|size) (?:is |of |exceed)|max(?:imum)? context"
    r"|longer than the model's context",
    re.IGNORECASE,
)
_TOO_LONG: Final = "prompt is too long"
# Our own account at the provider, told as if the request were at fault or too frequent.
_OUR_ACCOUNT: Final = re.compile(
    r"\b(?:insufficient_quota|billing_hard_limit_reached|billing_not_active|insufficient_balance)\b"
    r"|credit balance is too low|exceeded your current quota",
    re.IGNORECASE,
)
_TRY_AGAIN = "Nothing was charged; try again."


@dataclass(eq=False)
class UpstreamFailure(Exception):
    """An attempt that gave nothing: may another route do better, and what the client gets if none does."""

    error: GatewayError
    next_route: bool


def failure_of_status(
    status: int, body: bytes, header: Callable[[str], str | None], *, client: ClientProtocol, upstream: Protocol
) -> UpstreamFailure:
    """An HTTP status other than 200, with a body of whatever form; `header` gives the answer's headers."""
    text = body_text(body, header("content-type"))
    retry_after = retry_after_read(header, datetime.now(UTC))
    if _OUR_ACCOUNT.search(text):
        return UpstreamFailure(_unwell(retry_after), next_route=True)
    if status == 429:
        return UpstreamFailure(_rate_limited(body_message(text), retry_after), next_route=True)
    if status == 529:
        return UpstreamFailure(_overloaded(body_message(text), retry_after), next_route=True)
    if 400 <= status < 500 and status not in _FAULT_OF_OURS:
        message = body_message(text) or "The model's provider refused the request."
        reason = Reason.TOO_LARGE if status == 413 else Reason.INVALID
        if status == 400 and _CONTEXT.search(text):
            reason, message = Reason.CONTEXT, _too_long(message, client)
        relayed = _relayed(text, client) if NEAREST[client] == upstream else None
        error = GatewayError(reason, message, _param_of(text), retry_after, status=status, body=relayed)
        return UpstreamFailure(error, next_route=False)
    # Our key, our credit, our route or their fault: never the customer's.
    said = _said(text) if status >= 500 else None
    return UpstreamFailure(_unwell(retry_after, said), next_route=True)


def failure_of_event(error: Mapping[str, Any]) -> UpstreamFailure:
    """An error inside an answer with status 200, before any content: it becomes a real status."""
    reason = _reason_of(error)
    message = message_in(dict(error))
    if reason is Reason.UPSTREAM:
        return UpstreamFailure(_unwell(None, None if _is_ours(error) else message), next_route=True)
    if reason is Reason.RATE:
        return UpstreamFailure(_rate_limited(message, None), next_route=True)
    if reason is Reason.OVERLOADED:
        return UpstreamFailure(_overloaded(message, None), next_route=True)
    refused = reason in (Reason.INVALID, Reason.TOO_LARGE, Reason.CONTEXT)
    return UpstreamFailure(GatewayError(reason, message or reason.value.meaning), next_route=not refused)


def error_of_event(error: Mapping[str, Any]) -> GatewayError:
    """The same after content: what came is charged, and the client is told that it is not all."""
    reason = _reason_of(error)
    return GatewayError(reason, message_in(dict(error)) or reason.value.meaning, charged=True)


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


def event_secret_free(event: bytes) -> bytes:
    """An upstream's error event as it came, or nothing where it names what looks like a credential: we say it then."""
    text = event.decode(errors="replace")
    return event if secret_free(text) == text else b""


def _reason_of(error: Mapping[str, Any]) -> Reason:
    """By the word in `type` or `code`, or the status that some give in its place."""
    inner = error.get("error")
    holders = [error, *([inner] if isinstance(inner, dict) else [])]
    words = (str(holder.get(name)) for holder in holders for name in ("code", "type", "status"))
    return next((_REASON_OF_TYPE[word] for word in words if word in _REASON_OF_TYPE), Reason.UPSTREAM)


def _too_long(message: str, client: ClientProtocol) -> str:
    """In the words that Anthropic's clients know; OpenAI's go by the code."""
    if client != "anthropic_messages" or _TOO_LONG in message.lower():
        return message
    return f"{_TOO_LONG}: {message}"


def _is_ours(error: Mapping[str, Any]) -> bool:
    """Whether it is about our key, our credit or our route: nothing that a customer should read."""
    return any(str(error.get(name)) in _OURS for name in ("type", "code", "status"))


def _unwell(retry_after: str | None, said: str | None = None) -> GatewayError:
    message = f"The model's provider could not answer{_quoted(said)} {_TRY_AGAIN}"
    return GatewayError(Reason.UPSTREAM, message, retry_after=retry_after)


def _overloaded(said: str | None, retry_after: str | None) -> GatewayError:
    message = f"The model's provider is overloaded{_quoted(said)} {_TRY_AGAIN}"
    return GatewayError(Reason.OVERLOADED, message, retry_after=retry_after)


def _rate_limited(said: str | None, retry_after: str | None) -> GatewayError:
    message = said or "The model's provider is at its rate limit."
    return GatewayError(Reason.RATE, message, retry_after=retry_after or "1", metadata={"scope": "provider"})


def _quoted(said: str | None) -> str:
    return "." if said is None else f': "{said}".'


def _said(text: str) -> str | None:
    """What a failing provider says of itself. Its pages and plain lines are for those who run it."""
    return message_in(decoded) if isinstance(decoded := json_decode(text), (dict, list)) else None


def _relayed(text: str, protocol: ClientProtocol) -> bytes | None:
    """The upstream's error object as the client's answer, secrets aside; None where it has not the client's shape."""
    decoded = json_decode(text)
    error = decoded.get("error") if isinstance(decoded, dict) else None
    if not isinstance(error, dict) or not isinstance(error.get("message"), str):
        return None
    if not error["message"].strip() or isinstance(json_decode(error["message"]), (dict, list)):
        return None  # The sentence lies elsewhere.
    if protocol == "anthropic_messages":
        fits = decoded.get("type") == "error" and isinstance(error.get("type"), str)
    else:
        words = [error.get(name) for name in ("type", "code", "param")]
        fits = "type" in error and all(isinstance(word, (str, type(None))) for word in words)
    clean = secret_free(text)
    return clean.encode() if fits and (clean == text or json_decode(clean) is not None) else None


def _param_of(text: str) -> str | None:
    """The field that an OpenAI-style error names."""
    decoded = json_decode(text)
    error = decoded.get("error") if isinstance(decoded, dict) else None
    param = error.get("param") if isinstance(error, dict) else None
    return secret_free(param)[:200] if isinstance(param, str) and param else None
