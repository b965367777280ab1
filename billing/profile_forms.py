"""The form of the billing profile: all of it optional, each field with its own error."""

import re

from django import forms
from django.utils.translation import gettext_lazy as _

from billing.billing_details import LENGTHS, BillingDetails, DetailsRefused, details_clean
from billing.countries import COUNTRIES
from billing.profile_models import RECIPIENTS_MAX
from billing.profiles import ProfileView, recipients_clean

RECIPIENTS_LENGTH_MAX = RECIPIENTS_MAX * 256


def _text(name: str, label: object, autocomplete: str, **given: object) -> forms.CharField:
    widget = forms.TextInput(attrs={"autocomplete": autocomplete})
    options = {"label": label, "required": False, "max_length": LENGTHS[name], "widget": widget}
    return forms.CharField(**(options | given))  # type: ignore[arg-type]  # Of options that differ by field.


class ProfileForm(forms.Form):
    """Whom receipts are made out to, and who gets them by mail."""

    name = _text("name", _("Company or name"), "organization")
    line1 = _text("line1", _("Address"), "address-line1")
    line2 = _text("line2", _("Address, second line"), "address-line2")
    postal_code = _text("postal_code", _("Postal code"), "postal-code")
    city = _text("city", _("City"), "address-level2")
    region = _text("region", _("State or province"), "address-level1")
    country = forms.ChoiceField(
        label=_("Country"),
        required=False,
        choices=[("", "-"), *COUNTRIES.items()],
        # A receipt names the country in English, and so does this list.
        widget=forms.Select(attrs={"autocomplete": "country", "class": "notranslate", "translate": "no"}),
        error_messages={"invalid_choice": _("Choose a country from the list.")},
    )
    tax_id = _text("tax_id", _("Tax id"), "off", help_text=_("VAT, GST or EIN number, as it has to be printed."))
    recipients = forms.CharField(
        label=_("Also send receipts to"),
        required=False,
        max_length=RECIPIENTS_LENGTH_MAX,
        widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "email"}),
        help_text=_("Up to 5 e-mail addresses, separated by commas. Each gets a mail when a payment arrives."),
    )

    @classmethod
    def of(cls, profile: ProfileView) -> "ProfileForm":
        """The form filled with what is saved."""
        initial = {name: getattr(profile.details, name) for name in LENGTHS}
        return cls(initial=initial | {"recipients": ", ".join(profile.recipients)})

    def clean_recipients(self) -> list[str]:
        """Addresses, each once."""
        try:
            return recipients_clean(re.split(r"[\s,;]+", self.cleaned_data["recipients"]))
        except DetailsRefused as error:
            raise forms.ValidationError(error.fields["recipients"]) from error

    def clean(self) -> None:
        """What only shows once all of it is there."""
        super().clean()
        try:
            self.details: BillingDetails = details_clean(
                {name: str(self.cleaned_data.get(name, "")) for name in LENGTHS}
            )
        except DetailsRefused as error:
            for name, said in error.fields.items():
                if name not in self.errors:
                    self.add_error(name, said)
