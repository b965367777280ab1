"""Form fields on pages: the label says it, so no placeholder repeats it."""

from django import template
from django.forms import BoundField
from django.utils.safestring import SafeString

register = template.Library()


@register.filter
def plain(field: BoundField) -> SafeString:
    """The field's control without a placeholder."""
    return field.as_widget(attrs={"placeholder": False})
