"""What had one webhook has it still, with its secret and its log, after there can be several."""

from importlib import import_module

import pytest
from django.apps import apps
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from billing.alerts import alert_test
from billing.webhook_log import webhooks_list
from billing.webhook_models import Webhook
from tests.tokenoutput.pages import visitor

pytestmark = pytest.mark.django_db
BEFORE, HERE = ("billing", "0014_refusal"), "billing.migrations.0015_webhooks"
URL = "https://hooks.example.com/a"


def test_the_one_webhook_becomes_the_first_of_several():
    ada, bob = visitor(), visitor("bob")
    migration = import_module(HERE)
    state = MigrationLoader(connection).project_state(BEFORE)
    for operation in migration.Migration.operations[:2]:
        operation.state_forwards("billing", state)
    old = state.apps.get_model("billing", "AlertSettings").objects
    old.create(organization_id=ada.organization.id, webhook_url=URL, webhook_secret="whsec_old")
    old.create(organization_id=bob.organization.id, webhook_secret="whsec_left_over")
    alert_test(organization_id=ada.organization.id, by="x")
    sent = apps.get_model("billing", "AlertDelivery").objects.get(alert__organization_id=ada.organization.id)
    type(sent).objects.filter(id=sent.id).update(channel="webhook", target=URL)

    migration.webhooks_make(state.apps, None)

    webhook = Webhook.objects.get()
    assert webhook.organization_id == ada.organization.id
    assert webhook.secret.reveal() == "whsec_old"
    (view,) = webhooks_list(organization_id=ada.organization.id)
    assert (view.url, len(view.kinds), view.paused_at) == (URL, 4, None)
    assert view.last is not None
    assert view.last.id == sent.id
