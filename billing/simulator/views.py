"""The simulator's pages: what a customer would see at Stripe, and what banks decide behind it."""

from collections.abc import Callable
from functools import wraps
from urllib.parse import urlsplit

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from billing.simulator.bank import Bank
from billing.simulator.store import Fields, Store
from billing.stripe_mode import simulated

SHOWN_MAX = 30
type View = Callable[..., HttpResponse]


def simulation_only(view: View) -> View:
    """404 wherever real keys are set or DEBUG is off."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: str, **kwargs: str) -> HttpResponse:
        if not simulated():
            raise Http404
        return view(request, *args, **kwargs)

    return guarded


@never_cache
@require_http_methods(["GET", "POST"])
@simulation_only
def checkout(request: HttpRequest, session_id: str) -> HttpResponse:
    """The page on which a top-up is paid, or not."""
    bank = _bank()
    session = bank.session(session_id)
    if session is None:
        raise Http404
    how = request.POST.get("how", "")
    if how == "leave":
        return redirect(_here(session["cancel_url"]))
    if how in {"pay", "delayed"}:
        session = bank.session_pay(session_id, "pay" if how == "pay" else "delayed")
    elif how in {"declined", "refuse"}:
        session = bank.session_pay(session_id, "declined" if how == "declined" else "authentication")
    onwards = ""
    if session["status"] == "complete":
        onwards = session["success_url"].replace("{CHECKOUT_SESSION_ID}", session_id)
        if urlsplit(onwards).netloc == urlsplit(settings.SITE_URL).netloc:
            return redirect(_here(onwards))
    # A form's answer may not lead to another site (CSP): there a link does.
    return render(request, "simulator/checkout.html", {"session": session, "how": how, "onwards": onwards})


@never_cache
@require_GET
@simulation_only
def receipt(request: HttpRequest, object_id: str) -> HttpResponse:
    """The invoice or receipt of a payment."""
    bank = _bank()
    found = bank.find("invoice", object_id) or bank.find("charge", object_id)
    if found is None:
        raise Http404
    amount = found.get("amount_paid") or found["amount"]
    return render(request, "simulator/receipt.html", {"receipt": found, "amount": amount})


@never_cache
@require_http_methods(["GET", "POST"])
@simulation_only
def portal(request: HttpRequest, portal_id: str) -> HttpResponse:
    """The customer's own page: cards and invoices."""
    bank = _bank()
    found = bank.find("billing_portal.session", portal_id)
    if found is None:
        raise Http404
    if card_id := request.POST.get("remove"):
        bank.card_remove(card_id, customer_id=found["customer"])
        return redirect("simulator_portal", portal_id)

    def of_customer(kind: str) -> list[Fields]:
        return [one for one in bank.newest(kind) if one["customer"] == found["customer"]]

    context = {
        "cards": of_customer("payment_method"),
        "invoices": of_customer("invoice")[:SHOWN_MAX],
        "return_path": _here(found["return_url"]),
    }
    return render(request, "simulator/portal.html", context)


@never_cache
@require_http_methods(["GET", "POST"])
@simulation_only
def account(request: HttpRequest) -> HttpResponse:
    """What banks decide: late payments, contested ones, how saved cards behave."""
    bank = _bank()
    if request.method == "POST":
        what, _, of = request.POST.get("do", "").partition(" ")
        _decide(bank, what, of)
        return redirect("simulator")
    context = {
        "payments": bank.newest("payment_intent")[:SHOWN_MAX],
        "disputes": bank.newest("dispute")[:SHOWN_MAX],
        "cards": [card for card in bank.newest("payment_method") if card["customer"]][:SHOWN_MAX],
    }
    return render(request, "simulator/account.html", context)


def _decide(bank: Bank, what: str, of: str) -> None:
    decisions: dict[str, Callable[[], object]] = {
        "arrive": lambda: bank.session_settle(of),
        "bounce": lambda: bank.session_settle(of, succeeds=False),
        "contest": lambda: bank.dispute_move(bank.dispute_open(of)),
        "win": lambda: bank.dispute_win(of),
        "lose": lambda: bank.dispute_close(of, won=False),
        "works": lambda: bank.card_manner(of, "works"),
        "declined": lambda: bank.card_manner(of, "declined"),
        "authentication": lambda: bank.card_manner(of, "authentication"),
    }
    if what not in decisions:
        raise Http404
    try:
        decisions[what]()
    except AssertionError as error:  # Of an object that is not there.
        raise Http404 from error


def _bank() -> Bank:
    return Bank(Store(settings.STRIPE_SIMULATOR_FILE))


def _here(url: str) -> str:
    """The path of one of our own pages: the visitor stays on the host they came by."""
    return urlsplit(url)._replace(scheme="", netloc="").geturl()
