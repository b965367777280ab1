"""Credit: what is left, how to pay in, and the top-ups that happen by themselves."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.management_keys import ManagementCaller
from accounts.selectors import members_list, organization_ref
from billing.auto_topups import AutoTopupView, auto_topup_get, auto_topup_off, auto_topup_set
from billing.forms import CAP_MAX_NANOS, TOPUP_MAX_NANOS, TOPUP_MIN_NANOS
from billing.payment_models import NANOS_PER_CENT
from billing.payment_selectors import topup_get
from billing.selectors import spend_since, wallet_get
from billing.stripe_address import success_url_check
from billing.topups import Buyer, topup_start
from catalog.addresses import AddressRefused
from tokenoutput.api.figures import Strict, UsdField, moment, number, usd
from tokenoutput.api.keyed import KeyedView, body_checked
from tokenoutput.api.once import once_id
from tokenoutput.api.schema import IDEMPOTENCY, operation

_EVER = datetime(2020, 1, 1, tzinfo=UTC)
_DAY = timedelta(days=1)


def _cents(least: int, most: int, help_text: str, **given: Any) -> UsdField:
    return UsdField(least_nanos=least, most_nanos=most, places=2, help_text=help_text, **given)


class Credits(serializers.Serializer):
    """What was paid in and used, in OpenRouter's numbers, and exactly beside them."""

    total_credits = serializers.FloatField()
    total_usage = serializers.FloatField()
    total_credits_usd = serializers.CharField()
    total_usage_usd = serializers.CharField()
    balance_usd = serializers.CharField()
    held_usd = serializers.CharField(help_text="Set aside for requests that run now.")
    available_usd = serializers.CharField(help_text="What a new request may use.")
    granted_usd = serializers.CharField(help_text="The part of the balance that was a gift; it is used first.")
    runway_hours = serializers.FloatField(allow_null=True, help_text="At the speed of the last 24 hours.")
    status = serializers.CharField()


class CreditsAnswer(serializers.Serializer):
    """What is left."""

    data = Credits()


class CheckoutAsked(Strict):
    """How much to pay in."""

    amount_usd = _cents(TOPUP_MIN_NANOS, TOPUP_MAX_NANOS, "Whole cents.")
    save_card = serializers.BooleanField(default=False, help_text="So that automatic top-ups may be switched on.")
    success_url = serializers.CharField(
        max_length=500,
        required=False,
        help_text="Where who has paid is led, instead of our own page: https (loopback only while payments are tests)."
        " `{CHECKOUT_SESSION_ID}` in it becomes the `session_id`. Arriving there proves nothing: ask for the credit.",
    )

    def validate_success_url(self, url: str) -> str:
        """What a browser may be led to."""
        try:
            return success_url_check(url)
        except AddressRefused as error:
            raise serializers.ValidationError(f"The address {error}.") from error


class Checkout(serializers.Serializer):
    """Where to pay."""

    id = serializers.UUIDField(help_text="The receipt's, once it is paid.")
    session_id = serializers.CharField(help_text="The payment page's.")
    url = serializers.CharField(help_text="The payment page, for a person.")
    amount_usd = serializers.CharField()


class CheckoutAnswer(serializers.Serializer):
    """Where to pay."""

    data = Checkout()


class AutoTopup(serializers.Serializer):
    """What may be charged to the saved card by itself."""

    enabled = serializers.BooleanField()
    threshold_usd = serializers.CharField(allow_null=True)
    amount_usd = serializers.CharField(allow_null=True)
    monthly_cap_usd = serializers.CharField(allow_null=True)
    charged_this_month_usd = serializers.CharField()
    failures = serializers.IntegerField()
    next_try_at = serializers.DateTimeField(allow_null=True)
    off_reason = serializers.CharField(help_text="Why it switched itself off.")


class AutoTopupAnswer(serializers.Serializer):
    """What may be charged."""

    data = AutoTopup()


class AutoTopupAsked(Strict):
    """Switch it off, or on with its three bounds."""

    enabled = serializers.BooleanField()
    threshold_usd = _cents(10**9, TOPUP_MAX_NANOS, "When less than this is available.", required=False)
    amount_usd = _cents(TOPUP_MIN_NANOS, TOPUP_MAX_NANOS, "Top up by so much.", required=False)
    monthly_cap_usd = _cents(TOPUP_MIN_NANOS, CAP_MAX_NANOS, "At most so much in a month (UTC).", required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        missing = {name for name in ("threshold_usd", "amount_usd", "monthly_cap_usd") if name not in attrs}
        if attrs["enabled"] and missing:
            raise serializers.ValidationError({name: ["Say it to switch it on."] for name in sorted(missing)})
        return attrs


class CreditsView(KeyedView):
    """The wallet."""

    needs = {"GET": "billing:read"}

    @operation("Credit", "Get credit", answer=CreditsAnswer)
    def get(self, request: Request) -> Response:
        """What was paid in, what was used, and what is left; `total_credits` less `total_usage` is the balance."""
        organization_id = self.caller.organization_id
        wallet = wallet_get(organization_id=organization_id)
        used = spend_since(organization_id=organization_id, since=_EVER)
        lately = spend_since(organization_id=organization_id, since=datetime.now(UTC) - _DAY)
        credit = wallet.balance_nanos + used
        return Response({
            "data": {
                "total_credits": number(credit),
                "total_usage": number(used),
                "total_credits_usd": usd(credit),
                "total_usage_usd": usd(used),
                "balance_usd": usd(wallet.balance_nanos),
                "held_usd": usd(wallet.held_nanos),
                "available_usd": usd(wallet.available_nanos),
                "granted_usd": usd(wallet.granted_nanos),
                "runway_hours": round(max(wallet.available_nanos, 0) * 24 / lately, 1) if lately > 0 else None,
                "status": wallet.status,
            }
        })  # fmt: skip


class CheckoutView(KeyedView):
    """Payments."""

    needs = {"POST": "billing:write"}

    @operation("Credit", "Begin a payment", answer=CheckoutAnswer, status=201, body=CheckoutAsked, query=[IDEMPOTENCY])
    def post(self, request: Request) -> Response:
        """The address of a payment page. The credit is there once it is paid. With an Idempotency-Key: one payment."""
        asked = body_checked(request, CheckoutAsked)
        topup_id = once_id(request)
        cents = asked["amount_usd"] // NANOS_PER_CENT
        url = topup_start(
            buyer=_buyer(self.caller),
            topup_id=topup_id,
            amount_cents=cents,
            save_card=asked["save_card"],
            success_url=asked.get("success_url", ""),
        )
        url = settings.SITE_URL + url if url.startswith("/") else url  # Payments may be simulated here.
        started = topup_get(organization_id=self.caller.organization_id, topup_id=topup_id)
        data = {"id": str(topup_id), "session_id": started.session_id if started else "", "url": url}
        return Response({"data": data | {"amount_usd": usd(cents * NANOS_PER_CENT)}}, status=201)


class AutoTopupsView(KeyedView):
    """Automatic top-ups."""

    needs = {"GET": "billing:read", "PUT": "billing:write"}

    @operation("Credit", "Get automatic top-ups", answer=AutoTopupAnswer)
    def get(self, request: Request) -> Response:
        """What may be charged to the saved card, and how it goes."""
        return Response({"data": _auto_topup(auto_topup_get(organization_id=self.caller.organization_id))})

    @operation("Credit", "Set automatic top-ups", answer=AutoTopupAnswer, body=AutoTopupAsked)
    def put(self, request: Request) -> Response:
        """Switch them off, or on with these bounds: a card must be saved first."""
        asked = body_checked(request, AutoTopupAsked)
        organization_id, user_id = self.caller.organization_id, self.caller.user_id
        if asked["enabled"]:
            auto_topup_set(
                organization_id=organization_id,
                threshold_cents=asked["threshold_usd"] // NANOS_PER_CENT,
                amount_cents=asked["amount_usd"] // NANOS_PER_CENT,
                monthly_cap_cents=asked["monthly_cap_usd"] // NANOS_PER_CENT,
                by_user_id=user_id,
            )
        else:
            auto_topup_off(organization_id=organization_id, user_id=user_id)
        return self.get(request)


def _auto_topup(view: AutoTopupView | None) -> dict[str, Any]:
    bounds = {
        "threshold_usd": view and usd(view.threshold_nanos),
        "amount_usd": view and usd(view.amount_nanos),
        "monthly_cap_usd": view and usd(view.monthly_cap_nanos),
    }
    return bounds | {
        "enabled": bool(view and view.enabled),
        "charged_this_month_usd": usd(view.charged_this_month_nanos if view else 0),
        "failures": view.failures if view else 0,
        "next_try_at": moment(view.next_try_at) if view and view.enabled else None,
        "off_reason": view.off_reason if view else "",
    }


def _buyer(caller: ManagementCaller) -> Buyer:
    organization = organization_ref(organization_id=caller.organization_id)
    members = members_list(organization_id=caller.organization_id)
    email = next((member.email for member in members if member.id == caller.member_id), "")
    return Buyer(organization.id, organization.slug, organization.name, caller.user_id, email)
