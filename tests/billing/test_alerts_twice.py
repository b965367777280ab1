"""Several workers at once: an alert is raised by one of them, and each delivery is sent by one."""

import threading
from uuid import uuid4

import pytest
from django.core import mail
from django.db import connection

from billing.alert_deliveries import alerts_deliver
from billing.alert_models import AlertDelivery
from billing.alerts import alert_raise
from tests.tokenoutput.pages import visitor


@pytest.fixture
def at_once(django_db_blocker):
    """Run `work` in four threads that start together; what each returned."""

    def run(work):
        barrier, answers = threading.Barrier(4), []

        def one():
            with django_db_blocker.unblock():
                try:
                    barrier.wait(timeout=10)
                    answers.append(work())
                finally:
                    connection.close()

        threads = [threading.Thread(target=one) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return sorted(answers)

    return run


def test_of_many_workers_one_raises_and_one_sends(database, at_once):
    name = uuid4().hex[:12]
    organization_id = visitor(name).organization.id
    facts = {"of": "API key", "name": name, "period": "daily", "resets_at": "never", "percent": "80"}
    facts |= {"limit_usd": "1.00", "spent_usd": "0.80"}

    def raise_it():
        return alert_raise(organization_id=organization_id, kind="key_limit", subject="limit:0", level=80, facts=facts)

    assert at_once(raise_it) == [False, False, False, True]
    deliveries = AlertDelivery.objects.filter(alert__organization_id=organization_id)
    assert deliveries.count() == 1
    mail.outbox.clear()
    at_once(alerts_deliver)
    assert [message.to for message in mail.outbox if name in message.subject] == [[f"{name}@example.com"]]
    assert deliveries.get().state == "sent"
