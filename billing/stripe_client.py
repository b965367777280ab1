"""Stripe, asked in our words: the only module that imports its library."""

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

import stripe
from django.conf import settings

from billing.stripe_details import invoice_wanted
from billing.stripe_mode import livemode, simulated, webhook_secret
from billing.stripe_objects import (
    AccountLine,
    Card,
    DisputeState,
    Notice,
    Order,
    Payment,
    RefundState,
    Session,
    account_line_read,
    card_read,
    dispute_read,
    notice_read,
    payment_read,
    refund_read,
    session_read,
)

API_VERSION = "2026-10-28.endive"
TIMEOUT_SECONDS = 10
NETWORK_RETRIES = 2
SIGNATURE_SECONDS = 300
LISTED_MAX = 10_000


class StripeNotConfigured(Exception):
    """There are no keys, and no simulator stands in."""


class StripeUnavailable(Exception):
    """No answer, or one of Stripe's own errors: what was asked may have happened all the same."""


class StripeErrored(StripeUnavailable):
    """One of Stripe's own errors, under the key of what was asked: the same key gets the same answer for a day."""


class StripeRefused(Exception):
    """Stripe understood and will not do it; the code says why."""

    def __init__(self, code: str, message: str = "") -> None:
        super().__init__(message or code)
        self.code = code


class NoticeRefused(ValueError):
    """Not a notice that Stripe signed for us, lately."""


def customer_create(*, organization_id: int, name: str, email: str) -> str:
    """The id of the organisation's customer. Asked again within a day it is the same one."""
    params: Any = {"name": name, "email": email, "metadata": {"organization_id": str(organization_id)}}
    named = hashlib.sha256(f"{name} {email}".encode()).hexdigest()[:16]
    options: Any = {"idempotency_key": f"customer-{organization_id}-{named}"}
    return str(_ask(lambda client: client.v1.customers.create(params, options))["id"])


def customer_update(*, customer_id: str, params: Any) -> None:
    """Whom its next invoices are made out to."""
    _ask(lambda client: client.v1.customers.update(customer_id, params))


def session_create(*, order: Order, save_card: bool, return_url: str, cancel_url: str) -> Session:
    """A page of Stripe's on which this top-up is paid. Asked again it is the same one."""
    intent: dict[str, Any] = {"metadata": _metadata(order)}
    if save_card:
        intent["setup_future_usage"] = "off_session"
    line = {
        "quantity": 1,
        "price_data": {
            "currency": "usd",
            "unit_amount": order.amount_cents,
            "tax_behavior": "exclusive",
            "product_data": {"name": "Prepaid balance"},
        },
    }
    params: Any = {
        "mode": "payment",
        "customer": order.customer_id,
        "client_reference_id": str(order.topup_id),
        "line_items": [line],
        "payment_intent_data": intent,
        "invoice_creation": invoice_wanted(order.tax_id),
        "tax_id_collection": {"enabled": True},
        "customer_update": {"name": "auto", "address": "auto"},
        "automatic_tax": {"enabled": settings.STRIPE_AUTOMATIC_TAX},
        "billing_address_collection": "required" if settings.STRIPE_AUTOMATIC_TAX else "auto",
        "adaptive_pricing": {"enabled": False},
        "success_url": return_url,
        "cancel_url": cancel_url,
    }
    options: Any = {"idempotency_key": f"topup-{order.topup_id}"}
    return session_read(_ask(lambda client: client.v1.checkout.sessions.create(params, options)))


def session_get(session_id: str) -> Session:
    return session_read(_ask(lambda client: client.v1.checkout.sessions.retrieve(session_id)))


def session_of(payment_intent_id: str) -> Session | None:
    """The session a payment was made on, if it was made on one."""
    params: Any = {"payment_intent": payment_intent_id, "limit": 1}
    found = _ask(lambda client: client.v1.checkout.sessions.list(params))["data"]
    return session_read(found[0]) if found else None


def payment_get(payment_intent_id: str) -> Payment:
    params: Any = {"expand": ["latest_charge"]}
    return payment_read(_ask(lambda client: client.v1.payment_intents.retrieve(payment_intent_id, params)))


def payments_since(moment: datetime, *, customer_id: str | None = None) -> Iterator[Payment]:
    """Payments begun since then, newest first."""
    params = _since(moment) | ({"customer": customer_id} if customer_id else {})
    return map(payment_read, _all(lambda client, page: client.v1.payment_intents.list(page), params))


def card_charge(*, order: Order, card_id: str) -> Payment:
    """Charge a saved card while its holder is away; `StripeRefused` where it is declined. Asked again: the same one."""
    params: Any = {
        "amount": order.amount_cents,
        "currency": "usd",
        "customer": order.customer_id,
        "payment_method": card_id,
        "payment_method_types": ["card"],
        "confirm": True,
        "off_session": True,
        "description": "Prepaid balance, automatic top-up",
        "metadata": _metadata(order),
    }
    options: Any = {"idempotency_key": f"topup-{order.topup_id}"}
    return payment_read(_ask(lambda client: client.v1.payment_intents.create(params, options)))


def refund_create(*, refund_id: UUID, payment_intent_id: str, gross_cents: int, attempt: int = 0) -> RefundState:
    """Send money back. Asked again with the same `attempt`: the same refund, or the same error."""
    params: Any = {
        "payment_intent": payment_intent_id,
        "amount": gross_cents,
        "reason": "requested_by_customer",
        "metadata": {"refund_id": str(refund_id)},
    }
    options: Any = {"idempotency_key": f"refund-{refund_id}-{attempt}" if attempt else f"refund-{refund_id}"}
    return refund_read(_ask(lambda client: client.v1.refunds.create(params, options)))


def refund_get(stripe_id: str) -> RefundState:
    return refund_read(_ask(lambda client: client.v1.refunds.retrieve(stripe_id)))


def refunds_of(payment_intent_id: str) -> list[RefundState]:
    """Every refund of a payment, wherever it was asked for."""
    params = {"payment_intent": payment_intent_id, "limit": 100}
    return list(map(refund_read, _all(lambda client, page: client.v1.refunds.list(page), params)))


def refunds_since(moment: datetime) -> Iterator[RefundState]:
    return map(refund_read, _all(lambda client, page: client.v1.refunds.list(page), _since(moment)))


def dispute_get(dispute_id: str) -> DisputeState:
    return dispute_read(_ask(lambda client: client.v1.disputes.retrieve(dispute_id)))


def disputes_since(moment: datetime) -> Iterator[DisputeState]:
    return map(dispute_read, _all(lambda client, page: client.v1.disputes.list(page), _since(moment)))


def account_lines_since(moment: datetime) -> Iterator[AccountLine]:
    """The lines of our account at Stripe."""
    params = _since(moment) | {"expand": ["data.source"]}
    lines = _all(lambda client, page: client.v1.balance_transactions.list(page), params)
    return map(account_line_read, lines)


def card_of(customer_id: str) -> Card | None:
    """The card the customer saved last, if any."""
    params: Any = {"type": "card", "limit": 1}
    found = _ask(lambda client: client.v1.customers.payment_methods.list(customer_id, params))["data"]
    return card_read(found[0]) if found else None


def card_forget(card_id: str) -> None:
    """Take a saved card away; one that is gone is fine."""
    try:
        _ask(lambda client: client.v1.payment_methods.detach(card_id))
    except StripeRefused as refused:
        if refused.code not in {"resource_missing", "payment_method_unexpected_state"}:
            raise


def portal_url(*, customer_id: str, return_url: str) -> str:
    """A page of Stripe's for this customer's cards, tax ids and invoices."""
    params: Any = {"customer": customer_id, "return_url": return_url}
    return str(_ask(lambda client: client.v1.billing_portal.sessions.create(params))["url"])


def invoice_url(invoice_id: str, *, pdf: bool = False) -> str | None:
    """The invoice's page, or its PDF where there is one."""
    invoice = _ask(lambda client: client.v1.invoices.retrieve(invoice_id))
    return (invoice.get("invoice_pdf") if pdf else None) or invoice.get("hosted_invoice_url")


def notice_verify(body: bytes, signature: str) -> Notice:
    """The notice in `body`, if Stripe signed it for us within 300 s of now; else `NoticeRefused`."""
    try:
        stripe.WebhookSignature.verify_header(body, signature, webhook_secret(), SIGNATURE_SECONDS)
        # The library refuses old timestamps only; it has read the header above, so there is one.
        signed_at = next(int(part[2:]) for part in signature.split(",") if part.startswith("t="))
        notice = notice_read(json.loads(body))
    except (stripe.SignatureVerificationError, ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise NoticeRefused(type(error).__name__) from error
    except RecursionError as error:
        raise NoticeRefused("nested too deep") from error
    if signed_at > time.time() + SIGNATURE_SECONDS:
        raise NoticeRefused("signed in the future")
    if notice.livemode != livemode():
        raise NoticeRefused("of the other mode")
    return notice


def _metadata(order: Order) -> dict[str, str]:
    """What the payment itself says of its top-up: enough to know it again when our database was restored."""
    return {
        "topup_id": str(order.topup_id),
        "organization_id": str(order.organization_id),
        "amount_cents": str(order.amount_cents),
    }


def _ask(call: Callable[[stripe.StripeClient], Any]) -> dict[str, Any]:
    try:
        answer: dict[str, Any] = call(_client()).to_dict()
    except stripe.CardError as error:
        raise StripeRefused(_decline(error), error.user_message or "") from error
    except (stripe.InvalidRequestError, stripe.IdempotencyError, stripe.PermissionError) as error:
        if error.http_status == 409:  # Another request has the same key just now.
            raise StripeUnavailable("in use") from error
        raise StripeRefused(error.code or type(error).__name__, error.user_message or "") from error
    except stripe.StripeError as error:
        if error.http_status == 500:  # The one that Stripe keeps; 502 and 503 come from on the way.
            raise StripeErrored(type(error).__name__) from error
        raise StripeUnavailable(type(error).__name__) from error
    return answer


def _decline(error: stripe.CardError) -> str:
    details = error.json_body if isinstance(error.json_body, dict) else {}
    return str((details.get("error") or {}).get("decline_code") or error.code or "card_declined")


def _since(moment: datetime) -> dict[str, Any]:
    return {"created": {"gte": int(moment.timestamp())}, "limit": 100}


def _all(call: Callable[[stripe.StripeClient, Any], Any], params: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Page after page, newest first."""
    page = dict(params)
    for _ in range(LISTED_MAX // 100):
        answer = _ask(lambda client, page=page: call(client, page))  # type: ignore[misc]  # a default binds the page
        yield from answer["data"]
        if not answer["has_more"]:
            return
        page = params | {"starting_after": answer["data"][-1]["id"]}


def _client() -> stripe.StripeClient:
    if simulated():
        from billing.simulator.transport import simulator_client  # noqa: PLC0415 -- never loaded in production

        return simulator_client(str(settings.STRIPE_SIMULATOR_FILE))
    if not settings.STRIPE_SECRET_KEY:
        raise StripeNotConfigured
    return _real_client(settings.STRIPE_SECRET_KEY)


@cache
def _real_client(key: str) -> stripe.StripeClient:
    http = stripe.RequestsClient(timeout=TIMEOUT_SECONDS)
    return stripe.StripeClient(key, stripe_version=API_VERSION, max_network_retries=NETWORK_RETRIES, http_client=http)
