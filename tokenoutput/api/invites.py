"""Invites into the organisation."""

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.invites import InviteView, invite_create, invite_revoke, invites_of
from accounts.roles import Role
from billing.limits import LIMIT_MAX_NANOS, LIMIT_MIN_NANOS
from tokenoutput.api.figures import Strict, UsdField, moment, usd
from tokenoutput.api.keyed import KeyedView, body_checked
from tokenoutput.api.once import once
from tokenoutput.api.pages import PAGE_QUERY, Deleted, Found, PageAsked, page_of, query_checked
from tokenoutput.api.schema import IDEMPOTENCY, operation


class Invite(serializers.Serializer):
    """Somebody who was asked to join."""

    id = serializers.CharField()
    email = serializers.CharField()
    role = serializers.ChoiceField(choices=Role.values)
    limit_usd = serializers.CharField(allow_null=True, help_text="What their keys may spend in a month.")
    status = serializers.CharField()
    invited_by = serializers.CharField()
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()


class InvitesAnswer(Found):
    """Invites that wait, the newest first."""

    data = Invite(many=True)


class InviteAnswer(serializers.Serializer):
    """One invite."""

    data = Invite()


class InviteAsked(Strict):
    """Whom to ask, as what, and what their keys may spend."""

    email = serializers.EmailField(max_length=254)
    role = serializers.ChoiceField(choices=Role.values)
    limit_usd = UsdField(
        least_nanos=LIMIT_MIN_NANOS,
        most_nanos=LIMIT_MAX_NANOS,
        required=False,
        allow_null=True,
        help_text="Dollars in a month.",
    )


class InvitesView(KeyedView):
    """Invites."""

    needs = {"GET": "members:write", "POST": "members:write"}

    @operation("Organisation", "List invites", answer=InvitesAnswer, query=PAGE_QUERY)
    def get(self, request: Request) -> Response:
        """Who was invited and has not joined yet."""
        asked = query_checked(request, PageAsked)
        rows = [_invite(row) for row in invites_of(organization_id=self.caller.organization_id)]
        part = rows[asked["offset"] : asked["offset"] + asked["limit"]]
        return Response(page_of(request, part, total_count=len(rows), **asked))

    @operation(
        "Organisation", "Invite somebody", answer=InviteAnswer, status=201, body=InviteAsked, query=[IDEMPOTENCY]
    )
    def post(self, request: Request) -> Response:
        """Mail somebody a link that makes them a member; it holds for seven days."""
        asked = body_checked(request, InviteAsked)

        def act() -> Response:
            made = invite_create(
                organization_id=self.caller.organization_id,
                email=asked["email"],
                role=asked["role"],
                by_member_id=self.caller.member_id,
                cap_nanos=asked.get("limit_usd"),
            )
            return Response({"data": _invite(made)}, status=201)

        return once(request, act)


class InviteOne(KeyedView):
    """One invite."""

    needs = {"DELETE": "members:write"}

    @operation("Organisation", "Revoke an invite", answer=Deleted)
    def delete(self, request: Request, id: int) -> Response:
        """Its link stops at once."""
        caller = self.caller
        invite_revoke(organization_id=caller.organization_id, invite_id=id, by_member_id=caller.member_id)
        return Response({"deleted": True})


def _invite(invite: InviteView) -> dict[str, Any]:
    return {
        "id": str(invite.id),
        "email": invite.email,
        "role": invite.role,
        "limit_usd": usd(invite.cap_nanos) if invite.cap_nanos else None,
        "status": invite.state,
        "invited_by": invite.invited_by,
        "created_at": moment(invite.created_at),
        "expires_at": moment(invite.expires_at),
    }
