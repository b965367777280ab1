"""The page of API keys: made and shown once, listed, revoked, by those whose role allows it."""

import re

import pytest
from django.test import Client

from accounts.keys import key_hash
from accounts.models import ApiKey
from accounts.selectors import api_keys_list
from tests.tokenoutput.pages import member, visitor

pytestmark = pytest.mark.django_db
SECRET = re.compile(r"sk-[0-9A-Za-z]{40,}")


@pytest.fixture
def ada():
    return visitor()


def keys_of(host):
    return api_keys_list(organization_id=host.organization.id)


def revoke(who, key):
    return who.client.post(who.path(f"keys/{key.public_hash}/revoke"), {"confirm": key.name})


def test_a_key_is_shown_once_inside_a_command_that_runs(ada):
    response = ada.client.post(ada.path("keys"), {"name": "ci", "expiry": ""})
    assert response.status_code == 200
    assert "no-store" in response["Cache-Control"]
    (secret,) = set(SECRET.findall(response.content.decode()))
    assert key_hash(secret) == bytes(ApiKey.objects.get(name="ci").key_hash)
    assert f"Bearer {secret}" in response.content.decode()
    again = ada.client.get(ada.path("keys"))
    assert not SECRET.search(again.content.decode())
    assert "ci" in again.content.decode()
    assert secret not in str(ada.client.session.items()) + str(ada.client.cookies)


def test_a_key_may_expire(ada):
    ada.client.post(ada.path("keys"), {"name": "short", "expiry": "7"})
    (key,) = keys_of(ada)
    assert round((key.expires_at - key.created_at).total_seconds() / 86400) == 7
    assert key.created_by == "ada@example.com"


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"name": ""}, "This field is required."),
        ({"name": "x" * 81}, "at most 80 characters"),
        ({"name": "\u200b"}, "Give the API key a name."),
        ({"name": "ci", "expiry": "13"}, "Select a valid choice"),
    ],
)
def test_errors_stand_beside_the_field(ada, sent, said):
    response = ada.client.post(ada.path("keys"), sent)
    html = response.content.decode()
    assert response.status_code == 422
    assert said in html
    assert 'aria-invalid="true"' in html
    described = re.search(
        r'aria-describedby="([^"]+)"[^>]*aria-invalid|aria-invalid[^>]*aria-describedby="([^"]+)"', html
    )
    assert described
    assert all(f'id="{name}"' in html for name in (described[1] or described[2]).split())
    assert keys_of(ada) == []


def test_a_script_in_a_name_is_only_a_name(ada):
    ada.client.post(ada.path("keys"), {"name": "<script>alert(1)</script>"})
    assert "<script>alert" not in ada.client.get(ada.path("keys")).content.decode()


def test_a_key_is_revoked_by_post_and_twice_is_fine(ada):
    ada.client.post(ada.path("keys"), {"name": "old"})
    (key,) = keys_of(ada)
    assert ada.client.get(ada.path(f"keys/{key.public_hash}/revoke")).status_code == 405
    assert [revoke(ada, key).status_code for _ in range(2)] == [302, 302]
    assert keys_of(ada)[0].state == "revoked"
    assert "The key is revoked" in ada.client.get(ada.path("keys")).content.decode()


def test_a_foreign_key_is_not_there(ada):
    eve = visitor("eve")
    ada.client.post(ada.path("keys"), {"name": "ci"})
    (key,) = keys_of(ada)
    assert revoke(eve, key).status_code == 404
    assert eve.client.post(ada.path("keys"), {"name": "mine"}).status_code == 404
    assert eve.client.post(ada.path(f"keys/{key.public_hash}/revoke")).status_code == 404
    assert [key.state for key in keys_of(ada)] == ["active"]


@pytest.mark.parametrize("role", ["viewer", "billing"])
def test_roles_that_may_only_look_get_no_form_and_no_way_round_it(ada, role):
    ada.client.post(ada.path("keys"), {"name": "ci"})
    (key,) = keys_of(ada)
    bo = member(ada, role=role)
    page = bo.client.get(bo.path("keys")).content.decode()
    assert "Create key" not in page
    assert "Revoke" not in page.replace("Revoked", "")
    assert bo.client.post(bo.path("keys"), {"name": "mine"}).status_code == 403
    assert revoke(bo, key).status_code == 403
    assert [key.state for key in keys_of(ada)] == ["active"]


@pytest.mark.parametrize("role", ["admin", "developer"])
def test_roles_that_may_make_keys_do(ada, role):
    bo = member(ada, role=role)
    assert bo.client.post(bo.path("keys"), {"name": "mine"}).status_code == 200
    assert [key.created_by for key in keys_of(ada)] == ["bo@example.com"]


def test_without_the_forms_token_nothing_is_made(ada):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(ada.user)
    assert strict.post(ada.path("keys"), {"name": "ci"}).status_code == 403
    assert keys_of(ada) == []
