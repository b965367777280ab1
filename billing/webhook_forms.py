"""The forms of webhooks: where to, and which alerts."""

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from billing.webhook_models import WEBHOOK_KINDS
from billing.webhook_post import webhook_url_check
from catalog.addresses import AddressRefused

KIND_NAMES = {
    "low_balance": _("The balance is low, short or used up"),
    "key_limit": _("A spending limit is nearly reached, or reached"),
    "topup_failed": _("An automatic top-up failed"),
    "unusual_spend": _("An hour costs far more than usual"),
}
KIND_SHORT_NAMES = {
    "low_balance": _("balance"),
    "key_limit": _("limits"),
    "topup_failed": _("top-ups"),
    "unusual_spend": _("unusual spend"),
}


class KindsForm(forms.Form):
    """Which alerts are posted."""

    kinds = forms.MultipleChoiceField(
        label=_("What is posted"),
        choices=[(kind, KIND_NAMES[kind]) for kind in WEBHOOK_KINDS],
        widget=forms.CheckboxSelectMultiple,
        initial=WEBHOOK_KINDS,
        error_messages={"required": _("Choose what is posted.")},
    )


class RotateForm(forms.Form):
    """How long the secret before signs too."""

    grace = forms.ChoiceField(
        label=_("The secret before it"),
        choices=[
            ("0", _("stops at once")),
            ("3600", _("signs too for an hour")),
            ("86400", _("signs too for a day")),
            ("604800", _("signs too for a week")),
        ],
        initial="86400",
        widget=forms.RadioSelect,
    )


class WebhookForm(KindsForm):
    """A new webhook."""

    url = forms.CharField(
        label=_("Address"),
        max_length=500,
        help_text=_("A public https address. It gets each alert as signed JSON, by POST."),
        widget=forms.URLInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    field_order = ("url", "kinds")

    def clean_url(self) -> str:
        """An address that may be called."""
        try:
            return webhook_url_check(self.cleaned_data["url"].strip(), loopback_allowed=settings.DEBUG)
        except AddressRefused as error:
            raise forms.ValidationError(_("The address %(why)s."), params={"why": str(error)}) from error
