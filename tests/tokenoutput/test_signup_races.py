"""Sign-up from several processes at once: one user, one organisation, one starter credit."""

import secrets
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import connection

from accounts.errors import EmailTaken
from accounts.models import User
from accounts.selectors import organizations_of
from accounts.services import api_key_create, api_keys_touch, organization_create, user_create
from billing.selectors import wallet_get
from tokenoutput.signup import account_open

THREADS = 6
STARTER_NANOS = 5_000_000_000


@pytest.fixture
def mark(database, settings):
    settings.STARTER_CREDIT_USD = "5"
    return secrets.token_hex(6)


def at_once(calls):
    """Run the calls in threads that start together; what each answered or raised."""
    barrier = Barrier(len(calls))

    def run(call):
        try:
            barrier.wait(timeout=10)
            return call()
        except Exception as error:  # noqa: BLE001 -- the test looks at what was raised
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def test_two_confirmations_at_once_open_one_account(mark):
    user = user_create(email=f"race-{mark}@example.com", password=None, verified=True)
    answers = at_once([lambda: account_open(user=user).id] * THREADS)
    [organization] = organizations_of(user=user)
    assert answers == [organization.id] * THREADS
    assert wallet_get(organization_id=organization.id).balance_nanos == STARTER_NANOS


def test_one_person_at_once_under_many_addresses_gets_one_credit(mark):
    users = [
        user_create(email=f"race-{mark}+{number}@example.com", password=None, verified=True)
        for number in range(THREADS)
    ]
    answers = at_once([lambda user=user: account_open(user=user).id for user in users])
    balances = [wallet_get(organization_id=organization_id).balance_nanos for organization_id in answers]
    assert sorted(balances) == [0] * (THREADS - 1) + [STARTER_NANOS]


def test_an_address_taken_at_once_makes_one_user(mark):
    email = f"race-{mark}@example.com"
    answers = at_once([lambda: user_create(email=email, password=None, verified=False)] * THREADS)
    assert sum(isinstance(answer, User) for answer in answers) == 1
    assert sum(isinstance(answer, EmailTaken) for answer in answers) == THREADS - 1


def test_organisations_of_one_name_at_once_all_get_a_slug(mark):
    owner = user_create(email=f"race-{mark}@example.com", password=None, verified=True)
    answers = at_once([lambda: organization_create(name=f"Race {mark}", owner=owner).slug] * THREADS)
    assert len(set(answers)) == THREADS
    assert {slug[: len("race-") + len(mark)] for slug in answers} == {f"race-{mark}"}


def test_touching_the_same_keys_in_any_order_never_deadlocks(mark):
    owner = user_create(email=f"race-{mark}@example.com", password=None, verified=True)
    organization = organization_create(name=f"Race {mark}", owner=owner)
    keys = [api_key_create(organization_id=organization.id, name="ci").id for _ in range(400)]
    start = owner.date_joined

    def touch(ids):
        # As in a large table: the rows come in the order they were asked for, not in the table's.
        connection.cursor().execute("SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_seqscan = off")
        # Each round is later than the last, so each round writes every row.
        for second in range(30):
            api_keys_touch(last_used=dict.fromkeys(ids, start + timedelta(seconds=second)))

    answers = at_once([lambda: touch(keys), lambda: touch(keys[::-1])] * 2)
    assert answers == [None] * 4
