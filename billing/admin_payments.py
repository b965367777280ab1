"""Staff's view of payments: what Stripe told and what became of it; refunds and goodwill beside it."""

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path

from billing.admin_money import goodwill_view, refund_view
from billing.admin_readonly import ORGANIZATION, ReadOnlyAdmin, organization
from billing.models import AutoTopup, Dispute, Refund, StripeCustomer, StripeEvent, StripeMatch, Topup

TOPUP_ORGANIZATION = [f"topup__{name}" for name in ORGANIZATION]


@admin.display(description="organisation")
def topup_organization(row: Any) -> str:
    return str(row.topup.wallet.organization)


@admin.register(Topup)
class TopupAdmin(ReadOnlyAdmin):
    columns = ["created_at", organization, "kind", "status", "amount_cents", "tax_cents", "paid_at", "failure"]
    list_filter = ["status", "kind"]
    list_select_related = ["wallet__organization"]
    search_fields = [*ORGANIZATION, "payment_intent_id", "session_id"]
    details = ["id", "payment_intent_id", "session_id", "save_card", "by_user_id"]
    ordering = ["-created_at"]
    change_form_template = "admin/billing/topup/change_form.html"

    def get_urls(self) -> list[URLPattern]:
        own = [
            path("<uuid:topup_id>/refund/", self.admin_site.admin_view(self.refund), name="billing_topup_refund"),
            path("<uuid:topup_id>/goodwill/", self.admin_site.admin_view(self.goodwill), name="billing_topup_goodwill"),
        ]
        return own + super().get_urls()

    def refund(self, request: HttpRequest, topup_id: UUID) -> HttpResponse:
        """Part of this payment back to its card."""
        return refund_view(self, request, topup_id)

    def goodwill(self, request: HttpRequest, topup_id: UUID) -> HttpResponse:
        """Granted credit for whoever paid this."""
        return goodwill_view(self, request, topup_id)


@admin.register(Refund)
class RefundAdmin(ReadOnlyAdmin):
    columns = ["created_at", topup_organization, "source", "status", "amount_cents", "tax_cents"]
    list_filter = ["status", "source"]
    list_select_related = ["topup__wallet__organization"]
    search_fields = [*TOPUP_ORGANIZATION, "refund_id"]
    details = ["id", "topup", "refund_id", "by_user_id", "reason", "attempt"]
    ordering = ["-created_at"]


@admin.register(Dispute)
class DisputeAdmin(ReadOnlyAdmin):
    columns = ["id", topup_organization, "status", "amount_cents", "tax_cents", "withdrawn_at", "reinstated_at"]
    list_filter = ["status"]
    list_select_related = ["topup__wallet__organization"]
    search_fields = [*TOPUP_ORGANIZATION, "id"]
    details = ["topup", "closed_at"]
    ordering = ["-withdrawn_at"]


@admin.register(AutoTopup)
class AutoTopupAdmin(ReadOnlyAdmin):
    columns = [
        organization,
        "enabled",
        "threshold_cents",
        "amount_cents",
        "monthly_cap_cents",
        "failures",
        "off_reason",
    ]
    list_filter = ["enabled"]
    list_select_related = ["wallet__organization"]
    search_fields = ORGANIZATION
    details = ["next_try_at", "by_user_id"]
    ordering = ["wallet"]


@admin.register(StripeCustomer)
class StripeCustomerAdmin(ReadOnlyAdmin):
    columns = ["customer_id", "organization", "card_name", "card_expires"]
    list_select_related = ["organization"]
    search_fields = ["organization__name", "organization__slug", "customer_id"]
    ordering = ["organization__name"]


@admin.register(StripeEvent)
class StripeEventAdmin(ReadOnlyAdmin):
    columns = ["id", "received_at", "type", "object_id", "status", "attempts", "error"]
    list_filter = ["status"]
    search_fields = ["id", "object_id"]
    details = ["related_id", "created_at", "next_try_at"]
    ordering = ["-received_at"]


@admin.register(StripeMatch)
class StripeMatchAdmin(ReadOnlyAdmin):
    columns = ["id", "created_at", "type", "amount_cents", "fee_cents", "source_id", "found"]
    list_filter = ["type"]
    search_fields = ["id", "source_id"]
    details = ["matched_at"]
    ordering = ["-created_at"]
