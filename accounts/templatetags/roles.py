"""Roles on pages, in the reader's language."""

from django import template

from accounts.roles import Role

register = template.Library()


@register.filter
def role_name(role: str) -> str:
    """What a role is called."""
    return str(Role(role).label)
