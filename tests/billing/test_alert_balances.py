"""A balance below the threshold, short for a day, refused a request or used up: each said once a crossing."""

import pytest
from django.core import mail
from django.utils import timezone

from billing import ledger
from billing.alert_conditions import alerts_evaluate
from billing.alert_deliveries import alerts_deliver
from billing.alert_models import Alert, AlertSettings, AlertWatch, Refusal
from billing.alert_texts import alert_text
from billing.alerts import alert_raise
from tests.billing.test_admin import DjangoBooks
from tests.billing.test_alerts import USD, credit, said, spend
from tests.tokenoutput.pages import visitor

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada():
    """Somebody with $30 on the wallet, and only these alerts."""
    made = visitor()
    AlertSettings.objects.create(organization_id=made.organization.id, unusual_spend=False)
    credit(made, 25, "much")
    return made


@pytest.fixture
def wallet(ada):
    return ledger.wallet_open(organization_id=ada.organization.id)


def spend_settled(wallet, usd):
    spend(wallet, usd)
    DjangoBooks().settle()


def refuse(who, *, balance, required, available=None):
    """As the gateway leaves it: the first refusal alone."""
    nanos = {"required": required, "available": balance if available is None else available, "balance": balance}
    row = {f"{name}_nanos": round(usd * USD) for name, usd in nanos.items()}
    Refusal.objects.get_or_create(organization_id=who.organization.id, defaults=row | {"refused_at": timezone.now()})


def test_less_than_a_day_is_said_once_until_there_is_more(ada, wallet):
    assert alerts_evaluate() == 0
    spend_settled(wallet, 14)
    assert alerts_evaluate() == 0  # $16 are there, $14 a day
    spend_settled(wallet, 4)
    assert (alerts_evaluate(), alerts_evaluate()) == (1, 0)  # $12 are there, $18 a day: 16 hours
    assert Alert.objects.get().facts == {
        "balance_usd": "12.00",
        "threshold_usd": "5.00",
        "day_usd": "18.00",
        "hours_left": "16",
    }
    credit(ada, 7, "a little")  # $19: more than a day, not by 10 %
    assert alerts_evaluate() == 0
    spend_settled(wallet, 0.6)  # $18.40, and $18.60 a day
    assert alerts_evaluate() == 0
    credit(ada, 10, "enough")
    assert alerts_evaluate() == 0
    spend_settled(wallet, 6)
    assert alerts_evaluate() == 1
    assert said(ada) == [("low_balance", 2), ("low_balance", 2)]
    alerts_deliver()
    message = mail.outbox[0]
    assert message.subject == f"Your balance lasts less than a day ({ada.organization.name})"
    assert "Lasts at that rate: about 16 hours" in message.body
    assert "Spent in the last 24 hours: $18.00" in message.body


def test_what_was_spent_the_day_before_yesterday_is_no_rate(ada, wallet):
    alerts_evaluate()
    spend_settled(wallet, 20)
    move = "UPDATE usage_hourly SET hour = hour - interval '26 hours' WHERE wallet_id = %s"
    DjangoBooks().connection.execute(move, [wallet])
    assert alerts_evaluate() == 0
    assert said(ada) == []


def test_where_nobody_chose_a_day_of_spend_is_the_threshold(ada, wallet):
    """$5 at least; more where the last 24 hours cost more. Both at once are one mail."""
    AlertSettings.objects.all().delete()
    alerts_evaluate()
    spend_settled(wallet, 14)
    alerts_evaluate()
    assert AlertWatch.objects.get(kind="low_balance").level == 0
    spend_settled(wallet, 4)
    alerts_evaluate()
    (facts,) = Alert.objects.filter(kind="low_balance").values_list("facts", flat=True)
    assert (facts["balance_usd"], facts["threshold_usd"]) == ("12.00", "18.00")


def test_who_starts_with_a_little_hears_how_long_it_lasts():
    """The starter credit was never above the threshold, but it is spent."""
    newcomer = visitor("newcomer")
    wallet = ledger.wallet_open(organization_id=newcomer.organization.id)
    assert alerts_evaluate() == 0
    spend_settled(wallet, 3)
    assert (alerts_evaluate(), alerts_evaluate()) == (1, 0)
    assert said(newcomer) == [("low_balance", 2)]


def test_who_never_had_money_hears_nothing(settings):
    settings.STARTER_CREDIT_USD = "0"
    poor = visitor("poor")
    refuse(poor, balance=0, required=1)
    assert alerts_evaluate() == 0
    assert said(poor) == []


def test_the_first_refusal_is_said_until_money_came(ada, wallet):
    alerts_evaluate()
    refuse(ada, balance=30, required=40)
    assert (alerts_evaluate(), alerts_evaluate()) == (1, 0)
    refuse(ada, balance=30, required=41)
    assert alerts_evaluate() == 0
    spend(wallet, 26)  # What the large request did not change: the balance is low by itself.
    assert alerts_evaluate() == 1
    credit(ada, 1.2, "a little")  # $5.20: not 10 % above $5
    assert alerts_evaluate() == 0
    assert Refusal.objects.exists()
    credit(ada, 30, "enough")
    assert alerts_evaluate() == 0
    assert not Refusal.objects.exists()
    refuse(ada, balance=35.2, required=50)
    assert alerts_evaluate() == 1
    assert said(ada) == [("low_balance", 4), ("low_balance", 1), ("low_balance", 4)]
    alerts_deliver()
    message = mail.outbox[0]
    assert message.subject == f"A request was refused: the balance is too low for it ({ada.organization.name})"
    assert "It might have cost: $40.00" in message.body
    assert "Available then: $30.00" in message.body


@pytest.mark.parametrize("refused_first", [True, False])
def test_used_up_and_refused_are_one_mail(ada, wallet, refused_first):
    alerts_evaluate()
    spend(wallet, 30)
    if not refused_first:
        assert alerts_evaluate() == 1
    refuse(ada, balance=0, required=1)
    assert alerts_evaluate() == (1 if refused_first else 0)
    refuse(ada, balance=0, required=1)
    assert alerts_evaluate() == 0
    assert said(ada) == [("low_balance", 4 if refused_first else 3)]


def test_one_switch_is_for_all_of_them(ada, wallet):
    AlertSettings.objects.update(low_balance=False)
    alerts_evaluate()
    spend_settled(wallet, 29)
    refuse(ada, balance=1, required=2)
    assert alerts_evaluate() == 0
    assert said(ada) == []


def test_what_was_said_before_there_were_more_levels_keeps_its_words(ada):
    facts = {"balance_usd": "0.00", "threshold_usd": "5.00"}
    assert alert_text(kind="low_balance", level=2, facts=facts).title == "Your balance is used up"
    assert alert_text(kind="low_balance", level=1, facts=facts).title == "Your balance is low"
    short = facts | {"day_usd": "9.00", "hours_left": "0"}
    assert ("Lasts at that rate", "less than an hour") in alert_text(kind="low_balance", level=2, facts=short).figures
    assert alert_raise(organization_id=ada.organization.id, kind="low_balance", level=3, facts=facts)
