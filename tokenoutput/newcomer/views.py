"""The quickstart: first key, command, first request. The key is in the answer that made it, and nowhere else."""

from dataclasses import dataclass, field

from django import forms
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.access import Access, access_get
from accounts.api_key_selectors import ApiKeyView, api_keys_list
from accounts.api_keys import NewApiKey
from accounts.errors import AccountsError
from accounts.onboarding import api_key_create_first
from accounts.roles import Action
from accounts.selectors import organizations_of
from billing.limits import limit_set
from billing.lines import usage_lines
from catalog.selectors import catalog_list, docs_model
from catalog.templatetags.snippets import Tab, snippet_tabs
from gateway.convert import CONVERSIONS
from tokenoutput.key_forms import NewKeyLimitForm
from tokenoutput.live.state import live_row
from tokenoutput.newcomer.trial import Trial, trial_run

KEYS_SHOWN = 5
LANGUAGES = {
    "curl": "curl_chat",
    "python": "python_openai",
    "node": "node_openai",
    "nodejs": "node_openai",  # as the documentation's tabs have it
    "claude-code": "claude_code",
}
LIMIT_SUGGESTED = {"limit_period": "monthly", "limit_nanos": 20_000_000_000}


class FirstLimitForm(NewKeyLimitForm):
    """What the first key may spend in a month; empty for no limit."""

    def __init__(self, *arguments: object, **options: object) -> None:
        super().__init__(*arguments, **options)  # type: ignore[arg-type]  # passed on as they came
        self.fields["limit_period"].widget = forms.HiddenInput()
        self.fields["limit_nanos"].label = _("At most, in US dollars a month")

    def clean(self) -> None:
        """An empty amount is no limit."""
        if not self.data.get("limit_nanos"):
            self.cleaned_data["limit_period"] = ""
        super().clean()


@dataclass(frozen=True, slots=True)
class Shown:
    """What only the answer to a POST shows: the key, that there was one before, what came of a request."""

    secret: str = field(default="", repr=False)
    made_before: bool = False
    trial: Trial | None = None


@require_GET
@login_required
def quickstart_any(request: HttpRequest) -> HttpResponse:
    """To the quickstart of the visitor's first organisation, with the language and model they had open."""
    for organization in organizations_of(user=request.user):
        query = {name: request.GET[name] for name in ("language", "model") if name in request.GET}
        return redirect(reverse("quickstart", args=[organization.slug], query=query))
    return redirect("app_home")


@never_cache
@sensitive_post_parameters("key")
@require_http_methods(["GET", "POST"])
@login_required
def quickstart(request: HttpRequest, slug: str) -> HttpResponse:
    """The steps; a POST makes the organisation's first key, once, and shows it in its own answer."""
    if request.method == "GET":
        return _page(request, access_get(request, slug=slug), FirstLimitForm(initial=LIMIT_SUGGESTED))
    access = access_get(request, slug=slug, action=Action.API_KEYS_CHANGE)
    may_limit = access.organization.may(Action.LIMITS_CHANGE)
    form = FirstLimitForm(request.POST if may_limit else {})
    if not form.is_valid():
        return _page(request, access, form, status=422)
    try:
        made = _first_key_make(access, form)
    except ValidationError as error:
        form.add_error(None, error)
    except AccountsError as error:
        form.add_error(None, str(error))
    else:
        return _page(request, access, form, Shown(secret=made.secret if made else "", made_before=made is None))
    return _page(request, access, form, status=422)


@never_cache
@sensitive_post_parameters("key")
@require_POST
@login_required
def quickstart_run(request: HttpRequest, slug: str) -> HttpResponse:
    """Send the same request as the command does, with the key that the page sent back."""
    access = access_get(request, slug=slug, action=Action.API_KEYS_CHANGE)
    secret = request.POST.get("key", "")[:200]
    trial = trial_run(request, key=secret, model=_model(request.POST))
    return _page(request, access, FirstLimitForm(initial=LIMIT_SUGGESTED), Shown(secret=secret, trial=trial))


@transaction.atomic
def _first_key_make(access: Access, form: FirstLimitForm) -> NewApiKey | None:
    organization = access.organization
    made = api_key_create_first(organization_id=organization.id, name=_("First key"), member_id=organization.member_id)
    if made is not None and form.cleaned_data["limit_period"]:
        limit_set(
            organization_id=organization.id,
            api_key_id=made.id,
            period=form.cleaned_data["limit_period"],
            amount_nanos=form.cleaned_data["limit_nanos"],
            user_id=access.user_id,
        )
    return made


def _page(
    request: HttpRequest, access: Access, form: FirstLimitForm, shown: Shown | None = None, *, status: int = 200
) -> HttpResponse:
    shown = shown or Shown()
    organization = access.organization
    asked = request.GET or request.POST
    language, model = asked.get("language", ""), _model(asked)
    latest = usage_lines(organization_id=organization.id, limit=1)
    context = {
        "access": access,
        "form": form,
        "secret": shown.secret,
        "made_before": shown.made_before,
        "trial": shown.trial,
        "keys": _keys(organization.id),
        "tabs": _tabs(language, model, shown.secret),
        "language": language,
        "model": model,
        "latest": live_row(latest[0], organization.slug) if latest else None,
    }
    return render(request, "app/quickstart.html", context, status=status)


def _keys(organization_id: int) -> list[ApiKeyView]:
    """Keys that a command can be run with: nobody has the secret of the playground's."""
    keys = api_keys_list(organization_id=organization_id)
    return [key for key in keys if key.state == "active" and not key.is_playground][:KEYS_SHOWN]


def _model(asked: QueryDict) -> str:
    """The model that is asked for, where it is one that can chat; else the documentation's own."""
    wanted = asked.get("model", "")
    known = {row.public_id for row in catalog_list(conversions=CONVERSIONS) if "openai_chat" in row.protocols}
    return wanted if wanted in known else docs_model() or ""


def _tabs(language: str, model: str, secret: str) -> list[Tab]:
    """The samples, that of the reader's language first."""
    tabs = snippet_tabs("first", model=model or None, **({"api_key": secret} if secret else {}))
    return sorted(tabs, key=lambda tab: tab.snippet.id != LANGUAGES.get(language))
