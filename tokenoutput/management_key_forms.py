"""What a person may type about a management key."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.management_keys import SCOPES
from tokenoutput.key_forms import ApiKeyForm, NetworksField

SCOPE_MEANINGS = {
    "keys:read": _("See API keys and their limits"),
    "keys:write": _("Make, change, rotate and revoke API keys"),
    "usage:read": _("See usage and requests"),
    "billing:read": _("See the balance, ledger and receipts"),
    "billing:write": _("Start payments and change automatic top-up"),
    "members:read": _("See members and invites"),
    "members:write": _("Invite people, change roles and remove members"),
    "organization:read": _("See settings, budgets and alerts"),
    "organization:write": _("Change settings, budgets and alerts"),
}


class ManagementKeyForm(ApiKeyForm):
    """A name, how long the key lives, what it may do and from where."""

    scopes = forms.MultipleChoiceField(
        label=_("What it may do"),
        choices=[(scope, SCOPE_MEANINGS[scope]) for scope in SCOPES],
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Never more than your own role allows at the moment it is used. Writing includes reading."),
        error_messages={"required": _("Choose what the key may do.")},
    )
    allowed_ips = NetworksField()

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.fields["name"].help_text = _("The program that will use it, for example “terraform”.")
        self.fields["expiry"].initial = "90"
