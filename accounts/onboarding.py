"""The first API key of an organisation: made once, however often a newcomer presses the button."""

from django.db import transaction

from accounts.api_keys import NewApiKey, api_key_create
from accounts.models import ApiKey, Organization


@transaction.atomic
def api_key_create_first(*, organization_id: int, name: str, member_id: int) -> NewApiKey | None:
    """Make it; None where the organisation has a key of its own, or had one. Raises as `api_key_create`."""
    # The lock makes two presses at once make one key.
    Organization.objects.select_for_update().filter(id=organization_id).first()
    if api_keys_begun(organization_id=organization_id):
        return None
    return api_key_create(organization_id=organization_id, name=name, member_id=member_id)


def api_keys_begun(*, organization_id: int) -> bool:
    """Whether the organisation ever had an API key for its programs; who only tried a model has yet to begin."""
    return ApiKey.objects.filter(organization_id=organization_id, is_playground=False).exists()
