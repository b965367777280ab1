"""API keys by name and back, for pages that show or filter usage: never more rows than are asked for."""

from collections.abc import Iterable

from accounts.models import ApiKey, Membership

SAME_NAME_MAX = 100


def api_key_names_of(*, organization_id: int, ids: Iterable[int]) -> dict[int, str]:
    """Names by id, of these keys only."""
    keys = ApiKey.objects.filter(organization_id=organization_id, id__in=set(ids))
    return dict(keys.values_list("id", "name"))


def api_key_ids_named(*, organization_id: int, name: str) -> list[int]:
    """The newest keys of exactly this name; several may share it."""
    keys = ApiKey.objects.filter(organization_id=organization_id, name=name).order_by("-id")
    return list(keys.values_list("id", flat=True)[:SAME_NAME_MAX])


def api_key_ids_hashed(*, organization_id: int, hashes: Iterable[str]) -> dict[str, int]:
    """Ids by public hash, of those the organisation has."""
    keys = ApiKey.objects.filter(organization_id=organization_id, public_hash__in=set(hashes))
    return dict(keys.values_list("public_hash", "id"))


def member_emails_of(*, organization_id: int, ids: Iterable[int]) -> dict[int, str]:
    """E-mail addresses by member id; who left is missing."""
    members = Membership.objects.filter(organization_id=organization_id, id__in=set(ids))
    return dict(members.values_list("id", "user__email"))
