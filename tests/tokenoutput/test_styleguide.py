"""The styleguide: shown to developers only, whole, and in step with the style sheets."""

from pathlib import Path

import pytest
from django.test import override_settings

from tokenoutput.styleguide import PAGES, SECTIONS

pytestmark = pytest.mark.django_db
CSS = Path(__file__).resolve().parents[2] / "tokenoutput/static/css"


def test_visitors_of_a_live_site_find_nothing(client):
    assert client.get("/styleguide/").status_code == 404


@override_settings(DEBUG=True)
def test_every_section_is_shown(client):
    html = client.get("/styleguide/").content.decode()
    assert [name for name in SECTIONS if f'<section class="guide" id="{name}"' not in html] == []
    for shown in ("aria-invalid", "disabled", "form-errors", "bar-bad", "No limit", "Clear filters", "popover"):
        assert shown in html, shown


def test_every_style_sheet_has_its_section():
    components = {sheet.stem for sheet in (CSS / "components").glob("*.css")}
    shown = set(SECTIONS) - {"tokens"} | set(PAGES)
    assert components - shown == set(), "show it: a line in tokenoutput/styleguide.py"
    assert shown - components == set()


def test_every_style_sheet_is_linked():
    linked = (CSS / "site.css").read_text()
    assert [
        sheet.name for sheet in (CSS / "components").glob("*.css") if f"components/{sheet.name}" not in linked
    ] == []
