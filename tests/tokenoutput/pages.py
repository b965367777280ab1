"""What tests of pages start from: a catalog to sell and somebody who is signed in."""

from dataclasses import dataclass

from django.test import Client

from accounts.models import Membership, User
from accounts.selectors import OrganizationView, organizations_of
from accounts.services import user_create
from catalog.models import Model
from catalog.services import catalog_load
from tokenoutput.signup import account_open

PASSWORD = "correct horse battery"


@dataclass(frozen=True, slots=True)
class Visitor:
    """A signed-in browser, and the organisation its person is in."""

    client: Client
    user: User
    organization: OrganizationView

    def path(self, page: str = "") -> str:
        """A page of the organisation's dashboard."""
        return f"/app/{self.organization.slug}/{page}"


def visitor(name: str = "ada") -> Visitor:
    """Somebody with an organisation, a wallet and the starter credit."""
    user = user_create(email=f"{name}@example.com", password=PASSWORD, verified=True)
    account_open(user=user)
    client = Client()
    client.force_login(user)
    return Visitor(client=client, user=user, organization=organizations_of(user=user)[0])


def member(host: Visitor, *, role: str, name: str = "bo") -> Visitor:
    """Somebody else in the same organisation, with another role."""
    user = user_create(email=f"{name}@example.com", password=PASSWORD, verified=True)
    Membership.objects.create(user=user, organization_id=host.organization.id, role=role)
    client = Client()
    client.force_login(user)
    return Visitor(client=client, user=user, organization=organizations_of(user=user)[0])


def catalog_make(*, suffix: str = "") -> dict[str, int]:
    """Three models: one both protocols speak, one with a long-context price, one free. Ids by public ID."""
    provider = f"house{suffix}"
    price = {
        "input": "0.10",
        "output": "0.40",
        "cache_read": "0.01",
        "cache_write_5m": "0.125",
        "cache_write_1h": "0.20",
    }
    long_price = price | {"long_context": {"above_tokens": 256_000, "input": "0.20", "output": "0.80"}}
    route = {"provider": provider, "upstream_model": "m"}
    limits = {"context_tokens": 8192, "max_output_tokens": 2048}
    document = {
        "providers": [
            {
                "slug": provider,
                "name": "House",
                "base_url": "http://127.0.0.1:9/v1",
                "protocol": "openai_chat",
                "api_key": "k",
            }
        ],
        "models": [
            limits
            | {
                "id": f"small{suffix}",
                "description": "Small model for trying things out",
                "price": price,
                "routes": [route | {"protocol": "provider_default"}, route | {"protocol": "anthropic_messages"}],
            },
            limits
            | {
                "id": f"wide{suffix}",
                "description": "Long-context model",
                "context_tokens": 1_000_000,
                "price": long_price,
                "routes": [route],
            },
            limits
            | {"id": f"gift{suffix}", "description": "Costs nothing", "price": {"free": True}, "routes": [route]},
        ],
    }
    catalog_load(document, environment={})
    names = [f"{name}{suffix}" for name in ("small", "wide", "gift")]
    return dict(Model.objects.filter(public_id__in=names).values_list("public_id", "id"))


def catalog_only(*names: str) -> None:
    """Take what other tests committed out of sight, for as long as this test's transaction."""
    Model.objects.exclude(public_id__in=names).update(listed=False)
