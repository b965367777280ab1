"""Roles of members and what each may do: one table, read by services and pages."""

from enum import StrEnum

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class Role(TextChoices):
    """What a member is in an organisation."""

    OWNER = "owner", _("Owner")
    ADMIN = "admin", _("Admin")
    DEVELOPER = "developer", _("Developer")
    BILLING = "billing", _("Billing")
    VIEWER = "viewer", _("Viewer")


class Action(StrEnum):
    """What a role is asked for."""

    READ = "read"
    API_KEYS_CHANGE = "api_keys_change"
    MONEY_CHANGE = "money_change"
    MEMBERS_CHANGE = "members_change"
    LIMITS_CHANGE = "limits_change"
    ALERTS_CHANGE = "alerts_change"
    SETTINGS_CHANGE = "settings_change"
    AUDIT_READ = "audit_read"
    MANAGEMENT_KEYS_CHANGE = "management_keys_change"


_MAY: dict[Role, frozenset[Action]] = {
    Role.OWNER: frozenset(Action),
    Role.ADMIN: frozenset(Action),
    Role.DEVELOPER: frozenset({Action.READ, Action.API_KEYS_CHANGE}),
    Role.BILLING: frozenset({Action.READ, Action.MONEY_CHANGE}),
    Role.VIEWER: frozenset({Action.READ}),
}


def role_may(role: str, action: Action) -> bool:
    """Whether a member with this role may do `action`."""
    return action in _MAY[Role(role)]


def roles_for(action: Action) -> list[Role]:
    """The roles that may do `action`, the highest first."""
    return [role for role in Role if role_may(role, action)]
