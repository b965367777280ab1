"""The catalog's filter form: it narrows and orders rows, and never refuses a visitor."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from catalog.selectors import CatalogRow
from catalog.templatetags.money import tokens_short
from tokenoutput.catalog_filter import CatalogFilter
from tokenoutput.catalog_words import CAPABILITY_LABELS, CONTEXTS, PARAMETERS, PROTOCOL_LABELS, SORT_ALIASES, SORTS

LIMIT_MAX = 1000


@dataclass(frozen=True, slots=True)
class CatalogPage:
    """`limit` rows from `offset` on, of so many that match."""

    rows: list[CatalogRow]
    total_count: int
    offset: int
    limit: int


@dataclass(frozen=True, slots=True)
class Relief:
    """A filter, the query string without it, and how many models then match."""

    label: str
    query: str
    count: int


class _Contexts(forms.Select):
    """Offers round numbers, and shows any other that the query string asked for."""

    def optgroups(self, name: str, value: list[str], attrs: Any = None) -> Any:
        offered = {str(choice) for choice, _label in self.choices}
        asked = next((text for text in value if text.isdecimal() and text not in offered), None)
        if asked and len(asked) <= len(str(2**31)):
            self.choices = [*self.choices, (asked, tokens_short(int(asked)) or asked)]
        return super().optgroups(name, value, attrs)


def _price(label: Any) -> forms.DecimalField:
    return forms.DecimalField(
        label=label,
        required=False,
        min_value=Decimal(0),
        max_value=Decimal(1_000_000),
        max_digits=18,
        error_messages=dict.fromkeys(
            ("invalid", "min_value", "max_value", "max_digits", "max_decimal_places", "max_whole_digits"),
            _("Not an amount in dollars, so it filters nothing."),
        ),
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )


class CatalogFilterForm(forms.Form):
    """Search, filters and order, all in the query string. A value that means nothing filters nothing.

    Prices are dollars per million tokens. `supported_parameters` and `input_modalities` are what OpenRouter's clients
    send; a name that no model could lack narrows nothing.
    """

    q = forms.CharField(
        label=_("Search"), required=False, max_length=100, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    protocol = forms.ChoiceField(label=_("Protocol"), required=False, choices=[("", _("Any")), *PROTOCOL_LABELS])
    context = forms.IntegerField(
        label=_("Context, at least"),
        required=False,
        min_value=0,
        max_value=2**31 - 1,
        widget=_Contexts(choices=[("", _("Any")), *((size, tokens_short(size)) for size in CONTEXTS)]),
    )
    max_price = _price(_("Max input $ / 1M"))
    max_output_price = _price(_("Max output $ / 1M"))
    capability = forms.MultipleChoiceField(
        label=_("Can"), required=False, choices=CAPABILITY_LABELS, widget=forms.CheckboxSelectMultiple
    )
    free = forms.BooleanField(label=_("Free only"), required=False)
    sort = forms.ChoiceField(label=_("Order"), required=False, choices=SORTS)
    min_price = _price(_("Min input price"))
    min_output_price = _price(_("Min output price"))
    supported_parameters = forms.CharField(required=False, max_length=400)
    input_modalities = forms.CharField(required=False, max_length=100)
    offset = forms.IntegerField(required=False, min_value=0, max_value=10**6)
    limit = forms.IntegerField(required=False, min_value=1, max_value=LIMIT_MAX)

    def __init__(self, data: QueryDict | Mapping[str, str | list[str]] | None = None) -> None:
        self._given = _canonical(data or {})
        super().__init__(self._given)

    @property
    def asked(self) -> CatalogFilter:
        """What the query string means."""
        self.full_clean()
        given = self.cleaned_data
        prices = ("min_price", "max_price", "min_output_price", "max_output_price")
        return CatalogFilter(
            words=tuple(given.get("q", "").lower().split()),
            protocol=given.get("protocol", ""),
            capabilities=frozenset(given.get("capability", [])) | self._parameters(),
            context=given.get("context"),
            free=given.get("free", False),
            sort=given.get("sort", ""),
            **{name: given.get(name) for name in prices},
        )

    def rows(self, rows: Iterable[CatalogRow]) -> list[CatalogRow]:
        """The rows that match, in the order asked for."""
        return self.asked.rows(rows)

    def page(self, rows: Iterable[CatalogRow]) -> CatalogPage:
        """As `rows`, only the part that `offset` and `limit` name."""
        found = self.rows(rows)
        offset = self.cleaned_data.get("offset") or 0
        limit = self.cleaned_data.get("limit") or LIMIT_MAX
        return CatalogPage(found[offset : offset + limit], len(found), offset, limit)

    @property
    def narrows(self) -> bool:
        """Whether the query string asks for less than everything, whatever the order."""
        return replace(self.asked, sort="") != CatalogFilter()

    @property
    def kept(self) -> list[SafeString]:
        """Hidden controls for what the query string asks and the page shows no control for."""
        unseen = ("min_price", "min_output_price", "supported_parameters", "input_modalities")
        return [self[name].as_hidden() for name in unseen if self.cleaned_data.get(name)]

    def query(self, *, without: str = "") -> str:
        """What is asked, as a query string without what means nothing."""
        self.full_clean()
        query = QueryDict(mutable=True)
        for name in self.fields:
            if name not in (without, "offset", "limit") and self.cleaned_data.get(name):
                query.setlist(name, self._given.getlist(name))
        return query.urlencode()

    def relief(self, rows: Iterable[CatalogRow]) -> Relief | None:
        """The one filter without which the most rows match; None where no single one is to blame."""
        rows = list(rows)
        tried = [
            Relief(str(self.fields[name].label), query, len(CatalogFilterForm(QueryDict(query)).rows(rows)))
            for name in ("q", "protocol", "context", "max_price", "max_output_price", "capability", "free")
            if self.cleaned_data.get(name)
            for query in [self.query(without=name)]
        ]
        best = max(tried, key=lambda relief: relief.count, default=None)
        return best if best and best.count else None

    def _parameters(self) -> frozenset[str]:
        given = f"{self.cleaned_data.get('supported_parameters', '')},{self.cleaned_data.get('input_modalities', '')}"
        return frozenset(PARAMETERS[name] for name in given.lower().replace(" ", "").split(",") if name in PARAMETERS)


def _canonical(given: QueryDict | Mapping[str, str | list[str]]) -> QueryDict:
    """A copy in which other people's names for orders and protocols are ours."""
    query = QueryDict(mutable=True)
    lists = given.lists() if isinstance(given, QueryDict) else given.items()
    for name, values in lists:
        query.setlist(name, [values] if isinstance(values, str) else [str(value) for value in values])
    if sort := query.get("sort"):
        query["sort"] = SORT_ALIASES.get(str(sort), str(sort))
    if protocol := query.get("protocol"):
        query["protocol"] = str(protocol).replace("-", "_")
    return query
