"""POST /analytics/query and GET /analytics/meta: usage by what a program wants to know."""

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import ValidationError

from accounts.key_names import api_key_ids_hashed
from billing.usage_analytics import Cell, Dimension, Only, Question, usage_cells
from catalog.history import model_ids
from tokenoutput.api.activity import names_of
from tokenoutput.api.analytics_shapes import (
    DIMENSIONS,
    GRANULARITIES,
    METRICS,
    OPERATORS,
    AnalyticsAnswer,
    AnalyticsAsked,
    MetaAnswer,
)
from tokenoutput.api.figures import moment, usd
from tokenoutput.api.keyed import KeyedView, body_checked
from tokenoutput.api.schema import operation

HOUR = timedelta(hours=1)
USUAL = timedelta(days=7)
DAYS_MAX = {"hour": 31, "day": 366, None: 366}
# Nothing was metered before it.
FIRST = datetime(2020, 1, 1, tzinfo=UTC)
# What a row says of a group, by the names that `names_of` gives it.
_FACTS: Mapping[str, Mapping[str, str]] = {
    "model": {"model": "model"},
    "api_key_id": {"api_key_id": "api_key_name", "api_key_hash": "api_key_hash"},
    "user": {"user": "user_email", "user_id": "user_id"},
    "api_type": {"api_type": "api_type"},
}


class AnalyticsMetaView(KeyedView):
    """What may be asked."""

    needs = {"GET": "usage:read"}

    @operation("Usage", "Get what analytics can count", answer=MetaAnswer)
    def get(self, request: Request) -> Response:
        """Every metric, dimension, operator and granularity that `POST /analytics/query` takes."""
        metrics = [
            {"name": name, "display_label": metric.label, "is_rate": metric.form == "percent",
             "display_format": metric.form}
            for name, metric in METRICS.items()
        ]  # fmt: skip
        found = {
            "metrics": metrics,
            "dimensions": [{"name": name, "display_label": label} for name, (_, label) in DIMENSIONS.items()],
            "operators": [{"name": name, "value_type": kind} for name, kind in OPERATORS.items()],
            "granularities": [{"name": name, "display_label": label} for name, label in GRANULARITIES.items()],
        }
        return Response({"data": found})


class AnalyticsQueryView(KeyedView):
    """Questions."""

    needs = {"POST": "usage:read"}

    @operation("Usage", "Query analytics", answer=AnalyticsAnswer, body=AnalyticsAsked)
    def post(self, request: Request) -> Response:
        """Metrics by up to two dimensions and by hour or day, today so far too. At most 366 days; by hour, 31."""
        asked = body_checked(request, AnalyticsAsked)
        began = time.perf_counter()
        organization_id = self.caller.organization_id
        only, warnings = _only(organization_id, asked.get("filters", []))
        question = _question(asked, only)
        cells = _cells(organization_id, question)
        rows = _rows(organization_id, asked, question, cells[: asked["limit"]])
        metadata = {
            "query_time_ms": round((time.perf_counter() - began) * 1000),
            "row_count": len(rows),
            "truncated": len(cells) > asked["limit"],
        }
        return Response({"data": {"data": rows, "metadata": metadata, "warnings": warnings}})


def _question(asked: Mapping[str, Any], only: Mapping[Dimension, Only]) -> Question:
    since, until = _window(asked.get("time_range"), asked.get("granularity"))
    usual = "date" if asked.get("granularity") else asked["metrics"][0]
    order = asked.get("order_by") or {"field": usual, "direction": "desc"}
    return Question(
        since=since,
        until=until,
        bucket=asked.get("granularity"),
        dimensions=tuple(DIMENSIONS[name][0] for name in asked["dimensions"]),
        only=only,
        order="time" if order["field"] == "date" else METRICS[order["field"]].order,
        descending=order["direction"] == "desc",
        most=asked["limit"] + 1,
        of_each=asked.get("group_limit"),
    )


def _window(given: Mapping[str, datetime] | None, granularity: str | None) -> tuple[datetime, datetime]:
    """Whole hours; nothing is asked of what cannot have been metered."""
    now = timezone.now()
    start, end = (given["start"], given.get("end", now)) if given else (now - USUAL, now)
    if start >= end:
        raise ValidationError({"time_range": ["start has to be before end."]})
    if end - start > timedelta(days=DAYS_MAX[granularity]):
        raise ValidationError({"time_range": [f"At most {DAYS_MAX[granularity]} days."]})
    start, end = max(start, FIRST), min(max(end, FIRST), now + HOUR)
    return start - (start - FIRST) % HOUR, end + -(end - FIRST) % HOUR


def _cells(organization_id: int, question: Question) -> list[Cell]:
    if question.since >= question.until:
        return []
    with timezone.override(UTC):
        cells = usage_cells(organization_id=organization_id, question=question)
    # A sum of nothing is zero, not unknown.
    alone = not question.dimensions and question.bucket is None
    return cells or ([Cell(question.since, ())] if alone else [])


def _only(organization_id: int, filters: Sequence[Mapping[str, Any]]) -> tuple[dict[Dimension, Only], list[str]]:
    """Filters in our own ids, one query for each kind of name; and what no row can have."""
    values: dict[str, set[str]] = {}
    for one in filters:
        values.setdefault(one["field"], set()).update(value for value in one["value"] if "\x00" not in value)
    ids = {name: _ids(organization_id, name, given) for name, given in values.items()}
    only: dict[Dimension, Only] = {}
    for one in filters:
        dimension = DIMENSIONS[one["field"]][0]
        named = frozenset(ids[one["field"]][value] for value in one["value"] if value in ids[one["field"]])
        before = only.get(dimension, Only())
        if one["operator"] in {"eq", "in"}:
            these = named if before.these is None else before.these & named
            only[dimension] = Only(these, before.without)
        else:
            only[dimension] = Only(before.these, before.without | named)
    unknown = [
        f"{name}: nothing is called {value}." for name in values for value in sorted(values[name] - set(ids[name]))
    ]
    return only, unknown


def _ids(organization_id: int, name: str, values: set[str]) -> Mapping[str, str]:
    """By what a customer calls it, what usage calls it; without what is unknown."""
    if name == "model":
        return {public_id: str(id) for public_id, id in model_ids(public_ids=sorted(values)).items()}
    if name == "api_key_id":
        found = api_key_ids_hashed(organization_id=organization_id, hashes=values)
        return {public_hash: str(id) for public_hash, id in found.items()}
    # Members by id, which is only compared with this organisation's usage; protocols by their own name.
    return {value: value for value in values}


def _rows(
    organization_id: int, asked: Mapping[str, Any], question: Question, cells: Sequence[Cell]
) -> list[dict[str, Any]]:
    facts = [
        names_of(organization_id, dimension, {cell.groups[at] for cell in cells})
        for at, dimension in enumerate(question.dimensions)
    ]
    rows = []
    for cell in cells:
        row: dict[str, Any] = _when(cell, question)
        for name, known, group in zip(asked["dimensions"], facts, cell.groups, strict=True):
            row |= {said: known.get(group, {}).get(fact, "") for said, fact in _FACTS[name].items()}
        for name in asked["metrics"]:
            row[name] = METRICS[name].value(cell)
            if METRICS[name].form == "currency":
                row[f"{name}_usd"] = usd(cell.spend_nanos)
        rows.append(row)
    return rows


def _when(cell: Cell, question: Question) -> dict[str, Any]:
    now, starts_at = datetime.now(UTC), cell.starts_at.astimezone(UTC)
    if question.bucket == "hour":
        return {"date__hour": moment(starts_at), "partial": starts_at + HOUR > now}
    if question.bucket == "day":
        return {"date__day": starts_at.date().isoformat(), "partial": starts_at.date() >= now.date()}
    return {"partial": question.until > now}
