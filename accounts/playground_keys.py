"""The key that a member's playground goes by: one for each, made at first use, whose secret nobody ever had."""

from dataclasses import dataclass, field
from typing import Final

from django.db import transaction

from accounts.api_key_selectors import ApiKeyView, api_key_by_id
from accounts.api_keys import api_key_create
from accounts.errors import MemberNotFound
from accounts.models import ApiKey, Membership

PLAYGROUND_KEY_NAME: Final = "Playground"


@dataclass(frozen=True, slots=True)
class PlaygroundKey:
    """The key as pages show it, and the hash by which the gateway of this process finds it."""

    view: ApiKeyView
    key_hash: bytes = field(repr=False)


def playground_key_get(*, organization_id: int, member_id: int) -> PlaygroundKey | None:
    """The member's, unless there is none yet or it was revoked."""
    keys = ApiKey.objects.filter(
        organization_id=organization_id, member_id=member_id, is_playground=True, revoked_at=None
    )
    api_key = keys.first()
    view = api_key and api_key_by_id(organization_id=organization_id, api_key_id=api_key.id)
    return PlaygroundKey(view, bytes(api_key.key_hash)) if api_key and view else None


@transaction.atomic
def playground_key_create(*, organization_id: int, member_id: int) -> int | None:
    """Make it and give its id; None where the member has one. Raises as `api_key_create`."""
    # The lock makes two presses at once make one key.
    members = Membership.objects.select_for_update().filter(organization_id=organization_id, id=member_id)
    if members.first() is None:
        raise MemberNotFound("There is no such member in this organisation.")
    if playground_key_get(organization_id=organization_id, member_id=member_id) is not None:
        return None
    made = api_key_create(
        organization_id=organization_id, name=PLAYGROUND_KEY_NAME, member_id=member_id, is_playground=True
    )
    return made.id
