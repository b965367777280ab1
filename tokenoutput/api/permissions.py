"""Whether a key may do what it asks: by the scopes of the key, then by the present role of its member."""

from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from accounts.api_key_selectors import Caller
from accounts.management_keys import SCOPES, ManagementCaller
from accounts.roles import Action, role_may
from tokenoutput.api.errors import Refused


class KeyGiven(BasePermission):
    """Any key that is good."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return request.auth is not None


class NeedsMet(BasePermission):
    """Holds a view's `needs` against the caller."""

    def has_permission(self, request: Request, view: Any) -> bool:
        scope = view.needs.get("GET" if request.method == "HEAD" else request.method)
        caller = request.auth
        if caller is None:
            return False
        if scope is None:
            return True  # No such method here: what answers it says so.
        if not {scope, scope.replace(":read", ":write")} & caller.scopes:
            raise Refused(403, f"This management key lacks the scope {scope}.", reason="scope_missing", scope=scope)
        role_check(caller, SCOPES[scope])
        return True


class NeedsMetOrApiKey(NeedsMet):
    """As `NeedsMet` for a management key; an API key may ask, of what is its own."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return isinstance(request.auth, Caller) or super().has_permission(request, view)


def role_check(caller: ManagementCaller, action: Action) -> None:
    """Refuse what the member behind the key may not do now."""
    if not role_may(caller.role, action):
        message = f"The member behind this key is {caller.role} now, which does not allow this."
        raise Refused(403, message, reason="role", role=caller.role)
