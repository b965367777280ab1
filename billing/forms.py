"""Forms of money: a top-up, what may be charged by itself, a refund; sent twice with one id they are one."""

from typing import Any
from uuid import uuid4

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from billing.amounts import CENT_NANOS, AmountField
from billing.payment_models import NANOS_PER_CENT
from billing.topups import CENTS_MAX, CENTS_MIN

TOPUP_MIN_NANOS = CENTS_MIN * NANOS_PER_CENT
TOPUP_MAX_NANOS = CENTS_MAX * NANOS_PER_CENT
CAP_MAX_NANOS = 100 * TOPUP_MAX_NANOS


class DollarField(AmountField):
    """An amount that is charged: whoever types another currency is told so."""

    def clean(self, value: Any) -> Any:
        typed = str(value or "").strip().upper().removeprefix("US$").removeprefix("USD").removesuffix("USD").strip()
        if any(letter.isalpha() for letter in typed) or any(sign in typed for sign in "€£¥₹"):
            raise ValidationError(_("US dollars only: type dollars and cents as digits, for example 20.00."))
        return super().clean(typed)


class TopupForm(forms.Form):
    """Dollars as typed, whole cents, within the limits."""

    once = forms.UUIDField(initial=uuid4, widget=forms.HiddenInput)
    amount_usd = DollarField(
        label=_("Amount in US dollars"),
        help_text=_("From $5 to $10,000. One payment, not a subscription."),
        min_nanos=TOPUP_MIN_NANOS,
        max_nanos=TOPUP_MAX_NANOS,
        initial="20.00",
        error_messages={"required": _("Say how much, for example 20.00.")},
    )
    save_card = forms.BooleanField(
        label=_("Save this card for automatic top-ups"),
        required=False,
        help_text=_("It is charged only after you switch them on below."),
    )

    @property
    def amount_cents(self) -> int:
        """What was asked for, once the form is valid."""
        return int(self.cleaned_data["amount_usd"]) // CENT_NANOS

    @classmethod
    def of(cls, amount: str) -> "TopupForm":
        """The form with an amount that a link names; one that can't be is passed over."""
        try:
            return cls(initial={"amount_usd": cls.base_fields["amount_usd"].clean(amount)})
        except ValidationError:
            return cls()


class AutoTopupForm(forms.Form):
    """When a saved card may be charged, how much at once, and how much in a month at most."""

    threshold_usd = DollarField(
        label=_("When less is available than"),
        min_nanos=NANOS_PER_CENT * 100,
        max_nanos=TOPUP_MAX_NANOS,
        initial="5.00",
    )
    topup_usd = DollarField(label=_("Top up by"), min_nanos=TOPUP_MIN_NANOS, max_nanos=TOPUP_MAX_NANOS, initial="20.00")
    monthly_cap_usd = DollarField(
        label=_("And in a month (UTC) at most"),
        min_nanos=TOPUP_MIN_NANOS,
        max_nanos=CAP_MAX_NANOS,
        initial="100.00",
        help_text=_("The most that can be charged by itself; you can always top up by hand."),
    )

    def clean(self) -> None:
        """A cap below one top-up would never let any happen."""
        data = super().clean() or self.cleaned_data
        amount, cap = data.get("topup_usd"), data.get("monthly_cap_usd")
        if amount and cap and cap < amount:
            self.add_error("monthly_cap_usd", _("The cap must allow at least one top-up."))


class RefundForm(forms.Form):
    """How much of a top-up goes back to its card."""

    once = forms.UUIDField(initial=uuid4, widget=forms.HiddenInput)
    amount_usd = DollarField(label=_("Amount to refund"), min_nanos=CENT_NANOS, max_nanos=TOPUP_MAX_NANOS)

    @property
    def amount_cents(self) -> int:
        """What was asked for, once the form is valid."""
        return int(self.cleaned_data["amount_usd"]) // CENT_NANOS
