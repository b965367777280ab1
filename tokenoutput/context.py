"""What every page knows of the site."""

from decimal import Decimal

from django.conf import settings
from django.http import HttpRequest

from tokenoutput.appearance import theme_of
from tokenoutput.shortcuts import shortcuts_on


def site(request: HttpRequest) -> dict[str, object]:
    """The site's name, its address as an API client needs it, what a newcomer gets; what this browser has chosen."""
    starter = Decimal(settings.STARTER_CREDIT_USD)
    return {
        "site_name": "TokenOutput",
        "site_url": settings.SITE_URL,
        "starter_credit_usd": f"{starter:.2f}" if starter else "",
        "theme": theme_of(request),
        "shortcuts": shortcuts_on(request),
    }
