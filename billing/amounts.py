"""A form field for an amount of money: dollars and whole cents as typed, nano-dollars as a value."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from catalog.money import nanos_to_usd, usd_to_nanos
from catalog.templatetags.money import usd

CENT_NANOS = 10_000_000


class AmountField(forms.CharField):
    """From `min_nanos` to `max_nanos`, both included."""

    def __init__(self, *, min_nanos: int, max_nanos: int, **options: Any) -> None:
        self.min_nanos, self.max_nanos = min_nanos, max_nanos
        attributes = {"inputmode": "decimal", "autocomplete": "off"}
        super().__init__(max_length=20, widget=forms.TextInput(attrs=attributes), **options)

    def prepare_value(self, value: Any) -> Any:
        return nanos_to_usd(value) if isinstance(value, int) else value

    def clean(self, value: Any) -> Any:
        """The amount in nano-dollars; None where nothing was typed and nothing is asked for."""
        typed = super().clean(value).strip().removeprefix("$").replace(",", "")
        if not typed:
            return None
        try:
            nanos = usd_to_nanos(typed)
        except ValueError as error:
            raise ValidationError(_("Type dollars and cents as digits, for example 20.00.")) from error
        if nanos % CENT_NANOS:
            raise ValidationError(_("Cents are the smallest step."))
        if not self.min_nanos <= nanos <= self.max_nanos:
            bounds = {"min": usd(self.min_nanos), "max": usd(self.max_nanos)}
            raise ValidationError(_("Choose an amount from %(min)s to %(max)s."), params=bounds)
        return nanos
