"""A ledger of its own on a bare connection: what the stories are told with."""

import os
import time
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql

from billing.sql import read
from gateway.request_id import request_id_make
from tokenoutput.embedded import OWNER
from tokenoutput.embedded_paths import socket_dir
from tokenoutput.local_secrets import local_secrets

USD = 1_000_000_000
FILES = (
    "clock",
    "tables",
    "budget",
    "attempts",
    "request_index",
    "limit_wallet",
    "closing",
    "shared",
    "freeze",
    "transfer",
    "limit",
    "limit_end",
    "reserve",
    "hold",
    "progress",
    "finish",
    "reap",
    "settle",
    "invariants",
    "close",
    "retention",
    "grants",
)
TOKENS = ("input", "cache_read", "cache_write_5m", "cache_write_1h", "output", "reasoning")
_numbers = count(1)


@dataclass(frozen=True)
class Purse:
    """A wallet's numbers in whole dollars."""

    posted: float
    held: float = 0
    debt: float = 0
    granted: float = 0


@dataclass
class Place:
    """Where a ledger is."""

    data_dir: Path
    name: str

    def parameters(self, **more: Any) -> dict[str, Any]:
        password = local_secrets(self.data_dir).owner_password
        return {"host": str(socket_dir(self.data_dir)), "user": OWNER, "password": password, "dbname": self.name} | more

    def connect(self) -> psycopg.Connection[Any]:
        return psycopg.connect(**self.parameters(autocommit=True))


@contextmanager
def ledger_installed(data_dir: Path):
    """A fresh database with the ledger's SQL in a running cluster, and a stand-in for the organisations' table."""
    place = Place(data_dir, f"ledger_{os.getpid()}_{next(_numbers)}")
    with Place(data_dir, "postgres").connect() as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(place.name)))
    with place.connect() as connection:
        connection.execute("CREATE TABLE accounts_organization (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY)")
        connection.execute(("SET check_function_bodies = off;\n" + read(*FILES)).encode())
        connection.execute("SELECT usage_partitions_ensure(current_date - 1, current_date + 1)")
    yield place
    with Place(data_dir, "postgres").connect() as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(place.name)))


class Books:
    """One connection to a ledger, speaking dollars."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection

    def one(self, query: str, *arguments: object) -> Any:
        row = self.connection.execute(query.encode(), arguments).fetchone()
        return row[0] if row and len(row) == 1 else row

    def new_id(self) -> int:
        """The id of an API key or member that nobody else has."""
        return 1_000_000 + next(_numbers)

    def wallet(self, usd: float = 0, *, granted: float = 0) -> int:
        organization = self.one("INSERT INTO accounts_organization DEFAULT VALUES RETURNING id")
        wallet = self.one("SELECT wallet_open(%s)", organization)
        if granted:
            self.credit(wallet, granted, f"grant:{wallet}", kind="promo")
        if usd:
            self.credit(wallet, usd, f"first:{wallet}")
        return wallet

    def credit(self, wallet: int, usd: float, key: str, *, kind: str = "correction", reason: str = "a story") -> str:
        return self.one("SELECT ledger_credit(%s, %s, %s, %s, %s)", wallet, round(usd * USD), key, kind, reason)

    def hold_many(
        self,
        asked: list[tuple[UUID, int, float]],
        *,
        key: int = 1,
        member: int | None = None,
        lease: int = 1,
        ttl: str = "1 hour",
        model: int = 7,
        price: int = 8,
    ):
        """(decision, available dollars, limit) for each (request, wallet, dollars), in order."""
        ids, wallets, amounts = (list(column) for column in zip(*asked, strict=True))
        n = len(ids)
        rows = self.connection.execute(
            "SELECT decision, available_nanos, limit_id FROM ledger_hold(%s, %s, %s, %s::bigint[], %s, %s, %s, %s,"
            " %s, %s) ORDER BY n",
            [ids, wallets, [key] * n, [member] * n, [model] * n, [price] * n, ["openai_chat"] * n,
             [round(usd * USD) for usd in amounts], lease, ttl],
        ).fetchall()  # fmt: skip
        return [(decision, nanos / USD if nanos is not None else None, limit) for decision, nanos, limit in rows]

    def lease(self, seconds: float) -> int:
        """A gateway whose lease ends in so many seconds, or ended so long ago."""
        return self.one("SELECT gateway_lease_open('a story', make_interval(secs => %s))", seconds)

    def progress(self, *asked: tuple[UUID, int, float, float], evidence: str | None = None, ttl: str = "1 hour"):
        """(decision, available dollars) for each (request, wallet, dollars so far, dollars more), in order."""
        ids, wallets, charges, more = (list(column) for column in zip(*asked, strict=True))
        rows = self.connection.execute(
            "SELECT decision, available_nanos FROM ledger_progress(%s, %s, %s::bigint[], %s::text[]::jsonb[],"
            " %s::bigint[], %s) ORDER BY n",
            [ids, wallets, [round(usd * USD) for usd in charges], [evidence] * len(ids),
             [round(usd * USD) for usd in more], ttl],
        ).fetchall()  # fmt: skip
        return [(decision, nanos / USD if nanos is not None else None) for decision, nanos in rows]

    def sweep(self, *, grace: str = "0 s") -> int:
        """The reaper's turn: how many holds it resolved."""
        return self.one("SELECT ledger_reap(1000, %s)", grace)

    def record(self, request: UUID, *columns: str) -> Any:
        """The first usage record of a request; None where there is none."""
        return self.one(f"SELECT {', '.join(columns)} FROM usage_record WHERE id = %s", request)

    def hold(self, wallet: int, usd: float, *, request: UUID | None = None, **more: Any):
        """The request's id when it was held, else what stood in the way."""
        request = request or request_id_make()
        ((decision, _, _),) = self.hold_many([(request, wallet, usd)], **more)
        return request if decision == "held" else decision

    def finish_many(self, asked: list[tuple[UUID, int, float]], **details: Any):
        """(result, paid dollars, written off dollars) for each (request, wallet, dollars), in order."""
        ids, wallets, amounts = (list(column) for column in zip(*asked, strict=True))
        n = len(ids)
        tokens = [[details.get(name, 0)] * n for name in TOKENS]
        rows = self.connection.execute(
            "SELECT n, result, charged_nanos, write_off_nanos FROM ledger_finish(%s, %s, %s, %s, %s, %s, %s, %s,"
            " %s, %s, %s, %s, %s, %s, %s::int[], %s) ORDER BY n",
            [ids, wallets, [details.get("outcome", "completed")] * n, [details.get("source", "upstream")] * n,
             [round(usd * USD) for usd in amounts], [round(details.get("cost", 0) * USD)] * n, [3] * n,
             ["openai_chat"] * n, *tokens, [None] * n, [12] * n],
        ).fetchall()  # fmt: skip
        return [(result, paid / USD, off / USD) for _, result, paid, off in rows]

    def finish(self, request: UUID, wallet: int, usd: float, **details: Any):
        (answer,) = self.finish_many([(request, wallet, usd)], **details)
        return answer

    def reap(self, request: UUID, wallet: int, usd: float):
        """What the reaper does with a request whose gateway died: bill the checkpoint."""
        return self.finish(request, wallet, usd, outcome="reaped", source="checkpoint")

    def owe(self, wallet: int, usd: float) -> None:
        """A dispute took more than was there: the wallet owes the rest."""
        self.connection.execute(
            "SELECT ledger_transfer(%s, 'debt', account_of('debt', %s), account_of('suspense'), %s, '')",
            [f"owe:{wallet}:{time.time_ns()}", wallet, round(usd * USD)],
        )
        self.connection.execute(
            "UPDATE wallet SET debt_nanos = debt_nanos + %s WHERE id = %s", [round(usd * USD), wallet]
        )

    def limit(
        self, wallet: int, usd: float, *, key: int | None = None, member: int | None = None, period="total"
    ) -> int:
        return self.one("SELECT ledger_limit_set(%s, %s, %s, %s, %s)", wallet, key, member, period, round(usd * USD))

    def settle(self, limit: int = 5000) -> int:
        return self.one("SELECT records FROM ledger_settle(%s)", limit)

    def purse(self, wallet: int) -> Purse:
        row = self.one("SELECT posted_nanos, held_nanos, debt_nanos, granted_nanos FROM wallet WHERE id = %s", wallet)
        return Purse(*(nanos / USD for nanos in row))

    def balance(self, kind: str, wallet: int | None = None) -> float:
        query = "SELECT balance_nanos FROM account_balance WHERE kind = %s AND coalesce(wallet_id, 0) = %s"
        return float(self.one(query, kind, wallet or 0)) / USD

    def check(self) -> None:
        """The books hold, and all accounts together come to nothing."""
        assert self.connection.execute("SELECT * FROM ledger_violation").fetchall() == []
        assert self.one("SELECT sum(balance_nanos) FROM account_balance") == 0
