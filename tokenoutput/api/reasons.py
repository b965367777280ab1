"""Every `metadata.reason` of the management API's errors, for the errors page of the documentation."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from gateway.errors import ERRORS_PAGE


@dataclass(frozen=True, slots=True)
class ApiReason:
    """What a reason means and what a program does about it."""

    status: int
    meaning: Any
    remedy: Any


API_SECTION = "api"
REASONS: Mapping[str, ApiReason] = {
    "bad_request": ApiReason(
        400, _("The query string, a header or the JSON is wrong"), _("Read metadata.fields: it names what is wrong.")
    ),
    "unauthenticated": ApiReason(
        401,
        _("No key, or not a good one"),
        _("Send a management key; it may be revoked, expired, or not allowed from this address."),
    ),
    "forbidden": ApiReason(403, _("Not allowed"), _("The message says what is missing.")),
    "scope_missing": ApiReason(
        403,
        _("The key lacks a scope"),
        _("Make a management key with the scope that metadata.scope names. Scopes of a key never change."),
    ),
    "role": ApiReason(
        403,
        _("The member behind the key may not do this"),
        _("Have the member's role raised, or let a member who may do it make the key."),
    ),
    "email_not_verified": ApiReason(
        403, _("The member's e-mail address is not confirmed"), _("Confirm the address, then ask again.")
    ),
    "not_found": ApiReason(
        404, _("No such path or object"), _("Check the path and the id: what belongs to others is not found either.")
    ),
    "method_not_allowed": ApiReason(405, _("Wrong method"), _("Use a method that the reference names.")),
    "not_acceptable": ApiReason(406, _("No such form of answer"), _("Answers are JSON, some lists also CSV.")),
    "too_slow": ApiReason(408, _("The body came too slowly"), _("Send it again over a better connection.")),
    "conflict": ApiReason(
        409, _("It stands against the present state"), _("Read what is there now, then decide anew.")
    ),
    "auto_topup_refused": ApiReason(
        409, _("Automatic top-ups cannot be set like this"), _("The message says what is missing, such as a card.")
    ),
    "topup_refused": ApiReason(409, _("This payment cannot be begun"), _("The message says why.")),
    "too_large": ApiReason(413, _("Body too large"), _("Send less.")),
    "unsupported_media_type": ApiReason(415, _("Not JSON"), _("Send JSON, with Content-Type: application/json.")),
    "invalid": ApiReason(
        422, _("The body is JSON, but not what is asked for"), _("Read metadata.fields: it names each field.")
    ),
    "budgets_out_of_order": ApiReason(
        422, _("A shorter budget is above a longer one"), _("Let budgets fall from lifetime to day.")
    ),
    "idempotency_key_reused": ApiReason(
        422, _("This Idempotency-Key came with another request"), _("Use a new key for each thing you make.")
    ),
    "rate_limited": ApiReason(
        429, _("Too many requests, or too soon again"), _("Wait as long as Retry-After says.")
    ),
    "internal": ApiReason(500, _("Our own fault"), _("Retry once; if it stays, send us the request id.")),
    "payments_off": ApiReason(503, _("Payments are not set up here"), _("Ask who runs this platform.")),
    "payments_unavailable": ApiReason(
        503, _("The payment provider does not answer"), _("Try again in a moment, with the same Idempotency-Key.")
    ),
}  # fmt: skip


def docs_url_of(reason: str) -> str:
    """Where the documentation says more of it."""
    return f"{settings.SITE_URL}{ERRORS_PAGE}#{reason if reason in REASONS else API_SECTION}"
