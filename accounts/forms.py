"""Forms of accounts: what a person may type about an API key."""

from datetime import datetime, timedelta

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.names import NAME_LENGTH_MAX

EXPIRY_DAYS = {"": None, "7": 7, "30": 30, "90": 90, "365": 365}


class ApiKeyForm(forms.Form):
    """A name, and how long the key lives."""

    name = forms.CharField(
        label=_("Name"),
        max_length=NAME_LENGTH_MAX,
        help_text=_("Where you will use it, for example “ci” or “laptop”."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    expiry = forms.ChoiceField(
        label=_("Expires"),
        required=False,
        choices=[
            ("", _("Never")),
            ("7", _("In 7 days")),
            ("30", _("In 30 days")),
            ("90", _("In 90 days")),
            ("365", _("In a year")),
        ],
    )

    def expires_at(self) -> datetime | None:
        """When the key stops, counted from now."""
        days = EXPIRY_DAYS[self.cleaned_data["expiry"]]
        return timezone.now() + timedelta(days=days) if days else None
