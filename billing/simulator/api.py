"""The simulator's answers to API requests: what is asked, once for each idempotency key, in Stripe's words."""

import json
import re
from collections.abc import Callable
from typing import Any

from billing.simulator.money import PAGES, intent_fail, intent_new, intent_succeed, refund_new
from billing.simulator.parameters import parameters_read
from billing.simulator.store import Fields, Objects, Store

TAX_PERCENT = 10
# What never ran is not kept under its key: Stripe documents that for bad parameters and conflicts.
NOT_KEPT = {400, 401, 404, 409}


class Problem(Exception):
    """An error in Stripe's words."""

    def __init__(self, status: int, kind: str, code: str, message: str, **more: Any) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": {"type": kind, "code": code, "message": message} | more}


def answer(store: Store, method: str, path: str, encoded: str, key: str | None) -> tuple[int, str]:
    """The status and body for one request."""
    with store.objects() as objects:
        asked = f"{method} {path} {encoded}"
        known = objects.answer_find(key) if key and method == "post" else None
        if known:
            if known[0] != asked:
                message = (
                    "Keys for idempotent requests can only be used with the same parameters they were first used with."
                )
                return 400, json.dumps(Problem(400, "idempotency_error", "idempotency_key_in_use", message).body)
            return known[1], known[2]
        try:
            status, body = 200, _run(objects, method, path, parameters_read(encoded))
        except Problem as problem:
            status, body = problem.status, problem.body
        text = json.dumps(body)
        if key and method == "post" and status not in NOT_KEPT:
            objects.answer_keep(key, asked, status, text)
        return status, text


def _run(objects: Objects, method: str, path: str, given: Fields) -> Fields:
    for verb, pattern, handler in _ROUTES:
        found = re.fullmatch(pattern, path) if verb == method else None
        if found:
            return handler(objects, given, *found.groups())
    raise Problem(404, "invalid_request_error", "url_invalid", f"The simulator does not know {method.upper()} {path}.")


def _get(objects: Objects, kind: str, object_id: str) -> Fields:
    found = objects.find(kind, object_id)
    if found is None:
        raise Problem(404, "invalid_request_error", "resource_missing", f"No such {kind}: '{object_id}'")
    return found


def _reader(kind: str) -> Callable[..., Fields]:
    def read(objects: Objects, given: Fields, object_id: str) -> Fields:
        found = _get(objects, kind, object_id)
        if "latest_charge" in given.get("expand", []) and found["latest_charge"]:
            found["latest_charge"] = objects.find("charge", found["latest_charge"])
        return found

    return read


def _lister(kind: str) -> Callable[..., Fields]:
    def listed(objects: Objects, given: Fields) -> Fields:
        since = int((given.get("created") or {}).get("gte", 0))
        named = {name: given[name] for name in ("customer", "payment_intent") if name in given}
        found = objects.newest(
            kind, lambda one: one["created"] >= since and all(one.get(name) == value for name, value in named.items())
        )
        ids = [one["id"] for one in found]
        start = ids.index(given["starting_after"]) + 1 if "starting_after" in given else 0
        limit = int(given.get("limit", 10))
        page = found[start : start + limit]
        if "data.source" in given.get("expand", []):
            page = [one | {"source": _any(objects, one["source"])} for one in page]
        return _list(page, has_more=start + limit < len(found))

    return listed


def _any(objects: Objects, object_id: str) -> Fields:
    kinds = {"ch": "charge", "re": "refund", "dp": "dispute", "po": "payout"}
    return _get(objects, kinds[object_id.split("_")[0]], object_id)


def _list(found: list[Fields], *, has_more: bool = False) -> Fields:
    return {"object": "list", "data": found, "has_more": has_more}


def _customer_new(objects: Objects, given: Fields) -> Fields:
    return objects.new("customer", "cus", {"name": None, "email": None, "metadata": {}} | given)


def _customer_change(objects: Objects, given: Fields, customer_id: str) -> Fields:
    customer = _get(objects, "customer", customer_id) | given
    # An empty value unsets: of the address all of it, or a part.
    address = {part: value or None for part, value in (customer.get("address") or {}).items()}
    return objects.put(customer | {"address": address or None})


def _customer_cards(objects: Objects, given: Fields, customer_id: str) -> Fields:
    found = objects.newest("payment_method", lambda card: card["customer"] == customer_id)
    return _list(found[: int(given.get("limit", 10))])


def _card_detach(objects: Objects, _given: Fields, card_id: str) -> Fields:
    card = _get(objects, "payment_method", card_id)
    if card["customer"] is None:
        message = "The payment method you provided is not attached to a customer."
        raise Problem(400, "invalid_request_error", "payment_method_unexpected_state", message)
    before = {"customer": card["customer"]}
    card["customer"] = None
    objects.say("payment_method.detached", card, before)
    return objects.put(card)


def _session_new(objects: Objects, given: Fields) -> Fields:
    customer = _get(objects, "customer", given["customer"])
    price = given["line_items"][0]["price_data"]
    amount = int(price["unit_amount"])
    taxed = given["automatic_tax"]["enabled"] == "true"
    tax = round(amount * TAX_PERCENT / 100) if taxed else 0
    session = objects.new(
        "checkout.session",
        "cs_test",
        {
            "status": "open",
            "payment_status": "unpaid",
            "customer": given["customer"],
            "customer_details": {"name": customer["name"], "address": customer.get("address")},
            "client_reference_id": given.get("client_reference_id"),
            "currency": price["currency"],
            "amount_subtotal": amount,
            "amount_total": amount + tax,
            "total_details": {"amount_tax": tax},
            "payment_intent": None,
            "invoice": None,
            "metadata": given.get("metadata", {}),
            "success_url": given["success_url"],
            "cancel_url": given["cancel_url"],
            "intent": given.get("payment_intent_data", {}),
            "invoice_creation": given.get("invoice_creation", {}),
        },
    )
    return objects.put(session | {"url": f"{PAGES}/checkout/{session['id']}"})


def _intent_new(objects: Objects, given: Fields) -> Fields:
    """A charge of a saved card while its holder is away."""
    card = _get(objects, "payment_method", given["payment_method"])
    if card["customer"] != given["customer"]:
        message = "The payment method does not belong to this customer."
        raise Problem(400, "invalid_request_error", "payment_method_unexpected_state", message)
    intent = intent_new(
        objects,
        amount=int(given["amount"]),
        currency=given["currency"],
        customer=given["customer"],
        metadata=given.get("metadata", {}),
        payment_method=card["id"],
    )
    if card["manner"] == "works":
        return intent_succeed(objects, intent, card)
    code = "card_declined" if card["manner"] == "declined" else "authentication_required"
    intent_fail(objects, intent, code)
    more = {"decline_code": intent["last_payment_error"]["decline_code"], "payment_intent": intent}
    raise Problem(402, "card_error", code, "Your card was declined.", **more)


def _refund_new(objects: Objects, given: Fields) -> Fields:
    intent = _get(objects, "payment_intent", given["payment_intent"])
    amount = int(given["amount"])
    charge = objects.find("charge", intent["latest_charge"] or "")
    if charge is None or amount > charge["amount"] - charge["amount_refunded"]:
        message = "Refund amount is greater than unrefunded amount on charge."
        raise Problem(400, "invalid_request_error", "charge_already_refunded", message)
    return refund_new(objects, intent, {"amount": amount, "metadata": given.get("metadata", {})})


def _portal_new(objects: Objects, given: Fields) -> Fields:
    _get(objects, "customer", given["customer"])
    made = objects.new("billing_portal.session", "bps", dict(given))
    return objects.put(made | {"url": f"{PAGES}/portal/{made['id']}"})


_ROUTES: list[tuple[str, str, Callable[..., Fields]]] = [
    ("post", "/v1/customers", _customer_new),
    ("post", "/v1/customers/([^/]+)", _customer_change),
    ("get", "/v1/customers/([^/]+)/payment_methods", _customer_cards),
    ("post", "/v1/payment_methods/([^/]+)/detach", _card_detach),
    ("post", "/v1/checkout/sessions", _session_new),
    ("get", "/v1/checkout/sessions", _lister("checkout.session")),
    ("get", "/v1/checkout/sessions/([^/]+)", _reader("checkout.session")),
    ("post", "/v1/payment_intents", _intent_new),
    ("get", "/v1/payment_intents", _lister("payment_intent")),
    ("get", "/v1/payment_intents/([^/]+)", _reader("payment_intent")),
    ("post", "/v1/refunds", _refund_new),
    ("get", "/v1/refunds", _lister("refund")),
    ("get", "/v1/refunds/([^/]+)", _reader("refund")),
    ("get", "/v1/disputes", _lister("dispute")),
    ("get", "/v1/disputes/([^/]+)", _reader("dispute")),
    ("get", "/v1/balance_transactions", _lister("balance_transaction")),
    ("get", "/v1/invoices/([^/]+)", _reader("invoice")),
    ("post", "/v1/billing_portal/sessions", _portal_new),
]
