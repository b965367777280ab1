"""`manage.py spending_limit ORGANIZATION`: an operator looks at, sets or removes its limits and budgets."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.errors import OrganizationNotFound
from accounts.selectors import api_key_names, members_list, organization_by_slug_or_name
from billing.budgets import BudgetsOutOfOrder, budgets_set
from billing.limits import PERIODS, LimitAmountRefused, LimitView, limit_remove, limit_set, limits_list
from catalog.money import nanos_to_usd, usd_to_nanos


class Command(BaseCommand):
    help = (
        "Print an organisation's spending limits as JSON. With --key, --member or --organization-budget, --period "
        "and --usd set one first; with --remove instead of --usd take it away."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("organization", help="slug or exact name")
        subject = parser.add_mutually_exclusive_group()
        subject.add_argument("--key", help="name of an API key, or its id")
        subject.add_argument("--member", help="e-mail address of a member")
        subject.add_argument("--organization-budget", action="store_true", help="of all that the organisation spends")
        parser.add_argument("--period", choices=PERIODS, help="UTC; weeks begin on Monday")
        change = parser.add_mutually_exclusive_group()
        change.add_argument("--usd", help="dollars, such as 20.00")
        change.add_argument("--remove", action="store_true", help="take the limit away")

    def handle(self, *args: Any, organization: str, **options: Any) -> None:
        try:
            organization_id = organization_by_slug_or_name(reference=organization).id
        except OrganizationNotFound as error:
            raise CommandError(str(error)) from error
        subject = self._subject(organization_id, options)
        if options["usd"] or options["remove"]:
            if subject is None or not options["period"]:
                raise CommandError("Say whose limit (--key, --member or --organization-budget) and its --period.")
            self._change(organization_id, subject, options)
        elif subject is not None or options["period"]:
            raise CommandError("Say the amount (--usd) or --remove.")
        limits = limits_list(organization_id=organization_id)
        self.stdout.write(json.dumps([_shown(limit) for limit in limits], indent=2))

    def _subject(self, organization_id: int, options: dict[str, Any]) -> dict[str, int] | None:
        if options["organization_budget"]:
            return {}
        if wanted := options["key"]:
            keys = api_key_names(organization_id=organization_id)
            found = [key_id for key_id, name in keys.items() if wanted in (name, str(key_id))]
            return {"api_key_id": _only(found, f"API key {wanted!r}")}
        if wanted := options["member"]:
            members = members_list(organization_id=organization_id)
            found = [member.id for member in members if member.email == wanted.strip().lower()]
            return {"member_id": _only(found, f"member {wanted!r}")}
        return None

    def _change(self, organization_id: int, subject: dict[str, int], options: dict[str, Any]) -> None:
        period = options["period"]
        if options["remove"]:
            limits = limits_list(organization_id=organization_id)
            whose = (subject.get("api_key_id"), subject.get("member_id"))
            found = [
                limit.id for limit in limits if (limit.api_key_id, limit.member_id, limit.period) == (*whose, period)
            ]
            limit_remove(organization_id=organization_id, limit_id=_only(found, f"{period} limit"))
            return
        try:
            amount_nanos = usd_to_nanos(options["usd"])
            if subject:
                limit_set(organization_id=organization_id, period=period, amount_nanos=amount_nanos, **subject)
            else:
                budgets_set(organization_id=organization_id, amounts_nanos={period: amount_nanos})
        except (LimitAmountRefused, BudgetsOutOfOrder) as error:
            raise CommandError(str(error)) from error
        except ValueError as error:
            raise CommandError(f"{error}.") from error


def _only(found: list[int], what: str) -> int:
    if len(found) != 1:
        raise CommandError(f"There is no {what} here." if not found else f"There are several: say the id of {what}.")
    return found[0]


def _shown(limit: LimitView) -> dict[str, Any]:
    amounts = {
        "amount": limit.amount_nanos,
        "spent": limit.spent_nanos,
        "held": limit.held_nanos,
        "left": limit.left_nanos,
    }
    shown: dict[str, Any] = {"api_key_id": limit.api_key_id, "member_id": limit.member_id, "period": limit.period}
    shown |= {name: nanos_to_usd(nanos) for name, nanos in amounts.items()}
    return shown | {"resets_at": limit.resets_at.isoformat() if limit.resets_at else None}
