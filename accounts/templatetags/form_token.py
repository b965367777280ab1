"""The hidden field by which a form that is sent twice is known again."""

from uuid import uuid4

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.form_once import FIELD

register = template.Library()


@register.simple_tag
def form_token() -> SafeString:
    """Another one each time the form is shown."""
    return format_html('<input type="hidden" name="{}" value="{}" autocomplete="off">', FIELD, uuid4())
