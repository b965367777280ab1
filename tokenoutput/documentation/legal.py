"""The legal texts by name; each is the Markdown template `legal/<slug>.md`."""

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True, slots=True)
class LegalPage:
    """One text and what links call it."""

    slug: str
    title: Any


LEGAL = (
    LegalPage("terms", _("Terms")),
    LegalPage("privacy", _("Privacy")),
    LegalPage("refunds", _("Refunds")),
    LegalPage("dpa", _("Data processing")),
    LegalPage("subprocessors", _("Subprocessors")),
)
