"""What the admin's pages of money share: everything is shown, nothing is edited, dollars are aligned."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property

from catalog.money import nanos_to_usd
from catalog.selectors import model_names

if TYPE_CHECKING:  # Django's admin takes type arguments in its stubs only.
    _Admin = admin.ModelAdmin[Any]
    _Paginator = Paginator[Any]
else:
    _Admin, _Paginator = admin.ModelAdmin, Paginator

COUNTED_ROWS_MAX = 10_000
ORGANIZATION = ["wallet__organization__name", "wallet__organization__slug"]
TOKEN_FIELDS = [
    f"{bucket}_tokens" for bucket in ("input", "cache_read", "cache_write_5m", "cache_write_1h", "output", "reasoning")
]


def usd(name: str) -> Callable[[Any], str]:
    """A column with the dollars of the field `<name>_nanos`."""

    @admin.display(description=name.replace("_", " "), ordering=f"{name}_nanos")
    def shown(row: Model) -> str:
        return nanos_to_usd(getattr(row, f"{name}_nanos"))

    shown.__name__ = f"{name}_usd"
    return shown


@admin.display(description="organisation", ordering="wallet__organization__name")
def organization(row: Any) -> str:
    return str(row.wallet.organization)


@admin.display(description="model", ordering="model_id")
def model(row: Any) -> str:
    # A change list has asked for the names of its whole page; a single record asks here.
    name = getattr(row, "model_name", None) or model_names(ids=[row.model_id]).get(row.model_id)
    return name or f"model {row.model_id}"


class CappedPaginator(_Paginator):
    """Counts so far and no further: these tables grow for ever, and nobody turns to page 200."""

    @cached_property
    def count(self) -> int:
        rows: QuerySet[Any] = self.object_list  # type: ignore[assignment]  # the admin pages querysets only
        return rows.order_by()[:COUNTED_ROWS_MAX].count()


class ReadOnlyAdmin(_Admin):
    """Money is never edited here: the ledger's functions are its only writers."""

    # The list shows the columns; the page of one row shows them and then the details.
    columns: list[Any] = []
    details: list[Any] = []
    paginator = CappedPaginator
    show_full_result_count = False
    list_per_page = 50

    class Media:
        css = {"all": ["billing/admin.css"]}

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_list_display(self, request: HttpRequest) -> Any:
        return self.columns

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [*(column for column in self.columns if column not in self.details), *self.details]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.get_fields(request, obj)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """By request id where the term is one, else by the named fields."""
        try:
            request_id = UUID(search_term.strip())
        except ValueError:
            return super().get_search_results(request, queryset, search_term)
        return queryset.filter(self.request_query(request_id)), False

    def request_query(self, request_id: UUID) -> Q:
        """The rows of one request: none, where rows are not of requests."""
        return Q(pk__in=[])


class NamedModelsAdmin(ReadOnlyAdmin):
    """Rows that name a model of the catalog: one question for a page of names."""

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        changelist = super().get_changelist_instance(request)
        rows = list(changelist.result_list)
        names = model_names(ids={row.model_id for row in rows})
        for row in rows:
            row.model_name = names.get(row.model_id)
        changelist.result_list = rows
        return changelist
