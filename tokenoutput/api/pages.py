"""Lists in pages: `offset` and `limit`, or a cursor where rows keep coming."""

from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from rest_framework import serializers
from rest_framework.request import Request

from tokenoutput.api.errors import QueryRefused
from tokenoutput.api.schema import query

LIMIT_MAX = 100
OFFSET_MAX = 10**6
PAGE_QUERY = [
    query("offset", "How many to pass over.", int),
    query("limit", "How many to list, at most.", int),
]
CURSOR_QUERY = [
    query("cursor", "Where the page before ended: from its `links.next`."),
    query("limit", f"How many to list, 1 to {LIMIT_MAX}.", int),
]


class Links(serializers.Serializer):
    """Where to go on."""

    next = serializers.CharField(allow_null=True, help_text="The next page's address, null on the last one.")


class Found(serializers.Serializer):
    """A page of a list, and how many there are in all."""

    total_count = serializers.IntegerField()
    links = Links()


class Flowing(serializers.Serializer):
    """A page of a list that keeps growing: by cursor, without a count."""

    links = Links()


class Deleted(serializers.Serializer):
    """It is gone."""

    deleted = serializers.BooleanField()


class PageAsked(serializers.Serializer):
    """`offset` and `limit` as they were asked for."""

    offset = serializers.IntegerField(min_value=0, max_value=OFFSET_MAX, default=0)
    limit = serializers.IntegerField(min_value=1, max_value=LIMIT_MAX, default=LIMIT_MAX)


def query_checked(request: Request, serializer: type[serializers.Serializer]) -> dict[str, Any]:
    """The query string, checked; 400 where it is wrong."""
    asked = serializer(data={name: request.query_params[name] for name in request.query_params})
    if not asked.is_valid():
        raise QueryRefused(asked.errors)
    checked: dict[str, Any] = asked.validated_data
    return checked


def next_link(request: Request, *, offset: int, limit: int, total_count: int) -> str | None:
    """The address of the page after this one."""
    return link_with(request, offset=offset + limit, limit=limit) if offset + limit < total_count else None


def link_with(request: Request, **changed: Any) -> str:
    """This address, with other values in its query string."""
    given = [(name, value) for name, values in request.query_params.lists() for value in values if name not in changed]
    return f"{settings.SITE_URL}{request.path}?{urlencode([*given, *changed.items()])}"


def page_of(request: Request, rows: list[Any], *, offset: int, limit: int, total_count: int) -> dict[str, Any]:
    """The body of a list's answer."""
    link = next_link(request, offset=offset, limit=limit, total_count=total_count)
    return {"data": rows, "total_count": total_count, "links": {"next": link}}
