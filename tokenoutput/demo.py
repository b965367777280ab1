"""What the embedded default brings along: a customer with an API key, a member of staff, and the local model."""

import secrets
from typing import TYPE_CHECKING

import anyio
from django.conf import settings

from accounts.keys import key_hash
from accounts.selectors import api_keys_list, caller_get, user_by_email
from accounts.services import api_key_create, api_key_revoke, user_create
from catalog.services import catalog_load
from tokenoutput.database import database_connect
from tokenoutput.local_model import ALIAS, CONTEXT_TOKENS
from tokenoutput.quickstart import Quickstart
from tokenoutput.signup import account_open

if TYPE_CHECKING:
    from accounts.models import User

EMAIL, ADMIN_EMAIL = "demo@tokenoutput.localhost", "admin@tokenoutput.localhost"
KEY_NAME = "Demo"
MODEL = "smollm2-135m"
CONNECT_SECONDS = 5


def demo_seed(*, known: Quickstart | None, base_url: str, model_port: int | None) -> Quickstart:
    """Make what is missing and return how to use it; what `known` says stays true where it can.

    The database keeps only hashes: without `known`, passwords and key are new ones. `model_port` None: nothing to sell.
    """
    password = known.password if known else secrets.token_urlsafe(15)
    admin_password = known.admin_password if known else secrets.token_urlsafe(15)
    _user_ensure(ADMIN_EMAIL, admin_password, staff=True)
    user = _user_ensure(EMAIL, password, staff=False)
    organization = account_open(user=user, name="Demo")
    api_key = known.api_key if known else ""
    if anyio.run(_organization_of_key, api_key) != organization.id:
        api_key = _key_replace(organization.id)
    _catalog_follow(model_port, models=not (known and known.model))
    return Quickstart(
        base_url=base_url,
        api_key=api_key,
        email=EMAIL,
        password=password,
        organization=organization.slug,
        admin_email=ADMIN_EMAIL,
        admin_password=admin_password,
        model=MODEL if model_port else "",
    )


def _user_ensure(email: str, password: str, *, staff: bool) -> "User":
    """The user, able to log in with this password."""
    user = user_by_email(email=email) or user_create(email=email, password=password, verified=True)
    if not user.check_password(password):
        user.set_password(password)
        user.save(update_fields=["password"])
    if staff and not (user.is_staff and user.is_superuser):
        user.is_staff = user.is_superuser = True
        user.save(update_fields=["is_staff", "is_superuser"])
    return user


async def _organization_of_key(secret: str) -> int | None:
    hashed = key_hash(secret)
    if hashed is None:
        return None
    async with database_connect(timeout_seconds=CONNECT_SECONDS) as connection:
        caller = await caller_get(connection, key_hash=hashed)
    return caller.organization_id if caller else None


def _key_replace(organization_id: int) -> str:
    """A new demo key; the ones before it, whose secrets are lost, stop working."""
    for key in api_keys_list(organization_id=organization_id):
        if key.name == KEY_NAME and key.state == "active":
            api_key_revoke(organization_id=organization_id, api_key_id=key.id)
    return api_key_create(organization_id=organization_id, name=KEY_NAME).secret


def _catalog_follow(model_port: int | None, *, models: bool) -> None:
    """Point the provider at this run's model server, or switch it off; the model is made once, then it is staff's."""
    provider = {
        "slug": "local",
        "name": "Local llama.cpp",
        "base_url": f"http://127.0.0.1:{model_port or settings.PORT}/v1",
        "protocol": "openai_chat",
        "api_key": "local",
        "enabled": model_port is not None,
    }
    document = {"providers": [provider], "models": [_model()] if models else []}
    catalog_load(document, environment={})


def _model() -> dict[str, object]:
    """The server speaks both protocols: a route for each, so neither client needs a conversion."""
    route = {"provider": "local", "upstream_model": ALIAS, "priority": 1}
    return {
        "id": MODEL,
        "display_name": "SmolLM2 135M",
        "description": "Small local model for trying things out",
        "context_tokens": CONTEXT_TOKENS,
        "max_output_tokens": 2048,
        "price": {
            "input": "0.10",
            "output": "0.40",
            "cache_read": "0.01",
            "cache_write_5m": "0.125",
            "cache_write_1h": "0.20",
        },
        "routes": [route, route | {"protocol": "anthropic_messages"}],
    }
