"""The time zone that a page's times are in."""

from django import template

from accounts import zones

register = template.Library()


@register.simple_tag
def zone_label() -> str:
    """Of the view around the page."""
    return zones.zone_label()
