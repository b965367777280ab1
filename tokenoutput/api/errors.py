"""What the management API refuses: one envelope for every error, whoever raised it."""

import logging
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404
from django.urls import reverse
from rest_framework import exceptions, status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import errors as accounts_errors
from accounts.management_keys import ManagementCaller
from billing.alert_settings import RecipientsRefused
from billing.auto_topups import AutoTopupRefused
from billing.budgets import BudgetsOutOfOrder
from billing.limits import LimitAmountRefused, LimitSubjectNotFound
from billing.stripe_client import StripeNotConfigured, StripeUnavailable
from billing.topups import TopupRefused
from billing.webhooks import WebhookNotFound, WebhookRefused
from catalog.addresses import AddressRefused
from tokenoutput.api.reasons import docs_url_of

# Status, message, reason, and what else `metadata` says.
Known = tuple[int, str, str, dict[str, Any]]
logger = logging.getLogger("django.request")

# The first class that fits decides: subclasses stand before their base.
_REFUSALS: tuple[tuple[type[Exception], int, str], ...] = (
    (accounts_errors.RoleNotAllowed, 403, "role"),
    (accounts_errors.EmailNotVerified, 403, "email_not_verified"),
    (accounts_errors.OrganizationNotFound, 404, "not_found"),
    (accounts_errors.MemberNotFound, 404, "not_found"),
    (accounts_errors.InviteNotFound, 404, "not_found"),
    (accounts_errors.ApiKeyNotFound, 404, "not_found"),
    (accounts_errors.InviteTooSoon, 429, "rate_limited"),
    (accounts_errors.InvitesTooMany, 429, "rate_limited"),
    (accounts_errors.AccountsError, 409, "conflict"),
    (LimitSubjectNotFound, 404, "not_found"),
    (LimitAmountRefused, 422, "invalid"),
    (BudgetsOutOfOrder, 422, "budgets_out_of_order"),
    (RecipientsRefused, 422, "invalid"),
    (AddressRefused, 422, "invalid"),
    (AutoTopupRefused, 409, "auto_topup_refused"),
    (TopupRefused, 409, "topup_refused"),
    (WebhookNotFound, 404, "not_found"),
    (WebhookRefused, 409, "conflict"),
    (StripeNotConfigured, 503, "payments_off"),
    (StripeUnavailable, 503, "payments_unavailable"),
)
_SAID = {
    "payments_off": "Payments are not set up here.",
    "payments_unavailable": "The payment provider does not answer. Nothing was charged: try again in a moment.",
}
# Where a person changes what stands in a program's way.
_PAGES = {
    "role": "members",
    "scope_missing": "management_keys",
    "topup_refused": "billing",
    "auto_topup_refused": "billing",
    "budgets_out_of_order": "billing",
}
_REASONS = {
    400: "bad_request",
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    415: "unsupported_media_type",
    422: "invalid",
    429: "rate_limited",
}


class Refused(exceptions.APIException):
    """An answer with this status, and in `metadata` what a program may act on."""

    def __init__(self, status_code: int, message: str, *, reason: str, **metadata: Any) -> None:
        super().__init__(message)
        self.status_code = status_code
        self.reason = reason
        self.metadata = metadata


class QueryRefused(exceptions.ValidationError):
    """The query string is wrong: 400, as the body may be right."""

    status_code = status.HTTP_400_BAD_REQUEST


def envelope(code: int, message: str, *, reason: str, request_id: str, **metadata: Any) -> dict[str, Any]:
    """The one shape of an error. Nothing of this API costs anything, and every error says so."""
    said = {"reason": reason, **metadata, "charged": False, "docs_url": docs_url_of(reason), "request_id": request_id}
    return {"error": {"code": code, "message": message, "metadata": said}}


def exception_answer(error: Exception, context: Mapping[str, Any]) -> Response:
    """DRF's exception handler: every error of a view becomes the envelope, our own faults too."""
    view = context["view"]
    known = _known(error)
    headers: dict[str, str] = {}
    if known is None:
        extra = {"status_code": 500, "request": context["request"]}
        logger.error("Internal error: %s", type(error).__name__, exc_info=error, extra=extra)
        known = 500, "This is our own fault. Try again; if it stays, name the request id to support.", "internal", {}
    elif isinstance(error, exceptions.APIException):
        if header := getattr(error, "auth_header", None):
            headers["WWW-Authenticate"] = header
        if (wait := getattr(error, "wait", None)) is not None:
            headers["Retry-After"] = str(max(1, round(wait)))
    code, message, reason, metadata = known
    metadata = _manage(reason, context["request"]) | metadata
    body = envelope(code, message, reason=reason, request_id=view.request_id, **metadata)
    return Response(body, status=code, headers=headers)


def _manage(reason: str, request: Request) -> dict[str, str]:
    """The page of the caller's organisation that helps, if one does."""
    if reason not in _PAGES or not isinstance(request.auth, ManagementCaller):
        return {}
    return {"manage_url": settings.SITE_URL + reverse(_PAGES[reason], args=[request.auth.organization_slug])}


def _known(error: Exception) -> Known | None:
    match error:
        case exceptions.APIException():
            return _of_framework(error)
        case Http404():
            return 404, "There is nothing here.", "not_found", {}
        case PermissionDenied():
            return 403, str(error) or "This is not allowed.", "forbidden", {}
        case ValidationError():
            return 422, " ".join(error.messages), "invalid", {}
    return _of_services(error)


def _of_framework(error: exceptions.APIException) -> Known:
    code = error.status_code
    if isinstance(error, Refused):
        return code, str(error.detail), error.reason, error.metadata
    if isinstance(error, exceptions.ValidationError):
        code = code if isinstance(error, QueryRefused) else 422
        fields = _fields(error.detail)
        return code, _sentence(fields), _REASONS[code], {"fields": fields}
    return code, str(error.detail), _REASONS.get(code, "error"), {}


def _of_services(error: Exception) -> Known | None:
    for kind, code, reason in _REFUSALS:
        if isinstance(error, kind):
            return code, _SAID.get(reason, str(error)), reason, {}
    return None


def _fields(detail: Any, name: str = "") -> dict[str, list[str]]:
    """Every message by the path of its field: `limits.0.period`."""
    if isinstance(detail, Mapping):
        found: dict[str, list[str]] = {}
        for key, inner in detail.items():
            found |= _fields(inner, f"{name}.{key}" if name else str(key))
        return found
    if isinstance(detail, list) and any(isinstance(one, Mapping) for one in detail):
        return _fields({str(place): one for place, one in enumerate(detail) if one}, name)
    return {name or "body": [str(one) for one in (detail if isinstance(detail, list) else [detail])]}


def _sentence(fields: Mapping[str, list[str]]) -> str:
    return " ".join(f"{name}: {' '.join(words)}" for name, words in fields.items())[:2000]
