"""The dashboard's navigation: a page gets one line here, and its icon a symbol in static/img/icons.svg."""

from dataclasses import dataclass

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.access import Access
from accounts.roles import Action


@dataclass(frozen=True, slots=True)
class Entry:
    """A page that the navigation leads to."""

    url_name: str
    label: str | Promise
    icon: str
    action: Action = Action.READ
    also: tuple[str, ...] = ()  # URL names of pages below this one.
    key: str = ""  # After “g” on the keyboard it leads here.


@dataclass(frozen=True, slots=True)
class Group:
    """Pages that belong together, under a quiet heading."""

    label: str | Promise
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Link:
    """An entry as one visitor sees it."""

    url: str
    label: str | Promise
    icon: str
    is_here: bool
    key: str


BILLING_PAGES = (
    "topup",
    "topup_return",
    "refund",
    "auto_topup",
    "budgets",
    "ledger",
    "receipts",
    "receipt_page",
    "billing_profile",
    "statement",
)
KEY_PAGES = ("key", "key_rotate", "key_revoke")
GROUPS = (
    Group(
        "",
        (
            Entry("overview", _("Overview"), "overview", key="o"),
            Entry("quickstart", _("Quickstart"), "play", also=("quickstart_run",)),
        ),
    ),
    Group(
        _("Build"),
        (
            Entry("playground", _("Playground"), "prompt", Action.API_KEYS_CHANGE),
            Entry("keys", _("API keys"), "key", also=KEY_PAGES, key="k"),
            Entry("requests", _("Requests"), "list", also=("request",)),
            Entry("usage", _("Usage"), "usage", key="u"),
        ),
    ),
    Group(
        _("Money"),
        (
            Entry("billing", _("Billing"), "card", also=BILLING_PAGES, key="b"),
            Entry("alerts", _("Alerts"), "bell"),
        ),
    ),
    Group(
        _("Organisation"),
        (
            Entry("members", _("Members"), "people"),
            Entry("organization_settings", _("Settings"), "sliders"),
            Entry("management_keys", _("Management keys"), "terminal", Action.MANAGEMENT_KEYS_CHANGE),
            Entry("webhooks", _("Webhooks"), "hook", also=("webhook", "webhook_secret")),
            Entry("audit", _("Audit log"), "page", Action.AUDIT_READ),
        ),
    ),
)


def navigation_for(access: Access, *, url_name: str) -> list[tuple[str | Promise, list[Link]]]:
    """Groups of links that this member may follow; a group without any is left out."""
    organization = access.organization
    groups = [
        (
            group.label,
            [
                Link(
                    url=reverse(entry.url_name, args=[organization.slug]),
                    label=entry.label,
                    icon=entry.icon,
                    is_here=url_name == entry.url_name or url_name in entry.also,
                    key=entry.key,
                )
                for entry in group.entries
                if organization.may(entry.action)
            ],
        )
        for group in GROUPS
    ]
    return [(label, links) for label, links in groups if links]
