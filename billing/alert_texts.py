"""What an alert says: a subject, a sentence or two, the figures, and where to go. Pure but for translations."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.translation import gettext as _, gettext_lazy, ngettext


@dataclass(frozen=True, slots=True)
class AlertText:
    """An alert in words. `page` is the page of the dashboard that helps."""

    title: str
    body: str
    figures: tuple[tuple[str, str], ...]
    page: str

    @property
    def button(self) -> str:
        """What the page is for."""
        return str(_BUTTONS[self.page.partition("/")[0]])


def alert_text(*, kind: str, level: int, facts: Mapping[str, str]) -> AlertText:
    """The words for an alert of this kind and level."""
    return _WORDS[kind](level, facts)


_BUTTONS = {
    "billing": gettext_lazy("Open billing"),
    "keys": gettext_lazy("Open API keys"),
    "usage": gettext_lazy("Open usage"),
    "alerts": gettext_lazy("Open alerts"),
    "webhooks": gettext_lazy("Open the webhook"),
}
_PERIODS = {
    "daily": gettext_lazy("daily"),
    "weekly": gettext_lazy("weekly"),
    "monthly": gettext_lazy("monthly"),
    "total": gettext_lazy("total"),
}
# Whose limit or budget, by the fact "of".
_LIMITED = {
    "API key": gettext_lazy("API key “%(name)s”"),
    "member": gettext_lazy("Member %(name)s"),
    "organisation": gettext_lazy("Your organisation"),
}


def _low_balance(level: int, facts: Mapping[str, str]) -> AlertText:
    balance = (_("Balance"), f"${facts['balance_usd']}")
    figures = (balance, (_("Told below"), f"${facts['threshold_usd']}"))
    if "required_usd" in facts:
        return _refused(balance, facts)
    if "hours_left" in facts:
        return _short(balance, facts)
    if level >= 2:
        body = _("Requests that cost anything are refused with 402 until you add money.")
        return AlertText(_("Your balance is used up"), body, figures, "billing")
    body = _("When it is used up, requests are refused with 402. Add money before that happens.")
    return AlertText(_("Your balance is low"), body, figures, "billing")


def _short(balance: tuple[str, str], facts: Mapping[str, str]) -> AlertText:
    hours = int(facts["hours_left"])
    lasts = ngettext("about %(hours)s hour", "about %(hours)s hours", hours) % {"hours": hours}
    figures = (
        balance,
        (_("Spent in the last 24 hours"), f"${facts['day_usd']}"),
        (_("Lasts at that rate"), lasts if hours else _("less than an hour")),
    )
    body = _("If spend goes on as in the last 24 hours, requests are refused with 402 before a day is over. Add money.")
    return AlertText(_("Your balance lasts less than a day"), body, figures, "billing")


def _refused(balance: tuple[str, str], facts: Mapping[str, str]) -> AlertText:
    figures = (
        balance,
        (_("It might have cost"), f"${facts['required_usd']}"),
        (_("Available then"), f"${facts['available_usd']}"),
    )
    body = _(
        "It was refused with 402 and cost nothing; requests that fit go on. Further refusals are not told again until "
        "you have added money."
    )
    return AlertText(_("A request was refused: the balance is too low for it"), body, figures, "billing")


def _key_limit(level: int, facts: Mapping[str, str]) -> AlertText:
    whose = str(_LIMITED[facts["of"]]) % {"name": facts["name"]}
    page = "billing" if facts["of"] == "organisation" else "keys"
    resets = _("never") if facts["resets_at"] == "never" else facts["resets_at"][:16].replace("T", " ") + " UTC"
    figures = (
        (_("Spent"), f"${facts['spent_usd']} ({facts['percent']} %)"),
        (_("Limit"), f"${facts['limit_usd']} ({_PERIODS[facts['period']]})"),
        (_("Starts again"), resets),
    )
    if level >= 100:
        title = _("%(whose)s has reached its spending limit") % {"whose": whose}
        body = _("Requests that do not fit into what is left are refused with 402. Raise the limit, or wait.")
    else:
        title = _("%(whose)s has used %(percent)s %% of its spending limit") % {
            "whose": whose,
            "percent": facts["percent"],
        }
        # An alert that was kept before this figure was does not have it.
        left = facts.get("left_usd")
        body = _("When the limit is reached, its requests are refused with 402. Nothing else is affected.")
        if left:
            body = _("Requests that may cost more than the $%(left)s that are left are refused with 402.") % {
                "left": left
            }
    return AlertText(title, body, figures, page)


def _topup_failed(level: int, facts: Mapping[str, str]) -> AlertText:
    figures = ((_("Amount"), f"${facts['amount_usd']}"), (_("Reason"), facts["reason"]))
    if level >= 2:
        body = _("It failed too often and was switched off. Check your card, then switch it on again.")
        return AlertText(_("Automatic top-up is switched off"), body, figures, "billing")
    body = _("It is tried again by itself, with pauses in between. Check your card, or add money by hand.")
    return AlertText(_("An automatic top-up failed"), body, figures, "billing")


def _unusual_spend(_level: int, facts: Mapping[str, str]) -> AlertText:
    figures = (
        (_("This hour"), f"${facts['hour_usd']}"),
        (_("Usual hour, last 7 days"), f"${facts['usual_usd']}"),
        (_("Told above"), _("%(factor)s times the usual") % {"factor": facts["factor"]}),
    )
    body = _("If this is not you, revoke the key that spends: the usage page shows which one it is.")
    return AlertText(_("Unusual spend this hour"), body, figures, "usage")


def _webhook_paused(_level: int, facts: Mapping[str, str]) -> AlertText:
    figures = (
        (_("Address"), facts["url"]),
        (_("Nothing was taken since"), facts["failing_since"][:16].replace("T", " ") + " UTC"),
        (_("Last error"), facts["last_error"]),
    )
    body = _(
        "It took nothing for three days, so nothing is posted to it any more, and what happens meanwhile is not "
        "posted later. Mend what answers there, then resume it."
    )
    return AlertText(_("A webhook was paused"), body, figures, f"webhooks/{facts['webhook']}")


def _test(_level: int, facts: Mapping[str, str]) -> AlertText:
    body = _("Alerts for your organisation arrive here. Nothing is wrong.")
    return AlertText(_("Test of your alerts"), body, ((_("Asked for by"), facts["asked_by"]),), "alerts")


_WORDS = {
    "low_balance": _low_balance,
    "key_limit": _key_limit,
    "topup_failed": _topup_failed,
    "unusual_spend": _unusual_spend,
    "webhook_paused": _webhook_paused,
    "test": _test,
}
