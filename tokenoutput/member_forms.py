"""What a person may type about members, invites and organisations."""

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.names import NAME_LENGTH_MAX
from accounts.roles import Role
from billing.amounts import AmountField
from billing.limits import LIMIT_MAX_NANOS, LIMIT_MIN_NANOS

ROLE_CHOICES = Role.choices


class InviteForm(forms.Form):
    """Who, as what, and how much their keys may spend."""

    email = forms.EmailField(label=_("E-mail"), max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "off"}))
    role = forms.ChoiceField(label=_("Role"), choices=ROLE_CHOICES, initial=Role.DEVELOPER.value)
    cap_nanos = AmountField(
        label=_("Monthly cap"), min_nanos=LIMIT_MIN_NANOS, max_nanos=LIMIT_MAX_NANOS, required=False
    )


class RoleForm(forms.Form):
    """Another role for a member."""

    role = forms.ChoiceField(label=_("Role"), choices=ROLE_CHOICES)


class LeaveForm(forms.Form):
    """What becomes of the keys of a member who leaves: it has no default."""

    keys = forms.ChoiceField(choices=[("revoke", ""), ("hand_over", "")])
    to_member_id = forms.IntegerField(required=False)


class OrganizationForm(forms.Form):
    """The name of an organisation."""

    name = forms.CharField(label=_("Name"), max_length=NAME_LENGTH_MAX)
