"""Writes to the catalog: a whole document, or one price version. A row is saved only where something changed."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection, models, transaction
from django.db.models.functions import Now

from catalog.document import Columns, Document, ModelEntry, ProviderEntry, RouteEntry, document_read
from catalog.encryption import SecretUnreadable
from catalog.models import Model, Price, Provider, Route
from catalog.money import nanos_to_usd
from catalog.section import CatalogInvalid
from catalog.vocabulary import RATE_NAMES

__all__ = ["NOTE", "CatalogInvalid", "catalog_load", "price_add"]

# A line that tells something and changes nothing starts so.
NOTE = "note: "
_LOAD_LOCK = 0x746F6361  # "toca": one load at a time, whoever runs it
_PRICE_COLUMNS = [
    *(f"{name}_nanos" for name in RATE_NAMES),
    "long_context_above_tokens",
    *(f"long_{name}_nanos" for name in RATE_NAMES),
    "free",
]


def catalog_load(document: Mapping[str, Any], *, environment: Mapping[str, str], dry_run: bool = False) -> list[str]:
    """Make the catalog say what `document` says, and return what changed, line by line; credentials never.

    What the document does not name stays. Of what it names, an absent optional key means its default; an absent
    credential, price, position or list of routes stays as it is; a route that is no longer listed is switched off.
    Raises `CatalogInvalid` with every fault, before anything is written. With `dry_run` all of it is undone.
    """
    read = document_read(document, environment=environment, private_allowed=settings.ALLOW_PRIVATE_UPSTREAMS)
    with transaction.atomic():
        connection.cursor().execute("SELECT pg_advisory_xact_lock(%s)", [_LOAD_LOCK])
        _providers_known(read)
        lines = [line for entry in read.providers for line in _provider_write(entry)]
        providers = {provider.slug: provider for provider in Provider.objects.all()}
        lines += [line for entry in read.models for line in _model_write(entry, providers)]
        if dry_run:
            transaction.set_rollback(True)
    return lines


def price_add(*, model_id: int, columns: Columns, effective_from: datetime | None = None) -> Price:
    """A new price version, in force at once unless `effective_from` is later."""
    return Price.objects.create(model_id=model_id, effective_from=effective_from or Now(), **columns)


def _providers_known(document: Document) -> None:
    known = set(Provider.objects.values_list("slug", flat=True)) | {entry.slug for entry in document.providers}
    routes = [route for entry in document.models for route in entry.routes or []]
    errors = [
        f"{route.path}.provider: no provider {route.provider} in the document or the catalog"
        for route in routes
        if route.provider not in known
    ]
    if errors:
        raise CatalogInvalid(errors)


def _provider_write(entry: ProviderEntry) -> list[str]:
    subject = f"provider {entry.slug}"
    provider = Provider.objects.filter(slug=entry.slug).first()
    created = provider is None
    provider = provider or Provider(slug=entry.slug)
    changes = _changed(provider, entry.columns)
    credential = entry.credential is not None and entry.credential != _credential_kept(provider)
    if credential:
        provider.credential = entry.credential or ""
    lines = _save(subject, provider, created=created, changes=changes)
    if credential:
        if not created:
            provider.save(update_fields=["credential", "updated_at"])
        lines.append(f"{subject}: credential set")
    if entry.variable_missing and created:
        lines.append(f"{NOTE}{subject}: {entry.variable_missing} is not set, so it has no credential")
    elif entry.variable_missing:
        kept = "its credential stays" if provider.credential else "it has no credential"
        lines.append(f"{NOTE}{subject}: {entry.variable_missing} is not set, so {kept}")
    return lines


def _credential_kept(provider: Provider) -> str | None:
    try:
        return provider.credential.reveal() if provider.pk else None
    except SecretUnreadable:
        return None


def _model_write(entry: ModelEntry, providers: Mapping[str, Provider]) -> list[str]:
    subject = f"model {entry.public_id}"
    model = Model.objects.filter(public_id=entry.public_id).first()
    created = model is None
    model = model or Model(public_id=entry.public_id)
    lines = _save(subject, model, created=created, changes=_changed(model, entry.columns))
    if entry.price is not None:
        lines += _price_write(subject, model, entry.price)
    if entry.routes is not None:
        lines += _routes_write(subject, model, entry.routes, providers)
    return lines


def _price_write(subject: str, model: Model, columns: Columns) -> list[str]:
    price = Price.objects.filter(model=model, effective_from__lte=Now()).first()
    before = {name: getattr(price, name) for name in _PRICE_COLUMNS} if price else {}
    if before == columns:
        return []
    price_add(model_id=model.id, columns=columns)
    said = [
        f"{name.removesuffix('_nanos')} {_transition(name, before.get(name), columns[name])}"
        for name in _PRICE_COLUMNS
        if before.get(name) != columns[name] and not (price is None and columns[name] in (None, False))
    ]
    return [f"{subject}: new price version: {', '.join(said)}"]


def _routes_write(
    subject: str, model: Model, entries: list[RouteEntry], providers: Mapping[str, Provider]
) -> list[str]:
    left = {(row.provider_id, row.upstream_model, row.protocol): row for row in model.routes.all()}
    lines: list[str] = []
    for entry in entries:
        provider = providers[entry.provider]
        row = left.pop((provider.id, entry.upstream_model, entry.protocol), None)
        created = row is None
        row = row or Route(model=model, provider=provider, upstream_model=entry.upstream_model, protocol=entry.protocol)
        named = f"{subject}: route {entry.provider}/{entry.upstream_model} ({entry.protocol})"
        lines += _save(named, row, created=created, changes=_changed(row, entry.columns))
    slugs = {provider.id: slug for slug, provider in providers.items()}
    for row in left.values():
        if row.enabled:
            row.enabled = False
            row.save(update_fields=["enabled"])
            named = f"{slugs[row.provider_id]}/{row.upstream_model} ({row.protocol})"
            lines.append(f"{subject}: route {named}: switched off, as the document does not name it")
    return lines


def _changed(row: models.Model, columns: Columns) -> dict[str, tuple[Any, Any]]:
    """Set the columns that differ; old and new value of each."""
    changes = {name: (getattr(row, name), value) for name, value in columns.items() if getattr(row, name) != value}
    for name, (_, value) in changes.items():
        setattr(row, name, value)
    return changes


def _save(subject: str, row: models.Model, *, created: bool, changes: dict[str, tuple[Any, Any]]) -> list[str]:
    if created:
        row.save()
        return [f"{subject}: added"]
    if not changes:
        return []
    stamped = ["updated_at"] if hasattr(row, "updated_at") else []
    row.save(update_fields=[*changes, *stamped])
    return [
        f"{subject}: {name.removesuffix('_nanos')} {_transition(name, old, new)}"
        for name, (old, new) in changes.items()
    ]


def _transition(name: str, old: object, new: object) -> str:
    return f"{_shown(name, new)}" if old is None else f"{_shown(name, old)} -> {_shown(name, new)}"


def _shown(name: str, value: object) -> str:
    match value:
        case None | "" | []:
            return "none"
        case bool():
            return "yes" if value else "no"
        case int() if name.endswith("_nanos"):
            return nanos_to_usd(value)
        case list():
            return "+".join(map(str, value))
        case str() if " " in value:
            return f'"{value}"'
        case _:
            return str(value)
