"""What it costs, which way of buying fits, and what a month would come to."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.parts import page_or_parts
from billing.forms import TOPUP_MAX_NANOS, TOPUP_MIN_NANOS
from catalog.money import usd_to_nanos
from catalog.selectors import catalog_list
from catalog.templatetags.money import usd
from gateway.convert import CONVERSIONS
from tokenoutput.pricing_forms import EstimateForm, WhichForm
from tokenoutput.worked_example import worked_example

TOP_ROWS = 5
# When the rules of fees and refunds on the page were last changed; a test holds the day to their words.
RULES_DATED = date(2026, 11, 29)


@dataclass(frozen=True, slots=True)
class Plan:
    """A way of buying: a column of the comparison."""

    slug: str
    name: str


@dataclass(frozen=True, slots=True)
class Aspect:
    """A row of the comparison: its name, and (plan's slug, plan's name, words) for each column."""

    name: str
    cells: list[tuple[str, str, str]]


@require_safe
def pricing(request: HttpRequest) -> HttpResponse:
    """The rule, the comparison, the guidance and the estimator; both forms are in the query string."""
    context = _context()
    form = EstimateForm(request.GET.dict(), rows=context["all_rows"])
    which = WhichForm(request.GET)
    context |= {
        "form": form,
        "estimate": form.estimate(),
        "which": which,
        "rules_dated": RULES_DATED,
        "suggestion": which.suggestion(starter=bool(_starter_nanos())),
        "balance_nanos": form.cleaned_data.get("balance") or 0 if form.is_valid() else 0,
    }
    return page_or_parts(request, "site/pricing.html", context, is_public=True)


@require_safe
def pricing_markdown(request: HttpRequest) -> HttpResponse:
    """The same in Markdown, for agents."""
    return render(request, "site/pricing.md", _context(), content_type="text/markdown; charset=utf-8")


def _context() -> dict[str, Any]:
    rows = catalog_list(conversions=CONVERSIONS)
    plans = _plans()
    return {
        "all_rows": rows,
        "rows": rows[:TOP_ROWS],
        "example": worked_example(rows),
        "plans": plans,
        "aspects": _aspects(plans),
        "topup_min_nanos": TOPUP_MIN_NANOS,
    }


def _starter_nanos() -> int:
    return usd_to_nanos(settings.STARTER_CREDIT_USD)


def _plans() -> list[Plan]:
    plans = [
        Plan("starter", _("Starter credit")),
        Plan("payg", _("Pay as you go")),
        Plan("auto", _("Automatic top-up")),
        Plan("invoice", _("Invoice on request")),
    ]
    return plans if _starter_nanos() else plans[1:]


def _aspects(plans: list[Plan]) -> list[Aspect]:
    """Every number is the one that the platform itself goes by."""
    limits = settings.GATEWAY
    amounts = _("%(min)s to %(max)s a payment") % {"min": usd(TOPUP_MIN_NANOS), "max": usd(TOPUP_MAX_NANOS)}
    rates = _("%(key)s requests a minute a key, %(all)s an organisation") % {
        "key": f"{limits['key_requests_per_minute']:,}",
        "all": f"{limits['organization_requests_per_minute']:,}",
    }
    left = _("What is left of a payment, to the card it came from")
    words: dict[str, tuple[str, str, str, str]] = {
        _("For"): (
            _("A first look"),
            _("People and teams who decide each payment"),
            _("Services that must not stop"),
            _("Companies that cannot pay by card"),
        ),
        _("You pay"): (
            _("Nothing: %(amount)s for a new account") % {"amount": usd(_starter_nanos())},
            amounts,
            _("%(amounts)s, within a monthly cap you set") % {"amounts": amounts},
            _("By agreement with staff"),
        ),
        _("Fee"): (_("None"),) * 4,
        _("Expires"): (_("No"),) * 4,
        _("Spending stops at"): (
            _("The balance, or a limit of yours"),
            _("The balance, or a limit of yours"),
            _("The monthly cap and the balance, or a limit of yours"),
            _("The balance, or a limit of yours"),
        ),
        _("Refund"): (_("None: it was a gift"), left, left, _("As agreed")),
        _("Rate limits"): (rates,) * 4,
        _("Models"): (_("All, at the price in the table"),) * 4,
    }
    columns = {"starter": 0, "payg": 1, "auto": 2, "invoice": 3}
    return [
        Aspect(name, [(plan.slug, plan.name, said[columns[plan.slug]]) for plan in plans])
        for name, said in words.items()
    ]
