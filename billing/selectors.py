"""What others may know of money: frozen dataclasses, never rows."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from django.db import connection as django_connection

from billing.models import Account, Transfer, UsageRecord
from catalog.pricing import Usage


class WalletNotFound(Exception):
    """The organisation has no wallet yet."""


@dataclass(frozen=True, slots=True)
class WalletView:
    """A wallet now. The balance has every finished request taken off; available is what a new request may hold."""

    wallet_id: int
    balance_nanos: int
    held_nanos: int
    available_nanos: int
    granted_nanos: int
    debt_nanos: int
    status: str


@dataclass(frozen=True, slots=True)
class UsageRow:
    """One line of usage: what a request used and what it came to. The wallet paid charge minus write-off."""

    id: UUID
    created_at: datetime
    model_id: int
    api_key_id: int
    client_protocol: str
    upstream_protocol: str | None
    outcome: str
    source: str
    usage: Usage
    charge_nanos: int
    write_off_nanos: int
    first_content_ms: int | None
    duration_ms: int | None
    started_at: datetime
    price_version_id: int
    member_id: int | None
    held_nanos: int
    corrects_id: UUID | None


@dataclass(frozen=True, slots=True)
class TransferRow:
    """One line of a wallet's account: money in is positive, money out negative."""

    created_at: datetime
    kind: str
    amount_nanos: int
    reason: str


def wallet_get(*, organization_id: int) -> WalletView:
    """The organisation's wallet; `WalletNotFound` if it has none."""
    # Granted credit is taken off at settlement, but spent first: what waits for settlement has spent it already.
    query = """
        SELECT w.id, w.posted_nanos, w.held_nanos, w.posted_nanos - w.held_nanos,
               CASE WHEN w.granted_nanos = 0 THEN 0 ELSE greatest(0, w.granted_nanos - greatest(0, (
                 SELECT coalesce(sum(u.charge_nanos - u.write_off_nanos), 0) FROM usage_record u
                  WHERE u.wallet_id = w.id AND u.settlement_id IS NULL)))::bigint END,
               w.debt_nanos, w.status
          FROM wallet w WHERE w.organization_id = %s AND w.currency = 'USD'"""
    row = _row(query, organization_id)
    if row is None:
        raise WalletNotFound(organization_id)
    return WalletView(*row)


def wallet_available(*, organization_id: int) -> int | None:
    """What a new request may hold, alone and cheap: for every page's header. None without a wallet."""
    row = _row("SELECT posted_nanos - held_nanos FROM wallet WHERE organization_id = %s", organization_id)
    return int(row[0]) if row else None


async def wallet_id_get(connection: psycopg.AsyncConnection, *, organization_id: int) -> int | None:
    """The id of the organisation's wallet, for the gateway."""
    query = "SELECT id FROM wallet WHERE organization_id = %s AND currency = 'USD'"
    row = await (await connection.execute(query, [organization_id])).fetchone()
    return int(row[0]) if row else None


def usage_list(*, organization_id: int, before: UUID | None = None, limit: int = 50) -> list[UsageRow]:
    """The newest usage records of the organisation, or the next older than `before`."""
    row = _row("SELECT id FROM wallet WHERE organization_id = %s AND currency = 'USD'", organization_id)
    if row is None:
        return []
    records = UsageRecord.objects.filter(wallet_id=row[0]).order_by("-id")
    if before is not None:
        records = records.filter(id__lt=before)
    return [usage_row(record) for record in records[:limit]]


def spend_since(*, organization_id: int, since: datetime) -> int:
    """Nano-dollars that the wallet paid for requests begun since the start of that hour, settled or not."""
    # One statement: a settlement that commits meanwhile moves records from one part to the other.
    query = """
        SELECT coalesce((SELECT sum(h.charge_nanos - h.write_off_nanos) FROM usage_hourly h
                          WHERE h.wallet_id = w.id AND h.hour >= date_trunc('hour', %(since)s, 'UTC')), 0)
             + coalesce((SELECT sum(u.charge_nanos - u.write_off_nanos) FROM usage_record u
                          WHERE u.wallet_id = w.id AND u.settlement_id IS NULL
                            AND uuid7_hour(u.id) >= date_trunc('hour', %(since)s, 'UTC')), 0)
          FROM wallet w WHERE w.organization_id = %(organization)s"""
    row = _row(query, {"organization": organization_id, "since": since})
    return int(row[0]) if row else 0


def transfers_list(*, organization_id: int, limit: int = 50) -> list[TransferRow]:
    """The newest transfers of the organisation's wallet account."""
    account = Account.objects.filter(kind="wallet", wallet__organization_id=organization_id).first()
    if account is None:
        return []
    columns = ("created_at", "kind", "amount_nanos", "reason", "id")
    # Two look-ups, each by its own index, instead of one with OR; the newest of both together are the newest.
    money_in = Transfer.objects.filter(credit_account_id=account.id)
    money_out = Transfer.objects.filter(debit_account_id=account.id)
    lines = [(1, row) for row in money_in.order_by("-id").values_list(*columns)[:limit]]
    lines += [(-1, row) for row in money_out.order_by("-id").values_list(*columns)[:limit]]
    lines.sort(key=lambda line: line[1][4], reverse=True)
    return [
        TransferRow(created_at, kind, sign * amount_nanos, reason)
        for sign, (created_at, kind, amount_nanos, reason, _) in lines[:limit]
    ]


def usage_row(record: UsageRecord) -> UsageRow:
    """A record as others may know it."""
    return UsageRow(
        id=record.id,
        created_at=record.created_at,
        model_id=record.model_id,
        api_key_id=record.api_key_id,
        client_protocol=record.client_protocol,
        upstream_protocol=record.upstream_protocol,
        outcome=record.outcome,
        source=record.source,
        usage=Usage(
            input_tokens=record.input_tokens,
            cache_read_tokens=record.cache_read_tokens,
            cache_write_5m_tokens=record.cache_write_5m_tokens,
            cache_write_1h_tokens=record.cache_write_1h_tokens,
            output_tokens=record.output_tokens,
            reasoning_tokens=record.reasoning_tokens,
        ),
        charge_nanos=record.charge_nanos,
        write_off_nanos=record.write_off_nanos,
        first_content_ms=record.first_content_ms,
        duration_ms=record.duration_ms,
        started_at=record.started_at,
        price_version_id=record.price_version_id,
        member_id=record.member_id,
        held_nanos=record.held_nanos,
        corrects_id=record.corrects_id,
    )


def _row(query: str, arguments: Any) -> tuple[Any, ...] | None:
    with django_connection.cursor() as cursor:
        cursor.execute(query, arguments if isinstance(arguments, dict) else [arguments])
        row: tuple[Any, ...] | None = cursor.fetchone()
        return row
