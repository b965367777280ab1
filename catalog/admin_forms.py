"""Staff's forms: credentials go in and never come out, prices are dollars per million tokens."""

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib.admin.widgets import AdminSplitDateTime
from django.utils import timezone

from catalog.models import Model, Price, Provider
from catalog.money import nanos_to_usd
from catalog.pricing import Usage, charge_nanos
from catalog.vocabulary import CAPABILITIES

if TYPE_CHECKING:  # Django's forms take type arguments in their stubs only.
    _ProviderForm = forms.ModelForm[Provider]
    _ModelForm = forms.ModelForm[Model]
    _PriceForm = forms.ModelForm[Price]
else:
    _ProviderForm = _ModelForm = _PriceForm = forms.ModelForm

EXAMPLE_USAGE = Usage(input_tokens=2_000, output_tokens=500)


class ProviderForm(_ProviderForm):
    """The credential is write-only: an empty field keeps what is there."""

    credential_new = forms.CharField(
        label="Credential",
        required=False,
        max_length=4096,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password", "class": "vTextField"}),
        help_text="Kept encrypted and never shown again. Leave empty to keep the present one.",
    )
    credential_forget = forms.BooleanField(
        label="Forget the credential", required=False, help_text="Its models are then no longer sold through it."
    )

    def clean_credential_new(self) -> str:
        text = str(self.cleaned_data["credential_new"]).strip()
        if text and not re.fullmatch(r"[\x21-\x7e]+", text):
            raise forms.ValidationError("A key is ASCII without spaces.")
        return text

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("credential_new") and cleaned.get("credential_forget"):
            self.add_error("credential_forget", "Give a new credential or forget the present one, not both.")
        elif cleaned.get("credential_forget"):
            self.instance.credential = ""
        elif cleaned.get("credential_new"):
            self.instance.credential = cleaned["credential_new"]
        return cleaned


class ModelForm(_ModelForm):
    capabilities = forms.MultipleChoiceField(
        choices=[(word, word) for word in CAPABILITIES],
        widget=forms.CheckboxSelectMultiple,
        required=False,
    )


class PriceForm(_PriceForm):
    """A new version. It takes the place of the one in force; nothing is overwritten."""

    effective_from = forms.SplitDateTimeField(
        widget=AdminSplitDateTime, required=False, help_text="UTC. Empty: at once."
    )

    def clean_effective_from(self) -> datetime:
        """Never in the past: there it could hide behind a version that came later."""
        now = timezone.now()
        wanted: datetime | None = self.cleaned_data["effective_from"]
        return max(wanted, now) if wanted else now

    def clean(self) -> dict[str, Any]:
        """Free means 0 everywhere, so the tick alone is enough."""
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("free"):
            for name in ("input_nanos", "output_nanos"):
                if not str(self.data.get(self.add_prefix(name)) or "").strip():
                    cleaned[name] = 0
                    self.errors.pop(name, None)
        return cleaned


def price_example(price: Price) -> str:
    """What a small request costs at this version."""
    return (
        f"{EXAMPLE_USAGE.input_tokens:,} input and {EXAMPLE_USAGE.output_tokens:,} output tokens cost "
        f"${nanos_to_usd(charge_nanos(EXAMPLE_USAGE, price.pricing))}"
    )
