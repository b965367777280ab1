"""Every dashboard page for every role, and for strangers: a new page without a line here fails."""

from uuid import UUID

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from accounts import services
from accounts.models import Membership
from accounts.roles import Role
from billing.ledger import wallet_open

pytestmark = pytest.mark.django_db
NOBODY = UUID(int=0)
EVERYBODY = frozenset(Role.values)
BOSSES = frozenset({"owner", "admin"})
# Who may see the page, and who may post to it: others get 403.
SEEN = {
    "usage_csv": EVERYBODY, "requests": EVERYBODY, "requests_csv": EVERYBODY, "request": EVERYBODY,
    "key": EVERYBODY, "management_keys": BOSSES,
    "live": EVERYBODY, "quickstart": EVERYBODY,
    "playground": BOSSES | {"developer"}, "playground_outcome": BOSSES | {"developer"},
    "overview": EVERYBODY, "keys": EVERYBODY, "usage": EVERYBODY, "billing": EVERYBODY, "alerts": EVERYBODY,
    "members": EVERYBODY, "organization_settings": EVERYBODY, "audit": BOSSES,
    "ledger": EVERYBODY, "ledger_csv": EVERYBODY, "receipts": EVERYBODY, "receipts_csv": EVERYBODY,
    "receipts_zip": EVERYBODY, "receipt_page": EVERYBODY, "billing_profile": EVERYBODY,
    "statement": EVERYBODY, "statement_csv": EVERYBODY,
    "webhooks": EVERYBODY, "webhook": EVERYBODY,
    "topup_return": EVERYBODY, "receipt": BOSSES | {"billing"}, "refund": BOSSES | {"billing"},
}  # fmt: skip
POSTED = {
    "key": BOSSES | {"developer"}, "key_rotate": BOSSES | {"developer"}, "key_disable": BOSSES | {"developer"},
    "key_enable": BOSSES | {"developer"}, "management_keys": BOSSES, "management_key_revoke": BOSSES,
    "quickstart": BOSSES | {"developer"}, "quickstart_run": BOSSES | {"developer"},
    "playground": BOSSES | {"developer"}, "playground_run": BOSSES | {"developer"},
    "playground_code": BOSSES | {"developer"},
    "keys": BOSSES | {"developer"}, "key_revoke": BOSSES | {"developer"}, "key_limit": BOSSES, "member_cap": BOSSES,
    "limit_remove": BOSSES, "members": BOSSES, "member_role": BOSSES, "member_remove": BOSSES,
    "invite_resend": BOSSES, "invite_revoke": BOSSES, "organization_settings": BOSSES,
    "alerts": BOSSES, "alerts_test": BOSSES, "alerts_resend": BOSSES, "webhooks": BOSSES,
    "webhook": BOSSES, "webhook_test": BOSSES, "webhook_pause": BOSSES, "webhook_resume": BOSSES,
    "webhook_secret": BOSSES, "webhook_remove": BOSSES,
    "webhook_redeliver": BOSSES,
    "topup": BOSSES | {"billing"}, "auto_topup": BOSSES | {"billing"}, "card_remove": BOSSES | {"billing"},
    "billing_profile": BOSSES | {"billing"},
    "budgets": BOSSES, "payment_portal": BOSSES | {"billing"}, "refund": BOSSES | {"billing"},
}  # fmt: skip
# Pages of other parts: a foreign organisation is asked for here, their roles in their own tests.
ELSEWHERE: set[str] = set()


def patterns(resolver, prefix=""):
    for entry in resolver.url_patterns:
        route = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from patterns(entry, route)
        elif isinstance(entry, URLPattern) and route.startswith("app/<slug:slug>/"):
            yield entry


def dashboard():
    return {entry.name: entry for entry in patterns(get_resolver())}


def path_of(entry):
    values = {"int": 0, "uuid": NOBODY, "slug": "acme", "str": "x"}
    arguments = {
        name: "acme" if name == "slug" else values.get(type(converter).__name__.removesuffix("Converter").lower(), "x")
        for name, converter in entry.pattern.converters.items()
    }
    return reverse(entry.name, kwargs=arguments)


@pytest.fixture
def clients():
    owner = services.user_create(email="owner@example.com", password=None, verified=True)
    organization = services.organization_create(name="Acme", owner=owner)
    wallet_open(organization_id=organization.id)
    made = {}
    for role in Role.values:
        user = owner
        if role != "owner":
            user = services.user_create(email=f"{role}@example.com", password=None, verified=True)
            Membership.objects.create(user=user, organization=organization, role=role)
        made[role] = Client()
        made[role].force_login(user)
    return made


def test_every_page_has_a_line():
    assert set(dashboard()) - set(SEEN) - set(POSTED) - ELSEWHERE == set()


def test_every_page_and_every_role(clients):
    pages = dashboard()
    wrong = []
    for table, method in ((SEEN, "get"), (POSTED, "post")):
        for name, allowed in table.items():
            for role, client in clients.items():
                status = getattr(client, method)(path_of(pages[name])).status_code
                expected = {200, 302, 404} if method == "get" else {200, 302, 303, 404, 422}
                if status not in (expected if role in allowed else {403}):
                    wrong.append((method, name, role, status))
    assert wrong == []


def test_strangers_get_404_and_visitors_the_sign_in(clients):
    stranger = Client()
    stranger.force_login(services.user_create(email="stranger@example.com", password=None, verified=True))
    for name, entry in dashboard().items():
        path = path_of(entry)
        answers = {getattr(stranger, method)(path).status_code for method in ("get", "post")}
        assert answers <= {404, 405}, (name, answers)
        assert 404 in answers, name
        answers = {getattr(Client(), method)(path).status_code for method in ("get", "post")}
        assert answers <= {302, 405}, (name, answers)
