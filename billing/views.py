"""The billing page: the balance with its ledger."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from accounts.access import access_get
from billing.billing_page import billing_page


@never_cache
@require_GET
@login_required
def billing(request: HttpRequest, slug: str) -> HttpResponse:
    """The balance, how to add to it, and the lines it is made of."""
    return billing_page(request, access_get(request, slug=slug))
