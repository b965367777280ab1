"""The demo data: made once, kept true, and nothing for sale where no model runs."""

import pytest
from django.contrib.auth import authenticate

from accounts.selectors import api_keys_list, organizations_of, user_by_email
from billing.selectors import wallet_get
from catalog.selectors import catalog_list
from tokenoutput import demo
from tokenoutput.quickstart import quickstart_load, quickstart_save, quickstart_text

pytestmark = pytest.mark.django_db
BASE_URL = "http://127.0.0.1:8000"


def seed(*, known=None, model_port=9911):
    return demo.demo_seed(known=known, base_url=BASE_URL, model_port=model_port)


def listed() -> list[str]:
    return [row.public_id for row in catalog_list() if row.public_id == demo.MODEL]


def test_customer_and_staff_can_log_in_and_the_model_speaks_both_protocols(rf):
    made = seed()
    user = authenticate(rf.post("/"), email=made.email, password=made.password)
    assert user is not None
    assert [(one.slug, one.role) for one in organizations_of(user=user)] == [(made.organization, "owner")]
    admin = user_by_email(email=made.admin_email)
    assert admin is not None
    assert (admin.is_staff, admin.is_superuser, admin.check_password(made.admin_password)) == (True, True, True)
    assert not user_by_email(email=made.email).is_staff  # type: ignore[union-attr] # It was just made.
    (row,) = [row for row in catalog_list() if row.public_id == made.model]
    assert set(row.protocols) == {"openai_chat", "anthropic_messages"}


def test_twice_gives_no_second_credit_and_keeps_the_passwords():
    first = seed()
    organization_id = organizations_of(user=user_by_email(email=first.email))[0].id  # type: ignore[arg-type] # As above.
    before = wallet_get(organization_id=organization_id).balance_nanos
    second = seed(known=first)
    assert (second.password, second.admin_password) == (first.password, first.admin_password)
    assert wallet_get(organization_id=organization_id).balance_nanos == before


def test_a_lost_quickstart_file_means_new_secrets_and_the_old_key_stops():
    first, second = seed(), seed()
    assert first.api_key != second.api_key
    user = user_by_email(email=second.email)
    assert user is not None
    assert user.check_password(second.password)
    organization_id = organizations_of(user=user)[0].id
    assert [key.state for key in api_keys_list(organization_id=organization_id)] == ["active", "revoked"]


def test_without_a_model_server_nothing_is_for_sale_until_there_is_one():
    without = seed(model_port=None)
    assert (without.model, listed()) == ("", [])
    with_it = seed(known=without)
    assert (with_it.model, listed()) == (demo.MODEL, [demo.MODEL])
    again = seed(known=with_it, model_port=None)
    assert (again.model, listed()) == ("", [])


def test_the_quickstart_is_kept_whole_and_private(tmp_path):
    made = seed()
    assert quickstart_load(tmp_path) is None
    quickstart_save(tmp_path, made)
    assert quickstart_load(tmp_path) == made
    assert (tmp_path / "quickstart.json").stat().st_mode & 0o777 == 0o600
    (tmp_path / "quickstart.json").write_text("{")
    assert quickstart_load(tmp_path) is None
    text = quickstart_text(made, tmp_path)
    assert text.count("  curl ") == 4
    assert made.password not in repr(made)
