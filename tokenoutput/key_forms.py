"""What a person may type about an API key, its spending limits and a member's caps."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.api_key_selectors import ApiKeyView
from accounts.api_keys import REQUESTS_PER_MINUTE_MAX, ApiKeyRules
from accounts.names import NAME_LENGTH_MAX
from accounts.networks import networks_clean
from billing.amounts import AmountField
from billing.limits import LIMIT_MAX_NANOS, LIMIT_MIN_NANOS, PERIODS

EXPIRY_DAYS = {"": None, "7": 7, "30": 30, "90": 90, "365": 365}
EXPIRY_CHOICES = [
    ("", _("Never")),
    ("7", _("In 7 days")),
    ("30", _("In 30 days")),
    ("90", _("In 90 days")),
    ("365", _("In a year")),
]
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
        choices=EXPIRY_CHOICES,
    )

    def expires_at(self) -> datetime | None:
        """When the key stops, counted from now."""
        days = EXPIRY_DAYS[self.cleaned_data["expiry"]]
        return timezone.now() + timedelta(days=days) if days else None


class ApiKeyEditForm(ApiKeyForm):
    """The same of a key that is there: its expiry stays unless another is chosen."""

    field_order = ["name", "expiry"]

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        expiry = self.fields["expiry"]
        assert isinstance(expiry, forms.ChoiceField)
        expiry.choices = [("keep", _("As it is")), *EXPIRY_CHOICES]
        expiry.initial = "keep"

    def changes_expiry(self) -> bool:
        """Whether another one was chosen."""
        return bool(self.cleaned_data["expiry"] != "keep" and "expiry" in self.data)


class NetworksField(forms.CharField):
    """Addresses and networks, one a line or with commas between them."""

    def __init__(self) -> None:
        super().__init__(
            label=_("Only from these addresses"),
            required=False,
            max_length=4000,
            widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false", "autocomplete": "off"}),
            help_text=_("Addresses or networks, one a line, such as 203.0.113.0/24. Empty: from everywhere."),
        )

    def clean(self, value: Any) -> Any:
        """A list, each in one spelling."""
        return networks_clean(re.split(r"[\s,;]+", super().clean(value)))


class ApiKeyRulesForm(forms.Form):
    """What a key may do: which models, from where, how fast. The platform's own pace is the most."""

    allowed_models = forms.MultipleChoiceField(
        label=_("Only these models"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("None chosen: all models, also those to come."),
    )
    allowed_ips = NetworksField()
    requests_per_minute = forms.IntegerField(
        label=_("Requests a minute"),
        required=False,
        min_value=1,
        max_value=REQUESTS_PER_MINUTE_MAX,
        widget=forms.NumberInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )

    def __init__(self, *arguments: Any, models: Sequence[str], **named: Any) -> None:
        super().__init__(*arguments, **named)
        allowed = self.fields["allowed_models"]
        assert isinstance(allowed, forms.MultipleChoiceField)
        allowed.choices = [(model, model) for model in models]
        usual = settings.GATEWAY["key_requests_per_minute"]
        self.fields["requests_per_minute"].help_text = _("Empty: %(usual)s, which is also the most.") % {"usual": usual}

    @staticmethod
    def initial_of(api_key: ApiKeyView) -> dict[str, object]:
        """What the key has now."""
        return {
            "allowed_models": list(api_key.allowed_models or ()),
            "allowed_ips": "\n".join(api_key.allowed_ips),
            "requests_per_minute": api_key.requests_per_minute,
        }

    def rules(self) -> ApiKeyRules:
        """For the services."""
        data = self.cleaned_data
        return {
            "allowed_models": data["allowed_models"] or None,
            "allowed_ips": data["allowed_ips"],
            "requests_per_minute": data["requests_per_minute"],
        }

    @property
    def is_touched(self) -> bool:
        """Whether there is something to see: then the folded part is open."""
        return bool(self.errors) or any(self[name].value() for name in self.fields)


class KeysFilterForm(forms.Form):
    """Which keys the list shows, all in the query string."""

    q = forms.CharField(label=_("Search"), required=False, max_length=NAME_LENGTH_MAX)
    state = forms.ChoiceField(
        label=_("Show"),
        required=False,
        choices=[
            ("", _("All keys")),
            ("active", _("Active")),
            ("near", _("Near their limit")),
            ("expired", _("Expired")),
            ("disabled", _("Disabled")),
            ("revoked", _("Revoked")),
        ],
    )


class RotateForm(forms.Form):
    """How long the secret before stays good; `last_four` is of that secret, so that asking twice rotates once."""

    grace = forms.ChoiceField(
        label=_("The secret before it"),
        choices=[("0", _("stops at once")), ("3600", _("is good for an hour")), ("86400", _("is good for a day"))],
        widget=forms.RadioSelect,
    )
    last_four = forms.CharField(widget=forms.HiddenInput, max_length=8)


class RevokeForm(forms.Form):
    """The key's name, typed, so that it is the key that was meant."""

    confirm = forms.CharField(
        label=_("Type the name of the key"),
        max_length=NAME_LENGTH_MAX,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def __init__(self, *arguments: Any, name: str, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._name = name

    def clean_confirm(self) -> str:
        """Spaces around it are nobody's intention."""
        typed: str = self.cleaned_data["confirm"]
        if " ".join(typed.split()) != self._name:
            raise forms.ValidationError(_("That is not the name of this key."))
        return typed


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
