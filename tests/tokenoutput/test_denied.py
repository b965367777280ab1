"""Who may not do something is told which role may, who gives it, and the way back."""

import pytest
from django.test import Client

from accounts.services import user_create
from tests.tokenoutput.pages import member, visitor
from tests.tokenoutput.test_pages import text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada():
    return visitor()


@pytest.mark.parametrize(
    ("method", "page", "roles"),
    [
        ("get", "audit", "Owner or Admin"),
        ("get", "management-keys", "Owner or Admin"),
        ("post", "keys", "Owner, Admin or Developer"),
        ("post", "billing/topup", "Owner, Admin or Billing"),
    ],
)
def test_a_role_too_small_is_told_what_is_needed_and_who_gives_it(ada, method, page, roles):
    bo = member(ada, role="viewer")
    response = getattr(bo.client, method)(bo.path(page))
    assert response.status_code == 403
    text = text_of(response)
    assert f"This needs the role {roles}. Yours here is Viewer." in text
    assert f"Owners and admins of {ada.organization.name} can give you another" in text
    html = response.content.decode()
    for way, words in ((bo.path(), "Back to the overview"), (bo.path("members"), "See who can help")):
        assert f'href="{way}"' in html and words in text
        assert bo.client.get(way).status_code == 200


def test_an_admin_who_would_make_an_owner_is_told_that_owners_do(ada):
    bo = member(ada, role="admin")
    response = bo.client.post(bo.path(f"members/{bo.organization.member_id}/role"), {"role": "owner"})
    assert response.status_code == 403
    text = text_of(response)
    assert "This needs the role Owner. Yours here is Admin." in text
    assert f"Owners of {ada.organization.name} can do it, or make you one" in text


def test_elsewhere_it_names_no_organisation(client, settings):
    client.force_login(user_create(email="eve@example.com", password=None, verified=True))
    response = client.get("/admin/", follow=True)
    assert response.status_code == 403
    assert "You may not do this" in text_of(response)
    assert "It is not yours to see or change." in text_of(response)


def test_a_form_without_its_mark_has_its_own_page(ada):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(ada.user)
    assert "reload the page" in strict.post(ada.path("keys"), {"name": "ci"}).content.decode()


@pytest.mark.parametrize("page", ["keys", "members", "alerts", "webhooks"])
def test_pages_that_may_only_be_looked_at_name_the_role_as_people_do(ada, page):
    text = text_of(member(ada, role="viewer").client.get(ada.path(page)))
    assert "Your role here is Viewer." in text
