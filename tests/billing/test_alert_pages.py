"""The page of alerts: saved by owners and admins, refused beside the field, tested by a button, closed to strangers."""

import re

import pytest

from billing.alert_deliveries import alerts_deliver
from billing.alert_models import AlertSettings
from billing.alerts import deliveries_list
from tests.tokenoutput.pages import member, visitor

pytestmark = pytest.mark.django_db
SENT = {
    "low_balance": "on",
    "low_balance_nanos": "12.50",
    "unusual_factor": "10",
    "unusual_floor_nanos": "$1,000",
    "to_admin": "on",
}


@pytest.fixture
def ada():
    return visitor()


def post(who, page="alerts", **changed):
    return who.client.post(who.path(page), SENT | changed)


def test_what_is_chosen_is_kept(ada):
    html = ada.client.get(ada.path("alerts")).content.decode()
    assert 'value="5.00"' in html  # the default, before anybody chose
    assert post(ada)["Location"] == ada.path("alerts")
    row = AlertSettings.objects.get(organization_id=ada.organization.id)
    assert (row.low_balance, row.low_balance_nanos, row.key_limit) == (True, 12_500_000_000, False)
    assert (row.unusual_spend, row.unusual_factor, row.unusual_floor_nanos) == (False, 10, 1_000_000_000_000)
    assert row.roles == ["admin"]
    html = ada.client.get(ada.path("alerts")).content.decode()
    assert 'value="12.50"' in html
    assert "Saved." in html


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("low_balance_nanos", "", "This field is required."),
        ("low_balance_nanos", "0", "Choose an amount from"),
        ("low_balance_nanos", "-3", "Choose an amount from"),
        ("low_balance_nanos", "0.001", "Cents are the smallest step."),
        ("low_balance_nanos", "a lot", "dollars and cents as digits"),
        ("recipients", "ops@example.org, nonsense", "“nonsense” is not an e-mail address."),
        ("recipients", " ".join(f"a{n}@example.org" for n in range(6)), "At most 5 further addresses."),
        ("unusual_factor", "4", "Select a valid choice"),
    ],
)
def test_what_cannot_be_is_refused_beside_the_field(ada, field, typed, said):
    response = post(ada, **{field: typed})
    html = response.content.decode()
    assert response.status_code == 422
    assert said in html
    named = re.search(rf'<(?:input|select)[^>]*name="{field}"[^>]*>', html)
    assert named
    assert 'aria-invalid="true"' in named[0]
    assert not AlertSettings.objects.exists()


def test_further_addresses_are_kept_each_once(ada):
    assert post(ada, recipients="Ops@example.org; ops@example.org,\tdev@example.org").status_code == 302
    assert AlertSettings.objects.get().recipients == ["ops@example.org", "dev@example.org"]
    assert 'value="ops@example.org, dev@example.org"' in ada.client.get(ada.path("alerts")).content.decode()


def test_the_test_button_sends_to_whoever_is_told(ada):
    nobody = ada.client.post(ada.path("alerts/test"), follow=True).content.decode()
    assert "on its way to 1 address" in nobody
    assert "On its way" in nobody
    alerts_deliver()
    assert "badge-good" in ada.client.get(ada.path("alerts")).content.decode()
    post(ada, to_admin="")
    assert "Nobody would be told" in ada.client.post(ada.path("alerts/test"), follow=True).content.decode()
    assert len(deliveries_list(organization_id=ada.organization.id)) == 1


@pytest.mark.parametrize(
    ("role", "may"), [("admin", True), ("developer", False), ("billing", False), ("viewer", False)]
)
def test_who_may_change_alerts(ada, role, may):
    bo = member(ada, role=role)
    assert ("Send a test" in bo.client.get(bo.path("alerts")).content.decode()) is may
    statuses = [post(bo, page).status_code for page in ("alerts", "alerts/test")]
    assert statuses == ([302, 302] if may else [403, 403])


def test_strangers_find_nothing(ada, client):
    eve = visitor("eve")
    for page in ("alerts", "alerts/test"):
        assert eve.client.post(ada.path(page), SENT).status_code == 404
        assert client.post(ada.path(page), SENT).status_code == 302
    assert eve.client.get(ada.path("alerts")).status_code == 404
    assert not AlertSettings.objects.filter(organization_id=ada.organization.id).exists()
