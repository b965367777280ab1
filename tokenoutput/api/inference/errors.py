"""How the inference endpoints refuse and fail: by status, made of the gateway's own table."""

from collections.abc import Iterable
from typing import Any, Final, Literal

from gateway.errors import Reason
from tokenoutput.api.inference.shapes import BOOLEAN, STRING, Schema, nullable, record, ref, said

Voice = Literal["OpenAI", "Anthropic"]
_METADATA: Final = record(
    ["charged", "docs_url", "request_id"],
    charged=said(BOOLEAN, "Whether this request cost anything."),
    docs_url=said(STRING, "Where the documentation says more of this error."),
    manage_url=said(STRING, "Where a person can change what refused it, if they can."),
    request_id=said(STRING, "What support asks for."),
)
COMPONENTS: Final[dict[str, Schema]] = {
    "OpenAIError": record(
        ["error"],
        error=record(
            ["message", "type", "metadata"],
            message=STRING,
            type=STRING,
            code=said(nullable(STRING), "For a program: stable."),
            param=nullable(STRING),
            metadata=_METADATA,
        ),
    ),
    "AnthropicError": record(
        ["type", "error"],
        type={"const": "error"},
        error=record(["type", "message"], type=STRING, message=STRING, metadata=_METADATA),
        request_id=STRING,
    ),
}
_REQUEST_ID: Final = {"x-request-id": {"schema": STRING}, "request-id": {"schema": STRING}}
_WAIT: Final = {"Retry-After": {"schema": STRING, "description": "Seconds to wait."}}
_WAITING: Final = frozenset({429, 503, 529})
# What a path or a method that is none gets.
_ELSEWHERE: Final = frozenset({Reason.NOT_FOUND, Reason.METHOD})
_MONEY: Final = frozenset({Reason.BALANCE, Reason.SPENDING_LIMIT, Reason.FROZEN})


def refusals() -> dict[str, Any]:
    """The component for each status, in either protocol's words."""
    made: dict[str, Any] = {}
    for voice in ("OpenAI", "Anthropic"):
        for reason in _reasons_of(voice):
            name = f"{voice}{reason.value.status}"
            known = made.setdefault(name, _refusal(voice, reason.value.status))
            known["description"] += f"{'; ' * bool(known['description'])}{reason.value.meaning.lower()}"
    for one in made.values():
        one["description"] = one["description"][0].upper() + one["description"][1:] + "."
    return made


def refused(voice: Voice, *, costs: bool = True, asks: bool = True) -> dict[str, Any]:
    """The answers of one operation that are none: `costs` those for want of money, `asks` those of a body."""
    reasons: Iterable[Reason] = set(Reason) - _ELSEWHERE - (set() if costs else _MONEY)
    statuses = {reason.value.status for reason in reasons} if asks else {401, 403, 404, 500, 503}
    statuses &= {reason.value.status for reason in _reasons_of(voice)}
    named = {str(status): {"$ref": f"#/components/responses/{voice}{status}"} for status in sorted(statuses)}
    other = "Refused or failed, in this protocol's own form; `metadata.charged` says what it cost."
    return named | {"default": {"description": other, "headers": _REQUEST_ID, "content": _content(voice)}}


def _reasons_of(voice: str) -> list[Reason]:
    """What a client of this protocol can get: OpenAI's SDKs know no 529, so an overloaded provider is 503 to them."""
    never = {Reason.METHOD} | ({Reason.OVERLOADED} if voice == "OpenAI" else {Reason.NOT_FOUND})
    return [reason for reason in Reason if reason not in never]


def _refusal(voice: str, status: int) -> dict[str, Any]:
    headers = _REQUEST_ID | (_WAIT if status in _WAITING else {})
    return {"description": "", "headers": headers, "content": _content(voice)}


def _content(voice: str) -> dict[str, Any]:
    return {"application/json": {"schema": ref(f"{voice}Error")}}
