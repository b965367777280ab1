"""Whom the cookie of a session stands for, asked outside of a request: for sockets, at their start and later."""

from importlib import import_module
from typing import Literal

from django.conf import settings
from django.contrib.auth import get_user
from django.http import Http404, HttpRequest

from accounts.access import second_step_missing
from accounts.models import User
from accounts.selectors import OrganizationView, organization_access

type Refusal = Literal["signed_out", "not_member"]


def session_access(*, session_key: str, slug: str) -> OrganizationView | Refusal:
    """The organisation as the session's user may read it now, by the rules of `access_get`."""
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(session_key or None)
    user = get_user(request) if session_key else None
    if not isinstance(user, User):
        return "signed_out"
    try:
        organization = organization_access(user=user, slug=slug)
    except Http404:
        return "not_member"
    return "not_member" if second_step_missing(user, organization) else organization
