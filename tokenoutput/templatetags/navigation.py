"""The dashboard's navigation, for its base template."""

from django import template

from tokenoutput.navigation import navigation_for

register = template.Library()


@register.inclusion_tag("components/app_navigation.html", takes_context=True)
def app_navigation(context: template.RequestContext) -> dict[str, object]:
    """Links of the visitor whose `access` the page has."""
    match = context["request"].resolver_match
    return {"groups": navigation_for(context["access"], url_name=match.url_name or "")}
