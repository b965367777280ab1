"""Forms of billing: the amount of a top-up."""

from uuid import uuid4

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from billing.topups import TOPUP_MAX_NANOS, TOPUP_MIN_NANOS
from catalog.money import usd_to_nanos
from catalog.templatetags.money import usd


class TopupForm(forms.Form):
    """Dollars as typed, whole cents, within the limits; a form sent twice credits once."""

    once = forms.UUIDField(initial=uuid4, widget=forms.HiddenInput)

    amount_usd = forms.CharField(
        label=_("Amount in US dollars"),
        help_text=_("From $5 to $10,000. One payment, not a subscription."),
        max_length=16,
        initial="20.00",
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
        error_messages={"required": _("Say how much, for example 20.00.")},
    )

    def clean_amount_usd(self) -> int:
        """The amount in nano-dollars."""
        typed = self.cleaned_data["amount_usd"].strip().removeprefix("$").replace(",", "")
        try:
            nanos = usd_to_nanos(typed)
        except ValueError as error:
            raise ValidationError(_("Type dollars and cents as digits, for example 20.00.")) from error
        if nanos % 10_000_000:
            raise ValidationError(_("Cents are the smallest step."))
        if not TOPUP_MIN_NANOS <= nanos <= TOPUP_MAX_NANOS:
            raise ValidationError(
                _("Choose an amount from %(min)s to %(max)s."),
                params={"min": usd(TOPUP_MIN_NANOS), "max": usd(TOPUP_MAX_NANOS)},
            )
        return nanos
