"""The playground: its page, a run as a stream or whole, the code of a request, and what a stopped run came to."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from asgiref.sync import async_to_sync
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.access import Access, access_get
from accounts.errors import AccountsError
from accounts.roles import Action
from accounts.selectors import organizations_of
from catalog.selectors import docs_model
from tokenoutput.playground.answer import Failed
from tokenoutput.playground.code import code_tabs
from tokenoutput.playground.forms import PlaygroundForm, Turn, history_words, price_words
from tokenoutput.playground.outcome import failure_html, figures_html
from tokenoutput.playground.run import LIMIT_NANOS, NoGateway, Run
from tokenoutput.playground.standing import Standing, standing_of

PROTOCOLS = ("openai", "anthropic")
private = sensitive_post_parameters("message", "system", "history")


@dataclass(frozen=True, slots=True)
class Came:
    """What a run without scripts came to: the words for it, its figures, and why it failed if it did.

    `answered`: it is the last turn of the conversation; else it left nothing there.
    """

    said: str = ""
    figures: str = ""
    failed: Failed | None = None
    answered: bool = False


@require_GET
@login_required
def playground_any(request: HttpRequest) -> HttpResponse:
    """To the playground of the visitor's first organisation where they have one, with the model they had open."""
    query = {"model": request.GET["model"]} if "model" in request.GET else {}
    organizations = organizations_of(user=request.user)
    for organization in sorted(organizations, key=lambda one: not one.may(Action.API_KEYS_CHANGE)):
        return redirect(reverse("playground", args=[organization.slug], query=query))
    return redirect("app_home")


@never_cache
@private
@require_http_methods(["GET", "POST"])
@login_required
def playground(request: HttpRequest, slug: str) -> HttpResponse:
    """The page; a POST is a run for a browser without scripts, and its answer is in the page."""
    access = access_get(request, slug=slug, action=Action.API_KEYS_CHANGE)
    standing = standing_of(access.organization)
    if request.method == "GET":
        wanted = request.GET.get("model", "")
        form = PlaygroundForm(rows=standing.rows, initial={"model": _model(standing, wanted)})
        return _page(
            request, access, standing, form, unknown=wanted if standing.rows and not standing.row(wanted) else ""
        )
    form = PlaygroundForm(request.POST, rows=standing.rows)
    if standing.is_stopped or not form.is_valid():
        return _page(request, access, standing, form, status=422)
    try:
        run = Run(request, access, form.question())
    except (AccountsError, NoGateway) as error:
        return _page(request, access, standing, form, came=Came(failed=_refusal(error)), status=503)
    async_to_sync(run.whole)()
    came = Came(run.said, run.figures(), run.failed, answered=bool(run.text))
    if not run.text:
        return _page(request, access, standing, form, came=came)
    turns = (*form.question().turns, Turn("assistant", run.text))
    kept = {**form.cleaned_data, "message": "", "history": history_words(turns)}
    again = PlaygroundForm(initial=kept, rows=standing.rows)
    return _page(request, access, standing_of(access.organization), again, turns=turns, came=came)


@never_cache
@private
@require_POST
@login_required
def playground_run(request: HttpRequest, slug: str) -> HttpResponseBase:
    """The same for a script: server-sent events while the model answers; to hang up is to stop it."""
    access = access_get(request, slug=slug, action=Action.API_KEYS_CHANGE)
    standing = standing_of(access.organization)
    form = PlaygroundForm(request.POST, rows=standing.rows)
    if not form.is_valid():
        wrong = render_to_string("components/form_errors.html", {"form": form, "shown_only": True})
        return JsonResponse({"html": wrong, "fields": list(form.errors)}, status=422)
    if standing.obstacle is not None and standing.is_stopped:
        stopped = Failed(f"{standing.obstacle.title}. {standing.obstacle.text}", manage_url=standing.obstacle.url)
        return JsonResponse({"html": failure_html(stopped)}, status=409)
    try:
        run = Run(request, access, form.question())
    except (AccountsError, NoGateway) as error:
        return JsonResponse({"html": failure_html(_refusal(error))}, status=503)
    response = StreamingHttpResponse(run.events(), content_type="text/event-stream; charset=utf-8")
    response["X-Accel-Buffering"] = "no"
    response["Content-Encoding"] = "identity"  # Packed, it would be collected first, and its end not be noticed.
    return response


@never_cache
@private
@require_POST
@login_required
def playground_code(request: HttpRequest, slug: str) -> HttpResponse:
    """What is in the form as code, however much of it is filled in."""
    access = access_get(request, slug=slug, action=Action.API_KEYS_CHANGE)
    standing = standing_of(access.organization)
    form = PlaygroundForm(request.POST, rows=standing.rows, initial={"model": _model(standing, "")})
    form.is_valid()
    return render(request, "components/playground_code.html", {"code": _code(form)})


@never_cache
@require_GET
@login_required
def playground_outcome(request: HttpRequest, slug: str, request_id: UUID) -> HttpResponse:
    """What a run that was stopped came to; nothing while it is still being counted."""
    access = access_get(request, slug=slug, action=Action.API_KEYS_CHANGE)
    html = figures_html(organization_id=access.organization.id, slug=slug, request_id=request_id)
    return JsonResponse({"html": html, "url": reverse("request", args=[slug, request_id])})


def _page(
    request: HttpRequest,
    access: Access,
    standing: Standing,
    form: PlaygroundForm,
    *,
    status: int = 200,
    **more: object,
) -> HttpResponse:
    if form.is_bound:
        form.is_valid()
    chosen = standing.row(form["model"].value() or "")
    context: dict[str, Any] = {
        "access": access,
        "standing": standing,
        "form": form,
        "limit_nanos": LIMIT_NANOS,
        "turns": form.turns,
        "chosen": chosen,
        "chosen_price": price_words(chosen) if chosen else "",
        "code": _code(form) if standing.rows else {},
        **more,
    }
    return render(request, "app/playground.html", context, status=status)


def _model(standing: Standing, wanted: str) -> str:
    """The model that is asked for, where it may be tried; else the documentation's own, else the first."""
    first = standing.rows[0].public_id if standing.rows else ""
    return next((name for name in (wanted, docs_model() or "") if standing.row(name)), first)


def _code(form: PlaygroundForm) -> dict[str, Any]:
    question = form.question(hello="Hello!")
    return {name: code_tabs(question, protocol=name, base_url=settings.SITE_URL) for name in PROTOCOLS}


def _refusal(error: Exception) -> Failed:
    if isinstance(error, NoGateway):
        return Failed(_("This server takes no requests just now. Nothing was charged; try again in a moment."))
    return Failed(str(error))
