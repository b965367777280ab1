"""What people and banks do at the simulator: pay, decline, confirm late, contest a payment."""

from typing import Literal

from billing.simulator.money import (
    DISPUTE_FEE_CENTS,
    CardManner,
    account_line,
    card_new,
    charge_of,
    intent_fail,
    intent_new,
    intent_succeed,
    refund_move,
)
from billing.simulator.store import Fields, Objects, Store

type How = Literal["pay", "declined", "authentication", "delayed"]


class Bank:
    """The buttons of the hosted pages, and of tests."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def session(self, session_id: str) -> Fields | None:
        with self._store.objects() as objects:
            return objects.find("checkout.session", session_id)

    def session_pay(self, session_id: str, how: How = "pay") -> Fields:
        """Fill in the hosted page and press pay. What is paid or gone stays as it is."""
        with self._store.objects() as objects:
            session = objects.find("checkout.session", session_id)
            assert session is not None, session_id
            if session["status"] != "open":
                return session
            intent = self._intent(objects, session)
            if how in {"declined", "authentication"}:
                intent_fail(objects, intent, "card_declined" if how == "declined" else "authentication_required")
                return objects.put(session)
            session |= {"status": "complete", "url": None}
            if how == "delayed":
                intent["status"] = "processing"
                objects.put(intent)
            else:
                self._session_paid(objects, session, intent)
            objects.say("checkout.session.completed", session)
            return objects.put(session)

    def session_settle(self, payment_id: str, *, succeeds: bool = True) -> None:
        """A payment that took its time came to its end."""
        with self._store.objects() as objects:
            intent = objects.find("payment_intent", payment_id)
            assert intent is not None, payment_id
            if intent["status"] != "processing":
                return
            session = objects.newest("checkout.session", lambda one: one["payment_intent"] == payment_id)[0]
            if succeeds:
                self._session_paid(objects, session, intent)
            else:
                intent_fail(objects, intent, "payment_intent_payment_attempt_failed")
            objects.put(session)
            objects.say(f"checkout.session.async_payment_{'succeeded' if succeeds else 'failed'}", session)

    def session_expire(self, session_id: str) -> None:
        with self._store.objects() as objects:
            session = objects.find("checkout.session", session_id)
            if session and session["status"] == "open":
                objects.put(session | {"status": "expired", "url": None})
                objects.say("checkout.session.expired", session | {"status": "expired", "url": None})

    def card_manner(self, card_id: str, manner: CardManner) -> None:
        """How a saved card behaves from now on."""
        with self._store.objects() as objects:
            card = objects.find("payment_method", card_id)
            assert card is not None, card_id
            objects.put(card | {"manner": manner})

    def refunds_take(self, status: Literal["succeeded", "pending"]) -> None:
        """Whether refunds made from now on are through at once."""
        with self._store.objects() as objects:
            knob = objects.find("knob", "knob_refunds")
            if knob is None:
                objects.new("knob", "knob", {"id": "knob_refunds", "status": status})
            else:
                objects.put(knob | {"status": status})

    def refund_end(self, refund_id: str, status: Literal["succeeded", "failed"]) -> None:
        with self._store.objects() as objects:
            refund = objects.find("refund", refund_id)
            assert refund is not None, refund_id
            if refund["status"] not in {status, "failed"}:
                refund_move(objects, refund, status)

    def dispute_open(self, payment_id: str, amount: int | None = None) -> str:
        """The holder of the card contests a payment; no money moves yet."""
        with self._store.objects() as objects:
            intent = objects.find("payment_intent", payment_id)
            assert intent is not None, payment_id
            charge = charge_of(objects, intent)
            fields = {
                "amount": charge["amount"] if amount is None else amount,
                "currency": "usd",
                "charge": charge["id"],
                "payment_intent": payment_id,
                "status": "needs_response",
                "reason": "fraudulent",
                "balance_transactions": [],
            }
            dispute = objects.new("dispute", "dp", fields)
            objects.say("charge.dispute.created", dispute)
            return str(dispute["id"])

    def dispute_move(self, dispute_id: str, *, back: bool = False) -> None:
        """The bank takes the money, or gives it back; each once."""
        with self._store.objects() as objects:
            dispute = objects.find("dispute", dispute_id)
            assert dispute is not None, dispute_id
            if len(dispute["balance_transactions"]) != int(back):
                return
            amount = dispute["amount"] if back else -dispute["amount"]
            line = account_line(objects, "adjustment", amount, 0 if back else DISPUTE_FEE_CENTS, dispute_id)
            dispute["balance_transactions"].append(line)
            objects.put(dispute)
            objects.say(f"charge.dispute.funds_{'reinstated' if back else 'withdrawn'}", dispute)

    def dispute_win(self, dispute_id: str) -> None:
        """The holder of the card was wrong: the money comes back."""
        self.dispute_move(dispute_id, back=True)
        self.dispute_close(dispute_id, won=True)

    def dispute_close(self, dispute_id: str, *, won: bool) -> None:
        with self._store.objects() as objects:
            dispute = objects.find("dispute", dispute_id)
            assert dispute is not None, dispute_id
            dispute["status"] = "won" if won else "lost"
            objects.put(dispute)
            objects.say("charge.dispute.closed", dispute)

    def payouts_make(self, amount: int) -> None:
        """Stripe sends money to our bank."""
        with self._store.objects() as objects:
            payout = objects.new("payout", "po", {"amount": amount})
            account_line(objects, "payout", -amount, 0, payout["id"])

    def find(self, kind: str, object_id: str) -> Fields | None:
        with self._store.objects() as objects:
            return objects.find(kind, object_id)

    def card_remove(self, card_id: str, *, customer_id: str) -> None:
        """The customer takes a card of theirs away."""
        with self._store.objects() as objects:
            card = objects.find("payment_method", card_id)
            if card and card["customer"] == customer_id:
                objects.put(card | {"customer": None})
                objects.say("payment_method.detached", card | {"customer": None}, {"customer": customer_id})

    def newest(self, kind: str) -> list[Fields]:
        with self._store.objects() as objects:
            return objects.newest(kind)

    def _intent(self, objects: Objects, session: Fields) -> Fields:
        if session["payment_intent"]:
            found = objects.find("payment_intent", session["payment_intent"])
            assert found is not None
            return found
        wanted = session["intent"]
        intent = intent_new(
            objects,
            amount=session["amount_total"],
            customer=session["customer"],
            metadata=wanted.get("metadata", {}),
            setup_future_usage=wanted.get("setup_future_usage"),
        )
        session["payment_intent"] = intent["id"]
        return intent

    def _session_paid(self, objects: Objects, session: Fields, intent: Fields) -> None:
        intent_succeed(objects, intent, card_new(objects))
        invoice = objects.new(
            "invoice",
            "in",
            {
                "status": "paid",
                "amount_paid": intent["amount"],
                "customer": intent["customer"],
                "customer_name": session["customer_details"]["name"],
                "customer_address": session["customer_details"]["address"],
                "custom_fields": session["invoice_creation"].get("invoice_data", {}).get("custom_fields"),
            },
        )
        invoice["hosted_invoice_url"] = f"/stripe-simulator/receipts/{invoice['id']}"
        invoice["invoice_pdf"] = f"{invoice['hosted_invoice_url']}?pdf"
        objects.put(invoice)
        session |= {"payment_status": "paid", "invoice": invoice["id"]}
