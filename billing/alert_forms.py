"""The form of alerts: what to tell, above or below what, and where."""

import re

from django import forms
from django.utils.translation import gettext_lazy as _

from billing.alert_settings import ROLES, AlertChoices, RecipientsRefused, recipients_check
from billing.amounts import CENT_NANOS, AmountField
from catalog.money import NANOS_PER_USD

AMOUNT_MAX_NANOS = 1_000_000 * NANOS_PER_USD


class AlertForm(forms.Form):
    """What an organisation is told."""

    low_balance = forms.BooleanField(
        label=_("Balance is low"),
        required=False,
        help_text=_("Told again when it lasts less than a day, and when a request is refused or it is used up."),
    )
    low_balance_nanos = AmountField(label=_("Below, in US dollars"), min_nanos=CENT_NANOS, max_nanos=AMOUNT_MAX_NANOS)
    key_limit = forms.BooleanField(
        label=_("A spending limit is nearly reached"), required=False, help_text=_("At 80 %, and when it is reached.")
    )
    topup_failed = forms.BooleanField(label=_("An automatic top-up failed"), required=False)
    unusual_spend = forms.BooleanField(
        label=_("An hour costs far more than usual"),
        required=False,
        help_text=_("Compared with the average hour of the last 7 days."),
    )
    unusual_factor = forms.TypedChoiceField(
        label=_("Times the usual"), coerce=int, choices=[(3, "3"), (5, "5"), (10, "10"), (25, "25")]
    )
    unusual_floor_nanos = AmountField(
        label=_("And at least, in US dollars"), min_nanos=CENT_NANOS, max_nanos=AMOUNT_MAX_NANOS
    )
    to_owner = forms.BooleanField(label=_("Owners"), required=False)
    to_admin = forms.BooleanField(label=_("Admins"), required=False)
    to_billing = forms.BooleanField(label=_("Billing members"), required=False)
    recipients = forms.CharField(
        label=_("Further e-mail addresses"),
        required=False,
        max_length=2000,
        strip=True,
        help_text=_(
            "At most 5, separated by commas, for example a mailing list. Each is asked first by a mail with a link."
        ),
    )

    @classmethod
    def of(cls, choices: AlertChoices) -> "AlertForm":
        """The form filled with what is chosen now."""
        names = set(cls.base_fields) & set(AlertChoices.__dataclass_fields__)
        initial = {name: getattr(choices, name) for name in names}
        initial["recipients"] = ", ".join(choices.recipients)
        return cls(initial=initial | {f"to_{role}": role in choices.roles for role in ROLES})

    def clean_recipients(self) -> list[str]:
        """Addresses, each once."""
        try:
            return recipients_check(re.split(r"[\s,;]+", self.cleaned_data["recipients"]))
        except RecipientsRefused as error:
            raise forms.ValidationError(str(error)) from error

    def choices(self) -> AlertChoices:
        """What was chosen, once the form is valid."""
        data = self.cleaned_data
        roles = tuple(role for role in ROLES if data[f"to_{role}"])
        names = set(self.fields) & set(AlertChoices.__dataclass_fields__)
        return AlertChoices(**{name: data[name] for name in names}, roles=roles)
