"""The page of the billing profile, and the one on which a reader of receipts ends them."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from accounts.access import access_get
from accounts.roles import Action
from billing.profile_forms import ProfileForm
from billing.profiles import profile_get, profile_set, recipient_stop
from billing.receipt_mails import stop_token_read


@never_cache
@require_http_methods(["GET", "POST"])
@login_required
def billing_profile(request: HttpRequest, slug: str) -> HttpResponse:
    """Whom receipts are made out to; saving the same twice changes nothing."""
    access = access_get(request, slug=slug, action=Action.MONEY_CHANGE if request.method == "POST" else Action.READ)
    organization_id = access.organization.id
    profile = profile_get(organization_id=organization_id)
    form = ProfileForm(request.POST) if request.method == "POST" else ProfileForm.of(profile)
    if request.method == "POST" and form.is_valid():
        profile_set(
            organization_id=organization_id,
            details=form.details,
            recipients=form.cleaned_data["recipients"],
            user_id=access.user_id,
        )
        messages.success(request, _("Saved. The next receipts are made out like this."))
        # Who was asked before the first payment goes on with it.
        return redirect(f"{reverse('billing', args=[slug])}#topup" if "paying" in request.POST else request.path)
    context = {"access": access, "profile": profile, "form": form}
    return render(request, "app/billing_profile.html", context, status=422 if form.errors else 200)


# A mail program that ends a subscription by itself sends no token of ours; the address is signed instead.
@csrf_exempt
@never_cache
@require_http_methods(["GET", "POST"])
def receipts_stop(request: HttpRequest, token: str) -> HttpResponse:
    """No more receipts to this address, by the link that is in each mail."""
    found = stop_token_read(token)
    if found is None:
        raise Http404
    organization_id, email = found
    if request.method == "POST":
        recipient_stop(organization_id=organization_id, email=email)
    gets = email in profile_get(organization_id=organization_id).recipients
    return render(request, "invite/receipts_stop.html", {"email": email, "gets": gets})
