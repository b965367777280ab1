"""How money moves at the simulator: charges, refunds, disputes, and the lines of our account they leave."""

from typing import Any, Literal

from billing.simulator.store import Fields, Objects

type CardManner = Literal["works", "declined", "authentication"]

DISPUTE_FEE_CENTS = 1500
PAGES = "/stripe-simulator"


def fee_cents(amount: int) -> int:
    """2.9 % and 30 cents."""
    return round(amount * 29 / 1000) + 30


def account_line(objects: Objects, kind: str, amount: int, fee: int, source: str) -> Fields:
    fields = {"type": kind, "amount": amount, "fee": fee, "net": amount - fee, "source": source, "currency": "usd"}
    return objects.new("balance_transaction", "txn", fields)


def card_new(objects: Objects, manner: CardManner = "works") -> Fields:
    card = {"brand": "visa", "last4": "4242" if manner == "works" else "0341", "exp_month": 12, "exp_year": 2034}
    return objects.new("payment_method", "pm", {"type": "card", "card": card, "customer": None, "manner": manner})


def intent_new(objects: Objects, **fields: Any) -> Fields:
    blank = {
        "status": "requires_payment_method",
        "currency": "usd",
        "amount_received": 0,
        "customer": None,
        "metadata": {},
        "payment_method": None,
        "setup_future_usage": None,
        "latest_charge": None,
        "last_payment_error": None,
        "cancellation_reason": None,
    }
    return objects.new("payment_intent", "pi", blank | fields)


def intent_succeed(objects: Objects, intent: Fields, card: Fields | None) -> Fields:
    """The money arrived."""
    charge = objects.new(
        "charge",
        "ch",
        {
            "amount": intent["amount"],
            "amount_refunded": 0,
            "currency": intent["currency"],
            "payment_intent": intent["id"],
            "customer": intent["customer"],
            "disputed": False,
        },
    )
    line = account_line(objects, "charge", intent["amount"], fee_cents(intent["amount"]), charge["id"])
    charge |= {"receipt_url": f"{PAGES}/receipts/{charge['id']}", "balance_transaction": line["id"]}
    objects.put(charge)
    intent |= {
        "status": "succeeded",
        "amount_received": intent["amount"],
        "latest_charge": charge["id"],
        "last_payment_error": None,
        "payment_method": card and card["id"],
    }
    objects.put(intent)
    if card and intent["setup_future_usage"] and card["customer"] is None:
        card["customer"] = intent["customer"]
        objects.put(card)
        objects.say("payment_method.attached", card)
    objects.say("payment_intent.succeeded", intent)
    return intent


def intent_fail(objects: Objects, intent: Fields, code: str) -> Fields:
    """The card was declined, or its holder did not confirm."""
    decline = "generic_decline" if code == "card_declined" else None
    error = {"type": "card_error", "code": code, "decline_code": decline, "message": "Your card was declined."}
    intent |= {"status": "requires_payment_method", "last_payment_error": error}
    objects.put(intent)
    objects.say("payment_intent.payment_failed", intent)
    return intent


def charge_of(objects: Objects, intent: Fields) -> Fields:
    charge = objects.find("charge", intent["latest_charge"] or "")
    assert charge is not None, "the payment has no charge"
    return charge


def refund_new(objects: Objects, intent: Fields, fields: Fields) -> Fields:
    """A refund of a charge; pending where banks take their time (`Bank.refunds_take`)."""
    charge = charge_of(objects, intent)
    knob = objects.find("knob", "knob_refunds")
    status = knob["status"] if knob else "succeeded"
    blank = {"currency": "usd", "payment_intent": intent["id"], "charge": charge["id"], "status": status}
    refund = objects.new("refund", "re", blank | fields)
    account_line(objects, "refund", -refund["amount"], 0, refund["id"])
    charge["amount_refunded"] += refund["amount"]
    objects.put(charge)
    objects.say("refund.created", refund)
    objects.say("charge.refunded", charge)
    return refund


def refund_move(objects: Objects, refund: Fields, status: str) -> Fields:
    """A pending refund went through, or any came back."""
    refund["status"] = status
    objects.put(refund)
    if status == "failed":
        intent = objects.find("payment_intent", refund["payment_intent"])
        assert intent is not None
        charge = charge_of(objects, intent)
        charge["amount_refunded"] -= refund["amount"]
        objects.put(charge)
        account_line(objects, "refund_failure", refund["amount"], 0, refund["id"])
        objects.say("refund.failed", refund)
    objects.say("refund.updated", refund)
    return refund
