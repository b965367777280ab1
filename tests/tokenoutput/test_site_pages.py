"""One model's page, the changelog, and what machines read."""

import re
from xml.etree import ElementTree

import pytest

from catalog.models import Model
from catalog.selectors import catalog_list
from tests.tokenoutput.pages import catalog_make, catalog_only
from tests.tokenoutput.test_pages import text_of

pytestmark = pytest.mark.django_db
SITE = "https://api.example.test"


@pytest.fixture(autouse=True)
def rows(settings):
    settings.SITE_URL = SITE
    catalog_make()
    catalog_only("small", "wide", "gift")
    return catalog_list()


def test_every_model_of_the_table_has_a_page(client, rows):
    table = client.get("/models").content.decode()
    for row in rows:
        assert f'href="/models/{row.public_id}"' in table
        text = text_of(client.get(f"/models/{row.public_id}"))
        assert f"Name {row.public_id} in your request" in text
        assert "Examples with this model" in text


def test_a_model_that_is_not_listed_has_none(client, rows):
    Model.objects.filter(public_id=rows[0].public_id).update(listed=False)
    assert client.get(f"/models/{rows[0].public_id}").status_code == 404
    assert client.get("/models/no-such-model").status_code == 404


def test_a_strange_name_is_text(client):
    assert client.get("/models/<script>alert(1)</script>").status_code == 404


def test_the_changelog_shows_every_line(client, settings):
    text = text_of(client.get("/changelog"))
    bullets = re.findall(r"^- (.+)$", (settings.BASE_DIR / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert len(bullets) > 20
    for bullet in bullets:
        words = " ".join(re.findall(r"\w+", bullet))
        assert words in " ".join(re.findall(r"\w+", text)), bullet


def test_agents_find_every_model_and_its_price(client, rows):
    response = client.get("/llms.txt")
    assert response["Content-Type"].startswith("text/plain")
    text = response.content.decode()
    assert text.startswith("# TokenOutput\n")
    for row in rows:
        line = next(line for line in text.splitlines() if line.startswith(f"- [{row.public_id}]({SITE}/models/"))
        assert "free" in line or "$" in line
        (twin,) = re.findall(r"\]\(([^)]+)\)", line)
        assert twin.endswith(f"/models/{row.public_id}.md")
        assert client.get(twin.removeprefix(SITE)).content.decode().startswith(f"# {row.public_id}\n")
    assert "&" not in text


def test_the_sitemap_names_pages_that_exist(client, rows):
    root = ElementTree.fromstring(client.get("/sitemap.xml").content)
    urls = [loc.text or "" for loc in root.iter("{http://www.sitemaps.org/schemas/sitemap/0.9}loc")]
    assert {f"{SITE}{path}" for path in ("/", "/docs/", "/docs/errors", "/legal/dpa", "/changelog")} <= set(urls)
    assert len(urls) == len(set(urls)) > 25 + len(rows)
    for url in urls:
        assert client.get(url.removeprefix(SITE)).status_code == 200


def test_crawlers_are_told_what_is_private(client):
    text = client.get("/robots.txt").content.decode()
    assert "Disallow: /app/" in text
    assert text.strip().endswith(f"Sitemap: {SITE}/sitemap.xml")
