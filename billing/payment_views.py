"""Pages of payments: pay at Stripe and come back, refund, saved card, automatic top-ups, receipts."""

import time
from urllib.parse import urlencode
from uuid import UUID

import structlog
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.access import Access, access_get
from accounts.parts import page_or_parts
from accounts.roles import Action
from billing import stripe_client, stripe_mode
from billing.amounts import CENT_NANOS
from billing.auto_topups import AutoTopupRefused, auto_topup_off, auto_topup_set
from billing.billing_page import billing_page
from billing.cards import card_remove, portal_address
from billing.forms import AutoTopupForm, RefundForm, TopupForm
from billing.payment_selectors import receipt_url, topup_view
from billing.refunds import RefundPreview, RefundRefused, refund_ask, refund_preview
from billing.selectors import wallet_get
from billing.stripe_address import stripe_address
from billing.topups import Buyer, TopupRefused, topup_returned, topup_start
from catalog.templatetags.money import usd

log = structlog.get_logger(__name__)
# So long, and a payment that is still not confirmed needs an explanation.
LATE_SECONDS = 60
SINCE_SECONDS_MAX = 30 * 86_400
_AWAY = (stripe_client.StripeUnavailable, stripe_client.StripeNotConfigured, stripe_client.StripeRefused)


@require_POST
@login_required
def topup(request: HttpRequest, slug: str) -> HttpResponse:
    """Start a top-up and lead on to the page where it is paid."""
    access = access_get(request, slug=slug, action=Action.MONEY_CHANGE)
    if not stripe_mode.configured():
        raise Http404
    form = TopupForm(request.POST)
    if not form.is_valid():
        return billing_page(request, access, form=form, status=422)
    data = form.cleaned_data
    try:
        address = topup_start(
            buyer=_buyer(request, access),
            topup_id=data["once"],
            amount_cents=form.amount_cents,
            save_card=data["save_card"],
        )
    except TopupRefused as refused:
        form.add_error(None, str(refused))
        return billing_page(request, access, form=form, status=422)
    except _AWAY:
        log.exception("topup.not_started", organization=access.organization.id)
        form.add_error(
            None, _("The payment page can't be opened just now. Nothing was charged. Try again in a minute.")
        )
        return billing_page(request, access, form=form, status=503)
    return redirect(stripe_address(address))


@never_cache
@require_GET
@login_required
def returned(request: HttpRequest, slug: str) -> HttpResponse:
    """Did my payment arrive: paid, on its way, or not paid."""
    access = access_get(request, slug=slug)
    session_id, topup_id = request.GET.get("session_id", ""), request.GET.get("topup", "")
    found = topup_returned(
        organization_id=access.organization.id,
        session_id=session_id.replace("\x00", ""),
        topup_id=_uuid(topup_id) if topup_id else None,
    )
    if found is None or not (session_id or topup_id):
        raise Http404
    # An open page that was left is not paid; one whose payment may still arrive is on its way.
    state = {"paid": "paid", "processing": "processing", "failed": "unpaid", "expired": "unpaid"}.get(found.status)
    if state is None:
        state = "processing" if session_id else "unpaid"
    now, view = int(time.time()), topup_view(found)
    since = _since(request.GET.get("since", ""), now)
    query = {"session_id": session_id, "topup": topup_id, "since": str(since)}
    context = {
        "access": access,
        "topup": view,
        "state": state,
        "late": now - since >= LATE_SECONDS,
        "again": "?" + urlencode({name: value for name, value in query.items() if value}),
        "wallet": wallet_get(organization_id=access.organization.id),
    }
    return page_or_parts(request, "app/billing_return.html", context)


@never_cache
@require_http_methods(["GET", "POST"])
@login_required
def refund(request: HttpRequest, slug: str, topup_id: UUID) -> HttpResponse:
    """What a refund would be, and the refund."""
    access = access_get(request, slug=slug, action=Action.MONEY_CHANGE)
    preview = refund_preview(organization_id=access.organization.id, topup_id=topup_id)
    if preview is None or not stripe_mode.configured():
        raise Http404
    if request.method == "GET":
        return _refund_page(request, access, preview, RefundForm(initial={"amount_usd": preview.refundable_nanos}))
    form = RefundForm(request.POST)
    if not form.is_valid():
        return _refund_page(request, access, preview, form, status=422)
    try:
        made = refund_ask(
            organization_id=access.organization.id,
            topup_id=topup_id,
            refund_id=form.cleaned_data["once"],
            amount_cents=form.amount_cents,
            by_user_id=access.user_id,
        )
    except RefundRefused:
        said = _("At most %(most)s can go back to the card now.") % {"most": usd(preview.refundable_nanos)}
        form.add_error("amount_usd", said)
        return _refund_page(request, access, preview, form, status=422)
    if made.status == "failed":
        messages.error(request, _("The refund was refused by the payment provider; the money is back on your balance."))
    else:
        said = _("%(amount)s is on its way back to your card. Banks take 5 to 10 days to show it.")
        messages.success(request, said % {"amount": usd(form.amount_cents * CENT_NANOS)})
    return redirect("billing", slug=slug)


@require_POST
@login_required
def auto_topup(request: HttpRequest, slug: str) -> HttpResponse:
    """Switch automatic top-ups on with these bounds, or off."""
    access = access_get(request, slug=slug, action=Action.MONEY_CHANGE)
    if "off" in request.POST:
        auto_topup_off(organization_id=access.organization.id, user_id=access.user_id)
        messages.success(request, _("Automatic top-ups are off."))
        return redirect("billing", slug=slug)
    form = AutoTopupForm(request.POST)
    if not form.is_valid():
        return billing_page(request, access, auto_form=form, status=422)
    cents = {name: form.cleaned_data[name] // CENT_NANOS for name in ("threshold_usd", "topup_usd", "monthly_cap_usd")}
    try:
        auto_topup_set(
            organization_id=access.organization.id,
            threshold_cents=cents["threshold_usd"],
            amount_cents=cents["topup_usd"],
            monthly_cap_cents=cents["monthly_cap_usd"],
            by_user_id=access.user_id,
        )
    except AutoTopupRefused as refused:
        form.add_error(None, str(refused))
        return billing_page(request, access, auto_form=form, status=422)
    messages.success(request, _("Automatic top-ups are on."))
    return redirect("billing", slug=slug)


@require_POST
@login_required
def card(request: HttpRequest, slug: str) -> HttpResponse:
    """Take the saved card away."""
    access = access_get(request, slug=slug, action=Action.MONEY_CHANGE)
    try:
        card_remove(organization_id=access.organization.id)
    except _AWAY:
        messages.error(request, _("The card can't be removed just now. Try again in a minute."))
    else:
        messages.success(request, _("The card is removed, and automatic top-ups are off."))
    return redirect("billing", slug=slug)


@require_POST
@login_required
def portal(request: HttpRequest, slug: str) -> HttpResponse:
    """Lead on to Stripe's page for cards, tax ids and invoices."""
    access = access_get(request, slug=slug, action=Action.MONEY_CHANGE)
    try:
        address = portal_address(organization_id=access.organization.id, slug=slug)
    except _AWAY:
        messages.error(request, _("The payment provider can't be reached just now. Try again in a minute."))
        return redirect("billing", slug=slug)
    if address is None:
        raise Http404
    return redirect(stripe_address(address))


@require_GET
@login_required
def receipt(request: HttpRequest, slug: str, topup_id: UUID) -> HttpResponse:
    """The invoice or receipt of a payment, at Stripe: asked for anew, because its address does not last."""
    access = access_get(request, slug=slug, action=Action.MONEY_CHANGE)
    try:
        address = receipt_url(organization_id=access.organization.id, topup_id=topup_id, pdf="pdf" in request.GET)
    except _AWAY:
        messages.error(request, _("The receipt can't be fetched just now. Try again in a minute."))
        return redirect("billing", slug=slug)
    if address is None:
        raise Http404
    return redirect(stripe_address(address))


def _since(text: str, now: int) -> int:
    """When the visitor came here first, as this page says of itself."""
    asked = int(text) if text.isascii() and text.isdigit() and len(text) <= 12 else now
    return asked if now - SINCE_SECONDS_MAX < asked <= now else now


def _buyer(request: HttpRequest, access: Access) -> Buyer:
    organization = access.organization
    email = getattr(request.user, "email", "")
    return Buyer(organization.id, organization.slug, organization.name, access.user_id, email)


def _refund_page(
    request: HttpRequest, access: Access, preview: RefundPreview, form: RefundForm, *, status: int = 200
) -> HttpResponse:
    context = {"access": access, "preview": preview, "form": form}
    return render(request, "app/billing_refund.html", context, status=status)


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise Http404 from error
