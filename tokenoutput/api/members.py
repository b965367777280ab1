"""Members of the organisation: who they are, what they may do, and what their keys cost."""

from datetime import UTC, datetime
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.members import member_remove, member_role_change
from accounts.roles import Role
from accounts.selectors import MemberView, api_key_members, members_list
from billing.limits import LimitView, limits_list
from billing.member_spend import spend_by_key
from tokenoutput.api.errors import Refused
from tokenoutput.api.figures import Strict, number, usd
from tokenoutput.api.keyed import KeyedView, body_checked
from tokenoutput.api.limits import Limit, limit_of
from tokenoutput.api.pages import PAGE_QUERY, Deleted, Found, PageAsked, page_of, query_checked
from tokenoutput.api.schema import operation, query


class Member(serializers.Serializer):
    """A person in the organisation."""

    id = serializers.CharField()
    email = serializers.CharField()
    first_name = serializers.CharField(help_text="Always empty: only the address is known.")
    last_name = serializers.CharField(help_text="Always empty.")
    role = serializers.ChoiceField(choices=Role.values)
    usage_monthly = serializers.FloatField(help_text="What this member's keys cost in this month (UTC).")
    usage_monthly_usd = serializers.CharField()
    limits = Limit(many=True, help_text="What all keys of this member may spend together.")


class MembersAnswer(Found):
    """Members, the longest in the organisation first."""

    data = Member(many=True)


class MemberAnswer(serializers.Serializer):
    """One member."""

    data = Member()


class MemberAsked(Strict):
    """Another role."""

    role = serializers.ChoiceField(choices=Role.values)


class HeirAsked(serializers.Serializer):
    """Who gets the keys."""

    keys_to = serializers.IntegerField(required=False, min_value=1, max_value=2**63 - 1)


class MembersView(KeyedView):
    """Members."""

    needs = {"GET": "members:read"}

    @operation("Organisation", "List members", answer=MembersAnswer, query=PAGE_QUERY)
    def get(self, request: Request) -> Response:
        """Who is in the organisation, as what, and what their keys cost in this month."""
        asked = query_checked(request, PageAsked)
        rows = _members(self.caller.organization_id)
        part = rows[asked["offset"] : asked["offset"] + asked["limit"]]
        return Response(page_of(request, part, total_count=len(rows), **asked))


class MemberOne(KeyedView):
    """One member."""

    needs = {"GET": "members:read", "PATCH": "members:write", "DELETE": "members:write"}

    @operation("Organisation", "Get a member", answer=MemberAnswer)
    def get(self, request: Request, id: int) -> Response:
        """One member."""
        found = next((row for row in _members(self.caller.organization_id) if row["id"] == str(id)), None)
        if found is None:
            raise Refused(404, "There is no such member in this organisation.", reason="not_found")
        return Response({"data": found})

    @operation("Organisation", "Change a member's role", answer=MemberAnswer, body=MemberAsked)
    def patch(self, request: Request, id: int) -> Response:
        """Give a member another role, from now on. Only an owner makes or unmakes owners; one owner always stays."""
        asked = body_checked(request, MemberAsked)
        caller = self.caller
        member_role_change(
            organization_id=caller.organization_id, member_id=id, role=asked["role"], by_member_id=caller.member_id
        )
        return self.get(request, id)

    @operation(
        "Organisation", "Remove a member", answer=Deleted,
        query=[query("keys_to", "The member who gets their API keys; without it the keys are revoked.", int)],
    )  # fmt: skip
    def delete(self, request: Request, id: int) -> Response:
        """Take a member out. Their API keys stop, or go to another member."""
        heir = query_checked(request, HeirAsked).get("keys_to")
        member_remove(
            organization_id=self.caller.organization_id,
            member_id=id,
            keys="hand_over" if heir else "revoke",
            by_member_id=self.caller.member_id,
            to_member_id=heir,
        )
        return Response({"deleted": True})


def _members(organization_id: int) -> list[dict[str, Any]]:
    month = datetime.now(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    holders = api_key_members(organization_id=organization_id)
    spent: dict[int | None, int] = {}
    for key_id, nanos in spend_by_key(organization_id=organization_id, since=month).items():
        spent[holders.get(key_id)] = spent.get(holders.get(key_id), 0) + nanos
    limits = limits_list(organization_id=organization_id)
    return [
        _member(member, spent.get(member.id, 0), [limit for limit in limits if limit.member_id == member.id])
        for member in members_list(organization_id=organization_id)
    ]


def _member(member: MemberView, spent_nanos: int, limits: list[LimitView]) -> dict[str, Any]:
    return {
        "id": str(member.id),
        "email": member.email,
        "first_name": "",
        "last_name": "",
        "role": member.role,
        "usage_monthly": number(spent_nanos),
        "usage_monthly_usd": usd(spent_nanos),
        "limits": [limit_of(limit) for limit in limits],
    }
