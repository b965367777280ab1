"""Amounts as columns: whole nano-dollars in the database, decimal dollars in a form."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.db import models

from catalog.money import nanos_to_usd, usd_to_nanos
from catalog.pricing import RATE_NANOS_MAX


class UsdField(forms.CharField):
    """A form field in dollars whose value is nano-dollars."""

    def prepare_value(self, value: Any) -> Any:
        return nanos_to_usd(value) if isinstance(value, int) else value

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        if text is None or text == "":
            return None
        try:
            nanos = usd_to_nanos(str(text).removeprefix("$"))
        except ValueError as error:
            raise forms.ValidationError(f"{error}.") from error
        if nanos > RATE_NANOS_MAX:
            raise forms.ValidationError(f"At most {nanos_to_usd(RATE_NANOS_MAX)} dollars per million tokens.")
        return nanos

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(self.to_python(data) != self.to_python(self.prepare_value(initial)))
        except forms.ValidationError:
            return True


if TYPE_CHECKING:  # Django's fields take type arguments in their stubs only; `Any`, as some columns may be null.
    _NanosColumn = models.BigIntegerField[int | str | None, Any]
else:
    _NanosColumn = models.BigIntegerField


class NanosField(_NanosColumn):
    """Nano-dollars (of a price: per million tokens)."""

    def formfield(self, *_: Any, **options: Any) -> Any:
        return UsdField(
            label=options.get("label", self.verbose_name.capitalize()),
            help_text=options.get("help_text", self.help_text),
            required=not (self.blank or self.null),
            empty_value=None,
        )
