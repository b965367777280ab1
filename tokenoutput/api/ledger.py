"""The ledger: every line of the wallet with the balance after it."""

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from billing.statement import KINDS, StatementFilter, StatementLine, statement_get
from tokenoutput.api.figures import moment, number, usd
from tokenoutput.api.keyed import KeyedView
from tokenoutput.api.pages import CURSOR_QUERY, LIMIT_MAX, Flowing, link_with, query_checked
from tokenoutput.api.schema import operation, query

_DIGITS = 18


class LedgerLine(serializers.Serializer):
    """A line: money in is positive. All usage of an hour is one line."""

    id = serializers.CharField(help_text="Grows with time.")
    created_at = serializers.DateTimeField()
    type = serializers.ChoiceField(choices=KINDS)
    reason = serializers.CharField()
    amount = serializers.FloatField()
    amount_usd = serializers.CharField()
    balance_after_usd = serializers.CharField()
    receipt_id = serializers.UUIDField(allow_null=True, help_text="The payment that it is, or gives back.")


class LedgerAnswer(Flowing):
    """Lines, newest first. The balance has the usage of the last seconds taken off, which is no line yet."""

    data = LedgerLine(many=True)
    balance_usd = serializers.CharField()
    unsettled_usd = serializers.CharField(help_text="Usage that becomes a line soon.")


class LedgerAsked(serializers.Serializer):
    """Which lines."""

    cursor = serializers.RegexField(rf"\A[0-9]{{1,{_DIGITS}}}\Z", required=False)
    limit = serializers.IntegerField(min_value=1, max_value=LIMIT_MAX, default=LIMIT_MAX)
    type = serializers.ChoiceField(choices=KINDS, required=False)

    def get_fields(self) -> dict[str, Any]:
        """`from` is no name that Python lets a class have."""
        days = {name: serializers.DateField(required=False) for name in ("from", "to")}
        return dict(super().get_fields()) | days

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "from" in attrs and "to" in attrs and attrs["to"] < attrs["from"]:
            raise serializers.ValidationError({"to": ["The last day is before the first."]})
        return attrs


class LedgerView(KeyedView):
    """The ledger."""

    needs = {"GET": "billing:read"}

    @operation(
        "Credit", "List ledger lines", answer=LedgerAnswer,
        query=[
            *CURSOR_QUERY,
            query("type", "Lines of this type alone.", enum=KINDS),
            query("from", "The first day, UTC, as 2026-11-01."),
            query("to", "The last day, UTC."),
        ],
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        """Every cent that came and went, newest first; lines are never changed."""
        asked = query_checked(request, LedgerAsked)
        limit = asked["limit"]
        found = statement_get(
            organization_id=self.caller.organization_id,
            only=StatementFilter(asked.get("type", ""), asked.get("from"), asked.get("to")),
            before=int(asked["cursor"]) if "cursor" in asked else None,
            limit=limit + 1,
        )
        lines = found.lines[:limit]
        more = len(found.lines) > limit
        return Response({
            "data": [_line(line) for line in lines],
            "balance_usd": usd(found.balance_nanos),
            "unsettled_usd": usd(found.unsettled_nanos),
            "links": {"next": link_with(request, cursor=lines[-1].id) if more else None},
        })  # fmt: skip


def _line(line: StatementLine) -> dict[str, Any]:
    return {
        "id": str(line.id),
        "created_at": moment(line.created_at),
        "type": line.kind,
        "reason": line.reason,
        "amount": number(line.amount_nanos),
        "amount_usd": usd(line.amount_nanos),
        "balance_after_usd": usd(line.balance_nanos),
        "receipt_id": str(line.payment_id) if line.payment_id else None,
    }
