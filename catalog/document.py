"""The catalog as a document: read whole and checked whole, every fault with its path, before anything is written."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from catalog.addresses import AddressRefused, base_url_check
from catalog.section import REQUIRED, CatalogInvalid, Section
from catalog.vocabulary import (
    CAPABILITIES,
    PUBLIC_ID_PATTERN,
    RATE_NAMES,
    SLUG_PATTERN,
    AuthStyleChoice,
    ProtocolChoice,
    RouteProtocolChoice,
)

Columns = dict[str, Any]

TOKENS_MAX = 2**31 - 1
SMALL_MAX = 32767
SECONDS_MAX = 3600
_SLUG_HINT = "lower-case letters, digits, - and _, at most 50"
_PUBLIC_ID_HINT = "letters, digits and . _ - / :, at most 128"


@dataclass(frozen=True, slots=True)
class ProviderEntry:
    """`credential` is None when the document says nothing of it, or names a variable that is not set."""

    slug: str
    columns: Columns
    credential: str | None
    variable_missing: str | None


@dataclass(frozen=True, slots=True)
class RouteEntry:
    path: str
    provider: str
    upstream_model: str
    protocol: str
    columns: Columns


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """`price` and `routes` are None when the document leaves them as they are."""

    public_id: str
    columns: Columns
    price: Columns | None
    routes: list[RouteEntry] | None


@dataclass(frozen=True, slots=True)
class Document:
    providers: list[ProviderEntry]
    models: list[ModelEntry]


def document_read(document: object, *, environment: Mapping[str, str], private_allowed: bool) -> Document:
    """The whole document, checked; `CatalogInvalid` with every fault otherwise."""
    top = Section(document, path="", errors=[])
    providers = [
        _provider_read(section, environment=environment, private_allowed=private_allowed)
        for section in top.sections("providers")
    ]
    models = [_model_read(section) for section in top.sections("models")]
    top.close()
    _once(top, "providers", "slug", [entry.slug for entry in providers])
    _once(top, "models", "id", [entry.public_id for entry in models])
    if top.errors:
        raise CatalogInvalid(top.errors)
    return Document(providers=providers, models=models)


def _provider_read(section: Section, *, environment: Mapping[str, str], private_allowed: bool) -> ProviderEntry:
    slug = section.text("slug", pattern=SLUG_PATTERN, hint=_SLUG_HINT)
    protocol = section.choice("protocol", ProtocolChoice.values)
    columns: Columns = {
        "name": section.text("name", default=slug, length_max=100),
        "public_name": section.text("public_name", default="", length_max=100),
        "base_url": _url_read(section, "base_url", private_allowed=private_allowed),
        "other_base_url": _url_read(section, "other_base_url", default="", private_allowed=private_allowed),
        "protocol": protocol,
        "auth_style": section.choice("auth_style", AuthStyleChoice.values, default=""),
        "bills_on_disconnect": section.flag("bills_on_disconnect", default=False),
        "enabled": section.flag("enabled", default=True),
    }
    timeouts = section.section("timeouts") or Section({}, path="", errors=section.errors)
    for name in ("connect", "first_content", "idle"):
        columns[f"{name}_seconds"] = timeouts.seconds(name, maximum=SECONDS_MAX)
    timeouts.close()
    if protocol == ProtocolChoice.ANTHROPIC_MESSAGES and columns["base_url"].endswith("/v1"):
        section.fault("base_url", "goes without /v1 for anthropic_messages")
    credential, missing = _credential_read(section, environment)
    section.close()
    return ProviderEntry(slug=slug, columns=columns, credential=credential, variable_missing=missing)


def _url_read(section: Section, key: str, *, private_allowed: bool, default: Any = REQUIRED) -> str:
    url: str = section.text(key, default=default, length_max=500)
    if not url:
        return url
    try:
        return base_url_check(url, private_allowed=private_allowed)
    except AddressRefused as refused:
        section.fault(key, str(refused))
        return url


def _credential_read(section: Section, environment: Mapping[str, str]) -> tuple[str | None, str | None]:
    key = section.text("api_key", default=None, length_max=4096)
    variable = section.text(
        "api_key_env", default=None, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", hint="the name of a variable"
    )
    if key is not None and variable is not None:
        section.fault("api_key_env", "goes without api_key: give one of the two")
    if variable is not None:
        key = environment.get(variable, "").strip() or None
        if key is None:
            return None, variable
    if key is not None and not re.fullmatch(r"[\x21-\x7e]+", key):
        section.fault("api_key" if variable is None else "api_key_env", "is no key: ASCII without spaces")
    return key, None


def _model_read(section: Section) -> ModelEntry:
    public_id = section.text("id", pattern=PUBLIC_ID_PATTERN, hint=_PUBLIC_ID_HINT)
    columns: Columns = {
        "display_name": section.text("display_name", default="", length_max=200),
        "description": section.text("description", default="", length_max=500, folded=True),
        "context_tokens": section.whole("context_tokens", minimum=1, maximum=TOKENS_MAX),
        "max_output_tokens": section.whole("max_output_tokens", minimum=1, maximum=TOKENS_MAX),
        "capabilities": section.choices("capabilities", CAPABILITIES),
        "listed": section.flag("listed", default=True),
    }
    if section.has("position"):
        columns["position"] = section.whole("position", minimum=0, maximum=SMALL_MAX)
    if 0 < columns["context_tokens"] < columns["max_output_tokens"]:
        section.fault("max_output_tokens", "is part of the context, so at most context_tokens")
    price = section.section("price")
    routes = [_route_read(route) for route in section.sections("routes")] if section.has("routes") else None
    entry = ModelEntry(public_id=public_id, columns=columns, price=_price_read(price) if price else None, routes=routes)
    section.close()
    seen: dict[tuple[str, str, str], str] = {}
    for route in routes or []:
        key = (route.provider, route.upstream_model, route.protocol)
        if seen.setdefault(key, route.path) != route.path:
            section.errors.append(f"{route.path}: is the same route as {seen[key]}")
    return entry


def _price_read(section: Section) -> Columns:
    free = section.flag("free", default=False)
    base = _rates_read(section, prefix="", required=not free)
    columns: Columns = base | {"free": free, "long_context_above_tokens": None}
    columns |= {f"long_{name}_nanos": None for name in RATE_NAMES}
    long = section.section("long_context")
    if long:
        columns["long_context_above_tokens"] = long.whole("above_tokens", minimum=1, maximum=TOKENS_MAX)
        tier = _rates_read(long, prefix="long_", required=True)
        if not (tier["long_input_nanos"] or tier["long_output_nanos"]):
            long.fault("", "a price of 0 is refused")
        columns |= tier
        long.close()
    if free and (long or any(base.values())):
        section.fault("free", "means that every price is 0")
    if not free and not (base["input_nanos"] or base["output_nanos"]):
        section.fault("", "a price of 0 needs free: true")
    section.close()
    return columns


def _rates_read(section: Section, *, prefix: str, required: bool) -> Columns:
    """Five rates. An absent cache rate is the input rate: what nobody priced must not be given away."""
    absent = REQUIRED if required else 0
    rates: Columns = {name: section.usd(name, default=absent) for name in RATE_NAMES[:2]}
    rates |= {name: section.usd(name, default=rates["input"]) for name in RATE_NAMES[2:]}
    return {f"{prefix}{name}_nanos": nanos for name, nanos in rates.items()}


def _route_read(section: Section) -> RouteEntry:
    columns: Columns = {
        "priority": section.whole("priority", minimum=0, maximum=SMALL_MAX, default=1),
        "weight": section.whole("weight", minimum=1, maximum=SMALL_MAX, default=1),
        "enabled": section.flag("enabled", default=True),
    }
    cost = section.section("cost") or Section({}, path="", errors=section.errors)
    columns |= _rates_read(cost, prefix="cost_", required=False)
    cost.close()
    entry = RouteEntry(
        path=section.path,
        provider=section.text("provider", length_max=50),
        upstream_model=section.text("upstream_model", length_max=200),
        protocol=section.choice(
            "protocol", RouteProtocolChoice.values, default=RouteProtocolChoice.PROVIDER_DEFAULT.value
        ),
        columns=columns,
    )
    section.close()
    return entry


def _once(top: Section, name: str, key: str, values: list[str]) -> None:
    seen: dict[str, int] = {}
    for index, value in enumerate(values):
        first = seen.setdefault(value, index)
        if value and first != index:
            top.errors.append(f"{name}[{index}].{key}: {value} is already {name}[{first}]")
