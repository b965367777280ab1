"""Receipts: payments with what went back of them, and where their documents are."""

from typing import Any
from uuid import UUID

from django.conf import settings
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from billing.payment_selectors import receipt_url
from billing.receipts import Receipt as ReceiptView, RefundRow, receipt_get, receipts_page
from tokenoutput.api.errors import Refused
from tokenoutput.api.figures import moment, usd
from tokenoutput.api.keyed import KeyedView
from tokenoutput.api.pages import CURSOR_QUERY, LIMIT_MAX, Flowing, link_with, query_checked
from tokenoutput.api.schema import operation, query

_YEARS = (2000, 2200)


class RefundOf(serializers.Serializer):
    """Money that went back to the card; amounts are negative."""

    id = serializers.UUIDField()
    number = serializers.CharField()
    created_at = serializers.DateTimeField()
    status = serializers.CharField()
    amount_usd = serializers.CharField()
    tax_usd = serializers.CharField()
    total_usd = serializers.CharField()
    reason = serializers.CharField()


class Receipt(serializers.Serializer):
    """A payment."""

    id = serializers.UUIDField()
    number = serializers.CharField()
    created_at = serializers.DateTimeField()
    kind = serializers.ChoiceField(choices=["checkout", "auto"])
    status = serializers.CharField(help_text="paid, refunded, disputed, processing, failed, expired or open.")
    amount_usd = serializers.CharField(help_text="What landed on the balance.")
    tax_usd = serializers.CharField()
    total_usd = serializers.CharField(help_text="What the card was charged.")
    refunds = RefundOf(many=True)


class ReceiptWhole(Receipt):
    """A payment with its documents, whose addresses last for a short while only."""

    hosted_url = serializers.CharField(allow_null=True)
    pdf_url = serializers.CharField(allow_null=True)


class ReceiptsAnswer(Flowing):
    """Payments, newest first."""

    data = Receipt(many=True)


class ReceiptAnswer(serializers.Serializer):
    """One payment."""

    data = ReceiptWhole()


class ReceiptsAsked(serializers.Serializer):
    """Which payments."""

    cursor = serializers.UUIDField(required=False)
    limit = serializers.IntegerField(min_value=1, max_value=LIMIT_MAX, default=LIMIT_MAX)
    year = serializers.IntegerField(min_value=_YEARS[0], max_value=_YEARS[1], required=False)


class ReceiptsView(KeyedView):
    """Receipts."""

    needs = {"GET": "billing:read"}

    @operation(
        "Credit", "List receipts", answer=ReceiptsAnswer,
        query=[*CURSOR_QUERY, query("year", "Paid in this year (UTC), or refunded in it.", int)],
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        """Payments, newest first, each with what went back of it."""
        asked = query_checked(request, ReceiptsAsked)
        limit = asked["limit"]
        found = receipts_page(
            organization_id=self.caller.organization_id,
            year=asked.get("year"),
            before=asked.get("cursor"),
            limit=limit + 1,
        )
        page = found[:limit]
        more = len(found) > limit
        link = link_with(request, cursor=page[-1].payment.id) if more else None
        return Response({"data": [_receipt(row) for row in page], "links": {"next": link}})


class ReceiptOne(KeyedView):
    """One receipt."""

    needs = {"GET": "billing:read"}

    @operation("Credit", "Get a receipt", answer=ReceiptAnswer)
    def get(self, request: Request, id: UUID) -> Response:
        """A payment with the addresses of its invoice or receipt, asked for anew each time: they do not last."""
        organization_id = self.caller.organization_id
        found = receipt_get(organization_id=organization_id, topup_id=id)
        if found is None:
            raise Refused(404, "There is no such payment in this organisation.", reason="not_found")
        hosted = receipt_url(organization_id=organization_id, topup_id=id)
        pdf = receipt_url(organization_id=organization_id, topup_id=id, pdf=True)
        return Response({"data": _receipt(found) | {"hosted_url": _whole(hosted), "pdf_url": _whole(pdf)}})


def _whole(url: str | None) -> str | None:
    """Payments may be simulated here: then the address is ours."""
    return settings.SITE_URL + url if url and url.startswith("/") else url


def _receipt(row: ReceiptView) -> dict[str, Any]:
    payment = row.payment
    return {
        "id": str(payment.id),
        "number": row.number,
        "created_at": moment(payment.created_at),
        "kind": payment.kind,
        "status": payment.state,
        "amount_usd": usd(payment.amount_nanos),
        "tax_usd": usd(payment.tax_nanos),
        "total_usd": usd(row.total_nanos),
        "refunds": [_refund(refund) for refund in row.refunds],
    }


def _refund(row: RefundRow) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "number": row.number,
        "created_at": moment(row.created_at),
        "status": row.status,
        "amount_usd": usd(row.amount_nanos),
        "tax_usd": usd(row.tax_nanos),
        "total_usd": usd(row.total_nanos),
        "reason": row.reason,
    }
