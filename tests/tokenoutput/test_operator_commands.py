"""Operators' commands: an organisation with credit, and a key for it."""

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.keys import key_hash
from accounts.models import ApiKey, Organization, User
from accounts.selectors import email_verified, organizations_of
from accounts.services import organization_create, user_create
from billing.selectors import wallet_get

pytestmark = pytest.mark.django_db


def create(capsys, *arguments):
    call_command("organization_create", *arguments)
    return capsys.readouterr().out


def issue(capsys, *arguments):
    call_command("api_key_issue", *arguments)
    return capsys.readouterr().out


def test_an_organisation_is_made_with_owner_wallet_and_credit(capsys):
    printed = create(capsys, "Acme Corp", "--email", "Boss@Example.com", "--credit", "12.50")
    assert printed.splitlines() == [
        "Made the user boss@example.com; a password reset by e-mail is the way in.",
        "Made the organisation acme-corp (Acme Corp), owned by boss@example.com.",
        "Credited $12.50.",
    ]
    user = User.objects.get()
    assert email_verified(user=user)
    assert not user.has_usable_password()
    [organization] = organizations_of(user=user)
    assert organization.role == "owner"
    assert wallet_get(organization_id=organization.id).balance_nanos == 12_500_000_000


def test_an_existing_user_keeps_their_password(capsys):
    user = user_create(email="boss@example.com", password="correct horse battery", verified=True)
    printed = create(capsys, "Acme", "--email", "BOSS@example.com")
    assert printed == "Made the organisation acme (Acme), owned by boss@example.com.\n"
    user.refresh_from_db()
    assert user.check_password("correct horse battery")
    [organization] = organizations_of(user=user)
    assert wallet_get(organization_id=organization.id).balance_nanos == 0


@pytest.mark.parametrize(
    ("name", "email", "credit", "said"),
    [
        ("Taken", "b@example.com", "1", "already an organisation named 'Taken'"),
        (" tAKEN ", "b@example.com", "1", "already an organisation named"),
        ("", "b@example.com", "1", "Give the organisation a name"),
        ("x" * 81, "b@example.com", "1", "80 characters"),
        ("New", "nobody", "1", "valid email address"),
        ("New", "", "1", "valid email address"),
        ("New", "b@example.com", "-1", "may not be negative"),
        ("New", "b@example.com", "1e3", "not an amount"),
        ("New", "b@example.com", "", "not an amount"),
        ("New", "b@example.com", "$5", "not an amount"),
        ("New", "b@example.com", "0.0000000001", "decimal places"),
        ("New", "b@example.com", "99999999999999999999", "too large"),
    ],
)
def test_what_is_wrong_is_one_line_and_leaves_nothing(name, email, credit, said):
    organization_create(name="Taken", owner=user_create(email="a@example.com", password=None, verified=True))
    with pytest.raises(CommandError, match=said) as refused:
        call_command("organization_create", name, f"--email={email}", f"--credit={credit}")
    assert refused.value.returncode == 1
    assert "\n" not in str(refused.value)
    assert (Organization.objects.count(), User.objects.count()) == (1, 1)


@pytest.mark.parametrize("reference", ["acme-corp", "Acme Corp"])
def test_a_key_is_the_only_thing_printed(capsys, reference):
    create(capsys, "Acme Corp", "--email", "boss@example.com")
    printed = issue(capsys, reference, "ci", "--expires-days", "30")
    hashed = key_hash(printed.removesuffix("\n"))
    api_key = ApiKey.objects.get(key_hash=hashed)
    assert (api_key.organization.slug, api_key.name) == ("acme-corp", "ci")
    assert api_key.expires_at is not None
    assert abs(api_key.expires_at - timezone.now() - timedelta(days=30)) < timedelta(minutes=1)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nothing", "ci"], "no organisation with the slug or name 'nothing'"),
        (["acme", " "], "Give the API key a name"),
        (["acme", "ci", "--expires-days", "0"], "from 1 to 3650"),
        (["acme", "ci", "--expires-days", "soon"], "invalid int value"),
        (["Twin", "ci"], "use the slug"),
    ],
)
def test_a_key_that_cannot_be_made_is_refused(capsys, arguments, said):
    create(capsys, "Acme", "--email", "boss@example.com")
    for _ in range(2):
        organization_create(name="Twin", owner=User.objects.get())
    with pytest.raises(CommandError, match=said) as refused:
        call_command("api_key_issue", *arguments)
    assert refused.value.returncode == 1
    assert capsys.readouterr().out == ""
    assert not ApiKey.objects.exists()
