"""The state of a live page as JSON, for pages whose socket is down."""

from hashlib import sha256

import msgspec
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_GET

from accounts.access import access_get
from accounts.zones import zone_of
from tokenoutput.live.state import live_state, state_data


@require_GET
@login_required
def live(request: HttpRequest, slug: str) -> HttpResponse:
    """Balance and latest requests; 304 where nothing changed since the answer the page has."""
    access = access_get(request, slug=slug)
    state = live_state(organization_id=access.organization.id, slug=slug, zone=zone_of(request))
    body = msgspec.json.encode(state_data(state))
    tag = f'"{sha256(body).hexdigest()[:32]}"'
    answer = HttpResponse(body, content_type="application/json")
    answer["ETag"], answer["Cache-Control"] = tag, "private, no-cache"
    kept = get_conditional_response(request, etag=tag, response=answer) or answer
    kept["Cache-Control"] = answer["Cache-Control"]
    return kept
