"""Staff's view of money: read-only, but for freezing and unfreezing wallets."""

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from billing import admin_alarms as admin_alarms, admin_payments as admin_payments, ledger
from billing.admin_readonly import (
    ORGANIZATION,
    TOKEN_FIELDS,
    NamedModelsAdmin,
    ReadOnlyAdmin,
    model,
    organization,
    usd,
)
from billing.models import (
    GatewayLease,
    Hold,
    Settlement,
    SpendingLimit,
    Transfer,
    UsageHourly,
    UsageRecord,
    Wallet,
    WalletFreeze,
)


@admin.register(Wallet)
class WalletAdmin(ReadOnlyAdmin):
    columns = [
        "organization",
        usd("posted"),
        usd("held"),
        usd("granted"),
        usd("debt"),
        "status",
        "currency",
    ]
    list_filter = ["status"]
    list_select_related = ["organization"]
    search_fields = ["organization__name", "organization__slug"]
    details = ["id", "granted_until", "frozen_for"]
    actions = ["freeze", "unfreeze"]
    ordering = ["organization__name"]

    @admin.display(description="frozen for")
    def frozen_for(self, wallet: Wallet) -> str:
        reasons = WalletFreeze.objects.filter(wallet_id=wallet.pk).order_by("created_at")
        return ", ".join(str(one) for one in reasons) or "-"

    def has_freeze_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("billing.freeze_wallet")

    @admin.action(description="Freeze: no new requests, live ones go on", permissions=["freeze"])
    def freeze(self, request: HttpRequest, queryset: QuerySet[Wallet]) -> None:
        self._set_status(request, queryset.exclude(status="closed"), "frozen")

    @admin.action(description="Unfreeze", permissions=["freeze"])
    def unfreeze(self, request: HttpRequest, queryset: QuerySet[Wallet]) -> None:
        self._set_status(request, queryset.filter(status="frozen"), "active")

    def _set_status(self, request: HttpRequest, queryset: QuerySet[Wallet], status: ledger.WalletStatus) -> None:
        # Never a bulk UPDATE: that locks the wallets in another order than the gateway's batches do.
        changed = ledger.wallet_status_set(wallet_ids=list(queryset.values_list("id", flat=True)), status=status)
        self.message_user(request, f"Wallets now {status}: {changed}.", messages.SUCCESS)
        for wallet in queryset.model.objects.filter(pk__in=request.POST.getlist("_selected_action")):
            self.log_change(request, wallet, f"Status: {wallet.status}.")


@admin.register(Transfer)
class TransferAdmin(ReadOnlyAdmin):
    columns = [
        "id",
        "created_at",
        "kind",
        "debit_account",
        "credit_account",
        usd("amount"),
        usd("granted"),
        "reason",
    ]
    list_filter = ["kind"]
    list_select_related = ["debit_account__wallet__organization", "credit_account__wallet__organization"]
    search_fields = [
        *(f"debit_account__{name}" for name in ORGANIZATION),
        *(f"credit_account__{name}" for name in ORGANIZATION),
        "idempotency_key__startswith",
    ]
    search_help_text = "Organisation, or the start of an idempotency key"
    details = ["idempotency_key", "settlement"]
    ordering = ["-id"]


@admin.register(Hold)
class HoldAdmin(NamedModelsAdmin):
    columns = [
        "request_id",
        organization,
        model,
        usd("amount"),
        usd("progress"),
        "created_at",
        "expires_at",
        "lease_id",
    ]
    list_select_related = ["wallet__organization"]
    search_fields = ORGANIZATION
    search_help_text = "Organisation or request id"
    details = ["client_protocol", "api_key_id", "member_id", "price_version_id", "evidence"]
    ordering = ["-request_id"]

    def request_query(self, request_id: UUID) -> Q:
        return Q(request_id=request_id)


@admin.register(UsageRecord)
class UsageRecordAdmin(NamedModelsAdmin):
    columns = [
        "id",
        "created_at",
        organization,
        model,
        "client_protocol",
        "outcome",
        "source",
        "input_tokens",
        "output_tokens",
        usd("charge"),
        usd("write_off"),
        usd("cost"),
        "duration_ms",
    ]
    list_filter = ["outcome", "source"]
    list_select_related = ["wallet__organization"]
    search_fields = ORGANIZATION
    search_help_text = "Organisation or request id"
    details = [
        *TOKEN_FIELDS,
        usd("held"),
        "upstream_protocol",
        "route_id",
        "api_key_id",
        "member_id",
        "price_version_id",
        "started_at",
        "first_content_ms",
        "corrects_id",
        "settlement",
    ]
    ordering = ["-day", "-id"]

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """By day and id, as the table's key is; by id alone every partition would be searched."""
        try:
            request_id = UUID(object_id)
        except ValueError:
            return None
        return self.get_queryset(request).filter(day=UsageRecord.day_of(request_id), id=request_id).first()

    def request_query(self, request_id: UUID) -> Q:
        # A late correction stands on the same day as the record it corrects.
        return Q(day=UsageRecord.day_of(request_id)) & (Q(id=request_id) | Q(corrects_id=request_id))


@admin.register(UsageHourly)
class UsageHourlyAdmin(NamedModelsAdmin):
    columns = [
        "hour",
        organization,
        model,
        "client_protocol",
        "requests",
        "input_tokens",
        "output_tokens",
        usd("charge"),
        usd("write_off"),
        usd("cost"),
    ]
    list_select_related = ["wallet__organization"]
    search_fields = ORGANIZATION
    details = [
        *TOKEN_FIELDS,
        "route_id",
        "api_key_id",
        "member_id",
    ]
    ordering = ["-hour", "-id"]


@admin.register(SpendingLimit)
class SpendingLimitAdmin(ReadOnlyAdmin):
    columns = [
        organization,
        "api_key_id",
        "member_id",
        "period",
        usd("amount"),
        usd("spent"),
        usd("held"),
        "window_start",
    ]
    list_filter = ["period"]
    list_select_related = ["wallet__organization"]
    search_fields = ORGANIZATION
    ordering = ["id"]


@admin.register(GatewayLease)
class GatewayLeaseAdmin(ReadOnlyAdmin):
    columns = ["id", "name", "leased_until"]
    search_fields = ["name"]
    ordering = ["-leased_until"]


@admin.register(Settlement)
class SettlementAdmin(ReadOnlyAdmin):
    columns = ["id", "created_at", "records"]
    ordering = ["-id"]
