"""What a person may type about an API key, its spending limits and a member's caps."""

from datetime import datetime, timedelta

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.names import NAME_LENGTH_MAX
from billing.amounts import AmountField
from billing.limits import LIMIT_MAX_NANOS, LIMIT_MIN_NANOS, PERIODS

EXPIRY_DAYS = {"": None, "7": 7, "30": 30, "90": 90, "365": 365}
LIMIT_SUGGESTED = {"limit_period": "monthly", "limit_nanos": 20_000_000_000}
_PERIOD_NAMES = {"daily": _("Each day"), "weekly": _("Each week"), "monthly": _("Each month"), "total": _("In total")}
PERIOD_CHOICES = [(period, _PERIOD_NAMES[period]) for period in PERIODS]


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


class NewKeyLimitForm(forms.Form):
    """The limit that a new key begins with, or none."""

    limit_period = forms.ChoiceField(
        label=_("Spending limit"), required=False, choices=[("", _("No limit")), *PERIOD_CHOICES]
    )
    limit_nanos = AmountField(
        label=_("Limit in US dollars"),
        required=False,
        min_nanos=LIMIT_MIN_NANOS,
        max_nanos=LIMIT_MAX_NANOS,
        help_text=_("Hard: a request that could cost more than is left is refused."),
    )

    def clean(self) -> None:
        """A window without an amount is half a limit."""
        data = super().clean() or self.cleaned_data
        if data.get("limit_period") and "limit_nanos" in data and data["limit_nanos"] is None:
            self.add_error("limit_nanos", _("Say how much, or choose no limit."))


class LimitForm(forms.Form):
    """A limit of a key or a cap of a member: so much in such a window."""

    limit_nanos = AmountField(
        label=_("Limit in US dollars"), min_nanos=LIMIT_MIN_NANOS, max_nanos=LIMIT_MAX_NANOS, initial="20.00"
    )
    limit_period = forms.ChoiceField(label=_("Window"), choices=PERIOD_CHOICES, initial="monthly")
