"""What an app asks for in its query string, and what a person answers."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.selectors import OrganizationView
from billing.webhook_post import webhook_url_check
from catalog.addresses import AddressRefused
from tokenoutput.connect.codes import CHALLENGE
from tokenoutput.key_forms import ApiKeyForm

_CALLBACK_LENGTH_MAX = 500
_LABEL_LENGTH_MAX = 80


class AskedForm(forms.Form):
    """The query string: where to lead back to, and the challenge of who asks."""

    callback_url = forms.CharField(max_length=_CALLBACK_LENGTH_MAX)
    code_challenge = forms.RegexField(
        CHALLENGE, error_messages={"invalid": _("Not a SHA-256 in base64url without padding.")}
    )
    code_challenge_method = forms.ChoiceField(
        choices=[("S256", "S256")], error_messages={"invalid_choice": _("Only S256 is taken.")}
    )
    key_label = forms.CharField(max_length=_LABEL_LENGTH_MAX, required=False)

    def clean_callback_url(self) -> str:
        """A browser is led there with the code: https, or the person's own machine."""
        url: str = self.cleaned_data["callback_url"]
        try:
            return webhook_url_check(url, loopback_allowed=True)
        except AddressRefused as error:
            raise forms.ValidationError(_("The address %(why)s."), params={"why": error}) from error

    @property
    def host(self) -> str:
        """Who asks, as a person should judge them by."""
        return str(urlsplit(self.cleaned_data["callback_url"]).netloc)

    @property
    def origin(self) -> str:
        """Where the form may lead, for the Content-Security-Policy."""
        parts = urlsplit(self.cleaned_data["callback_url"])
        return f"{parts.scheme}://{parts.netloc}"

    def led_back(self, answer: str) -> str:
        """The callback with an answer in its query string."""
        url: str = self.cleaned_data["callback_url"]
        return f"{url}{'&' if '?' in url else '?'}{answer}"


class AllowForm(ApiKeyForm):
    """A key for the app: of which organisation, under which name, and how long."""

    organization = forms.ChoiceField(label=_("Organisation"))
    field_order = ("organization", "name", "expiry")

    def __init__(self, *arguments: Any, organizations: Sequence[OrganizationView], **named: Any) -> None:
        super().__init__(*arguments, **named)
        field = self.fields["organization"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(one.slug, one.name) for one in organizations]
