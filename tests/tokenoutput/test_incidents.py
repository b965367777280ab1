"""Incidents: staff write them in the admin, and everybody reads them at once on the page, in the feed and at home."""

from datetime import timedelta
from typing import Any
from xml.etree import ElementTree

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.core.cache import cache
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from catalog.models import Incident, Model
from tests.tokenoutput.pages import catalog_make, catalog_only, visitor
from tests.tokenoutput.test_feeds import entries
from tests.tokenoutput.test_pages import text_of

pytestmark = pytest.mark.django_db
ADD = "admin:catalog_incident_add"


@pytest.fixture(autouse=True)
def catalog():
    made = catalog_make()
    catalog_only("small", "wide")
    return made


@pytest.fixture
def staff():
    return worker("add_incident", "change_incident", "view_incident", "add_incidentupdate", "change_incidentupdate")


def worker(*codenames):
    """A member of staff who may do this and nothing else."""
    user = get_user_model().objects.create_user(email=f"s{len(codenames)}@example.com", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client = Client()
    client.force_login(user)
    return client


def written(client, *texts, incident=None, **fields):
    """The answer of the admin after an incident was written, or written on, with further updates."""
    now = timezone.now()
    form: dict[str, Any] = {
        "title": "Slow answers", "state": "investigating", "impact": "minor",
        "began_at_0": f"{now - timedelta(hours=2):%Y-%m-%d}", "began_at_1": f"{now - timedelta(hours=2):%H:%M:%S}",
        "ended_at_0": "", "ended_at_1": "", "updates-TOTAL_FORMS": len(texts), "updates-INITIAL_FORMS": 0,
    }  # fmt: skip
    for number, text in enumerate(texts):
        at = now - timedelta(minutes=30 - number)
        form |= {f"updates-{number}-text": text}
        form |= {f"updates-{number}-at_0": f"{at:%Y-%m-%d}", f"updates-{number}-at_1": f"{at:%H:%M:%S}"}
    if incident:
        form |= {f"updates-{number}-incident": incident.id for number in range(len(texts))}
    page = reverse("admin:catalog_incident_change", args=[incident.id]) if incident else reverse(ADD)
    return client.post(page, form | fields)


def feed(client):
    return [(entry["title"].text, entry["content"].text) for entry in entries(client, "/status.xml")]


def test_what_staff_write_is_there_at_once_and_ends_when_it_is_resolved(staff, client, catalog):
    ada = visitor()
    text = text_of(client.get("/status"))  # From now on the page's figures are kept for half a minute.
    assert "No incidents in the last 90 days" in text
    assert feed(client) == []
    assert "What we know" not in text_of(ada.client.get(ada.path()))

    said = ("We see it.\n\nIt is <b>small</b> alone.", "A provider is slow.")
    assert written(staff, *said, affected=[catalog["small"]]).status_code == 302
    incident = Incident.objects.get()
    html = client.get("/status").content.decode()
    assert html.index("Slow answers") < html.index("The platform")
    assert html.index("A provider is slow.") < html.index("We see it.")
    assert "&lt;b&gt;small&lt;/b&gt;" in html and "<b>small" not in html
    text = text_of(client.get("/status"))
    assert "1 incident is open" in text and "Slow answers Minor Investigating" in text
    assert f"Since {incident.began_at:%-d %b %Y %H:%M} UTC, for 2" in text and "· small" in text
    assert "None but the open ones in the last 90 days." in text
    home = ada.client.get(ada.path()).content.decode()
    assert "What we know" in home and f"/status#incident-{incident.id}" in home
    ((title, told),) = feed(client)
    assert title == "Slow answers (Investigating)" and "It is <b>small</b> alone." in str(told)

    assert written(staff, incident=incident, state="resolved", all_models="on").status_code == 302
    incident.refresh_from_db()
    assert incident.ended_at is not None
    html = client.get("/status").content.decode()
    assert html.index("The platform") < html.index("Slow answers")
    text = text_of(client.get("/status"))
    assert "is open" not in text and "Resolved Minor" in text and "UTC, 2" in text and "All models" in text
    assert "What we know" not in text_of(ada.client.get(ada.path()))
    assert [title for title, _ in feed(client)] == ["Slow answers (Resolved)"]


def test_history_goes_back_ninety_days_and_open_ones_stay(client, django_assert_num_queries):
    now = timezone.now()
    for days in (0, 89, 91):
        ended = now - timedelta(days=days, minutes=1)
        Incident.objects.create(title=f"Over {days}", state="resolved", began_at=ended, ended_at=ended)
    old = Incident.objects.create(title="Open long", impact="major", began_at=now - timedelta(days=200))
    hidden = Model.objects.get(public_id="wide")
    old.affected.add(hidden, Model.objects.get(public_id="small"))
    Model.objects.filter(id=hidden.id).update(listed=False)
    for number in range(3):
        old.updates.create(text=f"Update {number}")
    client.get("/status")
    with django_assert_num_queries(3):
        html = client.get("/status").content.decode()
    places = [html.index(title) for title in ("Open long", "The platform", "Over 0", "Over 89")]
    assert places == sorted(places)
    assert "Over 91" not in html
    assert "/models/wide" not in html
    titles = [entry["title"].text for entry in entries(client, "/status.xml")]
    assert titles == ["Open long (Investigating)", "Over 0 (Resolved)", "Over 89 (Resolved)"]
    cache.clear()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"ended_at_0": "2020-01-01", "ended_at_1": "00:00"}, "Choose resolved, or leave this empty."),
        ({"state": "resolved", "ended_at_0": "2020-01-01", "ended_at_1": "00:00"}, "cannot end before it began"),
        ({"title": ""}, "This field is required."),
        ({"state": "nonsense"}, "Select a valid choice"),
    ],
)
def test_what_cannot_be_is_refused(staff, fields, said):
    answer = written(staff, **fields)
    assert answer.status_code == 200 and said in answer.content.decode()
    assert not Incident.objects.exists()


def test_the_database_refuses_it_as_well():
    for fields in ({"state": "resolved"}, {"ended_at": timezone.now()}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Incident.objects.create(title="x", **fields)


def test_only_staff_who_may_write_incidents(client):
    looking = worker("view_incident")
    assert looking.get(reverse("admin:catalog_incident_changelist")).status_code == 200
    assert written(looking).status_code == 403
    assert written(visitor().client).status_code == 302  # To the page that signs staff in.
    assert written(client).status_code == 302
    assert not Incident.objects.exists()


def test_the_page_names_its_feed(client):
    assert 'href="/status.xml"' in client.get("/status").content.decode()
    assert ElementTree.fromstring(client.get("/status.xml").content) is not None
