"""Staff's view of alarms, checks, the report by provider, and of alerts on their way: read-only."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from billing.admin_readonly import TOKEN_FIELDS, ReadOnlyAdmin, usd
from billing.models import Alarm, AlertDelivery, LedgerCheck, ProviderDay, Webhook
from billing.provider_report import provider_days_csv, provider_days_of


@admin.register(Alarm)
class AlarmAdmin(ReadOnlyAdmin):
    columns = ["rule", "subject", "detail", "wallet_id", "first_seen_at", "last_seen_at", "cleared_at"]
    list_filter = [("cleared_at", admin.EmptyFieldListFilter), "rule"]
    search_fields = ["rule", "subject"]
    details = ["mailed_at"]
    ordering = ["-id"]


@admin.register(LedgerCheck)
class LedgerCheckAdmin(ReadOnlyAdmin):
    columns = ["checked_at", "kind", "violations", "took_ms", "settlement_id", "hour"]
    list_filter = ["kind"]
    ordering = ["-checked_at"]


@admin.register(ProviderDay)
class ProviderDayAdmin(ReadOnlyAdmin):
    columns = [
        "day",
        "provider",
        "model",
        "requests",
        "input_tokens",
        "output_tokens",
        usd("cost"),
        usd("charge"),
        "estimated",
        "missing",
        "write_offs",
    ]
    list_filter = ["day", "provider"]
    search_fields = ["provider", "model"]
    details = [*TOKEN_FIELDS, usd("write_off")]
    actions = ["as_csv"]
    ordering = ["-day", "provider", "model"]

    @admin.action(description="Download as CSV", permissions=["view"])
    def as_csv(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse:
        """The chosen lines, to be held against a provider's bill."""
        answer = HttpResponse(content_type="text/csv")
        answer["Content-Disposition"] = 'attachment; filename="usage-by-provider.csv"'
        provider_days_csv(provider_days_of(queryset.order_by("day", "provider", "model")), answer)
        return answer


@admin.register(Webhook)
class WebhookAdmin(ReadOnlyAdmin):
    columns = ["public_id", "organization", "url", "created_at", "failing_since", "disabled_at"]
    list_select_related = ["organization"]
    search_fields = ["public_id", "url", "organization__slug"]
    details = ["kinds", "created_by", "disabled_for", "previous_until"]
    ordering = ["-id"]


@admin.register(AlertDelivery)
class AlertDeliveryAdmin(ReadOnlyAdmin):
    columns = ["id", "alert", "channel", "target", "state", "attempts", "due_at", "sent_at"]
    list_filter = ["state", "channel"]
    list_select_related = ["alert__organization"]
    search_fields = ["target", "alert__organization__slug"]
    details = ["last_error"]
    ordering = ["-id"]
