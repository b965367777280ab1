"""What staff may do with money: refund a payment, give goodwill credit; previewed, with a reason, once."""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse

from billing.admin_readonly import ReadOnlyAdmin
from billing.amounts import CENT_NANOS, AmountField
from billing.ledger import TransferConflict, wallet_credit
from billing.models import Topup
from billing.refunds import RefundRefused, refund_ask, refund_preview
from billing.selectors import wallet_get
from catalog.money import NANOS_PER_USD, nanos_to_usd

GOODWILL_MAX_NANOS = 1_000 * NANOS_PER_USD
REFUND_MAX_NANOS = 10_000 * NANOS_PER_USD


class MoneyForm(forms.Form):
    """An amount and a reason; `once` makes a second press of the button the same act."""

    once = forms.UUIDField(initial=uuid4, widget=forms.HiddenInput)
    amount_usd = AmountField(label="Amount in US dollars", min_nanos=CENT_NANOS, max_nanos=REFUND_MAX_NANOS)
    reason = forms.CharField(label="Reason", max_length=200, help_text="Kept with what is written, for good.")


class GoodwillForm(MoneyForm):
    """Goodwill is small."""

    amount_usd = AmountField(label="Amount in US dollars", min_nanos=CENT_NANOS, max_nanos=GOODWILL_MAX_NANOS)


def refund_view(owner: ReadOnlyAdmin, request: HttpRequest, topup_id: UUID) -> HttpResponse:
    """The customer's own refund, asked for by staff: same service, same bounds."""
    topup = _allowed(request, topup_id, "billing.refund_topup")
    organization_id = topup.wallet.organization_id
    preview = refund_preview(organization_id=organization_id, topup_id=topup.id)
    if preview is None:
        raise Http404("Only what was paid can be refunded.")

    def act(form: MoneyForm) -> str:
        refund = refund_ask(
            organization_id=organization_id,
            topup_id=topup.id,
            refund_id=form.cleaned_data["once"],
            amount_cents=form.cleaned_data["amount_usd"] // CENT_NANOS,
            by_user_id=int(request.user.pk or 0),
            staff_reason=form.cleaned_data["reason"],
        )
        return f"Refund of {nanos_to_usd(refund.amount_nanos)} USD is {refund.status}."

    used_nanos = preview.paid_nanos - preview.refunded_nanos - preview.refundable_nanos
    figures = [
        ("Paid", preview.paid_nanos),
        ("Refunded before", preview.refunded_nanos),
        ("Used, or not free", used_nanos),
        ("Refundable now", preview.refundable_nanos),
    ]
    writes = "wallet → refund_pending now, refund_pending → stripe_clearing when Stripe has paid; tax in proportion."
    form = MoneyForm(request.POST or None, initial={"amount_usd": preview.refundable_nanos})
    return _page(owner, request, topup, form, act, title="Refund", figures=figures, writes=writes)


def goodwill_view(owner: ReadOnlyAdmin, request: HttpRequest, topup_id: UUID) -> HttpResponse:
    """Granted credit from us: spent first, never refunded."""
    topup = _allowed(request, topup_id, "billing.give_goodwill")
    organization_id = topup.wallet.organization_id

    def act(form: MoneyForm) -> str:
        amount_nanos = form.cleaned_data["amount_usd"]
        wallet_credit(
            organization_id=organization_id,
            amount_nanos=amount_nanos,
            key=f"goodwill:{form.cleaned_data['once']}",
            kind="goodwill",
            reason=form.cleaned_data["reason"],
        )
        return f"Goodwill credit of {nanos_to_usd(amount_nanos)} USD is on the wallet."

    wallet = wallet_get(organization_id=organization_id)
    figures = [("Balance", wallet.balance_nanos), ("Granted credit in it", wallet.granted_nanos)]
    writes = "promo → wallet, of kind goodwill, as granted credit; the customer reads the reason."
    form = GoodwillForm(request.POST or None)
    return _page(owner, request, topup, form, act, title="Goodwill credit", figures=figures, writes=writes)


def _allowed(request: HttpRequest, topup_id: UUID, permission: str) -> Topup:
    if not request.user.has_perm(permission):
        raise PermissionDenied
    topup = Topup.objects.select_related("wallet__organization").filter(id=topup_id).first()
    if topup is None:
        raise Http404
    return topup


def _page(
    owner: ReadOnlyAdmin,
    request: HttpRequest,
    topup: Topup,
    form: MoneyForm,
    act: Callable[[MoneyForm], str],
    **shown: Any,
) -> HttpResponse:
    if request.method == "POST" and form.is_valid():
        try:
            said = act(form)
        except RefundRefused:
            form.add_error("amount_usd", "That is more than can go back now.")
        except TransferConflict:
            form.add_error(None, "This form was sent before with other values. Load the page again.")
        else:
            owner.log_change(request, topup, f"{said} Reason: {form.cleaned_data['reason']}")
            messages.success(request, said)
            return redirect("admin:billing_topup_change", topup.id)
    figures = [(name, nanos_to_usd(nanos)) for name, nanos in shown.pop("figures")]
    context = owner.admin_site.each_context(request) | shown | {"topup": topup, "form": form, "figures": figures}
    status = 422 if form.errors else 200
    return TemplateResponse(request, "admin/billing/topup/money.html", context, status=status)
