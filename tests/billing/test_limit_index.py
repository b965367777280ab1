"""The limits of one organisation are found among everybody's without reading them all."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.api_keys import api_key_create
from accounts.models import Organization
from billing.limits import keys_near_limit, limit_set, limits_list, limits_near, limits_of
from tests.tokenoutput.pages import visitor

pytestmark = pytest.mark.django_db
OTHERS, LIMITS_EACH = 1000, 10


@pytest.fixture
def host():
    """Somebody with one limit, among a thousand organisations with ten each."""
    made = visitor()
    others = [Organization(name=f"Other {n}", slug=f"other-{n}") for n in range(OTHERS)]
    ids = [organization.id for organization in Organization.objects.bulk_create(others)]
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO wallet (organization_id, currency) SELECT unnest(%s::bigint[]), 'USD'", [ids])
        cursor.execute(
            "INSERT INTO spending_limit (wallet_id, api_key_id, period, amount_nanos, window_start)"
            " SELECT w.id, -(w.id * 100 + n), 'daily', 1000000000, now() FROM wallet w, generate_series(1, %s) n"
            " WHERE w.organization_id = ANY(%s)",
            [LIMITS_EACH, ids],
        )
        cursor.execute("ANALYZE spending_limit, wallet")
    return made


def test_no_list_of_limits_reads_everybodys(host):
    organization_id = host.organization.id
    key = api_key_create(organization_id=organization_id, name="ci")
    limit_set(organization_id=organization_id, api_key_id=key.id, period="daily", amount_nanos=1_000_000_000)
    with CaptureQueriesContext(connection) as captured:
        assert len(limits_list(organization_id=organization_id)) == 1
        assert len(limits_of(organization_id=organization_id, api_key_ids=[key.id], member_ids=[0], budgets=True)) == 1
        assert limits_near(organization_id=organization_id, limit=5) == []
        assert keys_near_limit(organization_id=organization_id) == []
    asked = [query["sql"] for query in captured if "FROM spending_limit" in query["sql"]]
    assert len(asked) == 4
    with connection.cursor() as cursor:
        for sql in asked:
            cursor.execute(f"EXPLAIN (ANALYZE) {sql}")
            plan = "\n".join(line for (line,) in cursor.fetchall())
            assert "Seq Scan on spending_limit" not in plan, plan
