"""How things stand before a run: the models that may be tried, and what is in the way, with the one thing to do."""

from dataclasses import dataclass

from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.playground_keys import PlaygroundKey, playground_key_get
from accounts.roles import Action
from accounts.selectors import OrganizationView
from billing.selectors import WalletNotFound, WalletView, wallet_get
from catalog.selectors import CatalogRow, catalog_list
from gateway.convert import CONVERSIONS


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why it cannot run, or can hardly; the one thing to do about it. `stops`: nothing can be run until then."""

    title: str
    text: str
    action: str
    url: str
    stops: bool = True


@dataclass(frozen=True, slots=True)
class Standing:
    """What a member's playground offers."""

    rows: list[CatalogRow]
    key: PlaygroundKey | None
    obstacle: Obstacle | None

    @property
    def is_stopped(self) -> bool:
        """Whether nothing can be run."""
        return self.obstacle is not None and self.obstacle.stops

    def row(self, public_id: str) -> CatalogRow | None:
        """The model of this name, if it may be tried."""
        return next((row for row in self.rows if row.public_id == public_id), None)


def standing_of(organization: OrganizationView) -> Standing:
    """For the member who is looking."""
    sold = [row for row in catalog_list(conversions=CONVERSIONS) if "openai_chat" in row.protocols]
    key = playground_key_get(organization_id=organization.id, member_id=organization.member_id)
    allowed = key.view.allowed_models if key else None
    rows = sold if allowed is None else [row for row in sold if row.public_id in allowed]
    return Standing(rows, key, _obstacle(organization, sold, rows, key))


def _obstacle(
    organization: OrganizationView, sold: list[CatalogRow], rows: list[CatalogRow], key: PlaygroundKey | None
) -> Obstacle | None:
    if not sold:
        said = _("As soon as a model that chats is for sale, you can ask it here.")
        return Obstacle(_("There is no model to try yet"), said, _("Look at the catalog"), reverse("models"))
    return (key and _of_key(organization, rows, key)) or _of_wallet(organization)


def _of_key(organization: OrganizationView, rows: list[CatalogRow], key: PlaygroundKey) -> Obstacle | None:
    words = {
        "disabled": (_("Your playground key is off"), _("Enable it, and you can go on.")),
        "expired": (_("Your playground key has expired"), _("Let it live on, or revoke it to be given another.")),
    }
    said = words.get(key.view.state)
    if said is None and not rows:
        said = (_("Your playground key may use none of these models"), _("Choose others among its rules."))
    url = reverse("key", args=[organization.slug, key.view.public_hash])
    return said and Obstacle(*said, _("Open the key"), url)


def _of_wallet(organization: OrganizationView) -> Obstacle | None:
    try:
        wallet = wallet_get(organization_id=organization.id)
    except WalletNotFound:
        wallet = WalletView(0, 0, 0, 0, 0, 0, "active")
    billing = reverse("billing", args=[organization.slug])
    if wallet.debt_nanos or wallet.status != "active":
        said = _("It is frozen or in debt, and takes no new requests.")
        return Obstacle(_("Your wallet is closed"), said, _("See why"), billing)
    if wallet.available_nanos > 0:
        return None
    if organization.may(Action.MONEY_CHANGE):
        said = _("Only models that are free will answer until there is money again.")
        return Obstacle(_("Your balance is used up"), said, _("Add money"), f"{billing}#topup", stops=False)
    said = _("Only models that are free will answer. Somebody with the role owner, admin or billing can add money.")
    who = reverse("members", args=[organization.slug])
    return Obstacle(_("Your balance is used up"), said, _("See who can"), who, stops=False)
