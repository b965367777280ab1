"""Views for management keys: who asks, in which organisation, and what was sent."""

from typing import Any

from rest_framework.request import Request
from rest_framework.serializers import Serializer

from accounts.management_keys import ManagementCaller
from tokenoutput.api.authentication import ManagementKeys
from tokenoutput.api.base import ApiView
from tokenoutput.api.errors import Refused
from tokenoutput.api.permissions import NeedsMet
from tokenoutput.api.throttles import PerKey


class KeyedView(ApiView):
    """Takes a management key. `needs` names, by method, the scope it must have; the role of its member counts too."""

    authentication_classes: list[Any] = [ManagementKeys]
    permission_classes: list[Any] = [NeedsMet]
    throttle_classes: list[Any] = [PerKey]
    needs: dict[str, str] = {}

    @property
    def caller(self) -> ManagementCaller:
        """The member behind the key."""
        caller: ManagementCaller = self.request.auth
        return caller


def body_checked(request: Request, serializer: type[Serializer], **options: Any) -> dict[str, Any]:
    """The body, checked; 422 where it is wrong."""
    if not isinstance(request.data, dict):
        raise Refused(422, "The body must be a JSON object.", reason="invalid")
    asked = serializer(data=request.data, **options)
    asked.is_valid(raise_exception=True)
    checked: dict[str, Any] = asked.validated_data
    return checked
