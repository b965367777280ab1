"""The worker's doors to money. A message is only a hint: the records that wait are the queue."""

from datetime import UTC, datetime, timedelta

import structlog
from celery import shared_task

from billing import ledger
from billing.alarms import alarms_mail
from billing.alert_conditions import alerts_evaluate
from billing.alert_deliveries import alerts_deliver
from billing.auto_topups import auto_topups_resume, auto_topups_run
from billing.provider_report import provider_days_alarm, provider_days_make
from billing.receipt_mails import receipts_mail
from billing.reconciliation import audited_on, books_audit, books_watch
from billing.retention import usage_retain
from billing.stripe_events import events_forget, events_process
from billing.stripe_match import account_match
from billing.stripe_mode import configured, simulated
from billing.stripe_sweep import refunds_resume, stripe_sweep

log = structlog.get_logger(__name__)

SETTLE_LIMIT = 5_000
# Everything that looks at whole days waits until the last requests of the day have ended.
NIGHT_HOUR = 1
NIGHT_SECONDS = 3_600
# So many full batches and the sweep ends: the next is two seconds away.
SETTLE_BATCHES_MAX = 20
REAP_LIMIT, REAP_BATCHES_MAX = 1_000, 20


@shared_task(name="billing.tasks.settle")
def settle() -> None:
    """Settle what waits. Twice at once is fine: each takes records that the other has not."""
    for _ in range(SETTLE_BATCHES_MAX):
        if ledger.usage_settle(limit=SETTLE_LIMIT) < SETTLE_LIMIT:
            return


@shared_task(name="billing.tasks.reap")
def reap() -> None:
    """Resolve what dead gateways left. Twice at once is fine: each hold is resolved once."""
    for _ in range(REAP_BATCHES_MAX):
        found = ledger.holds_reap(limit=REAP_LIMIT)
        if found:
            log.warning("holds_reaped", count=found)
        if found < REAP_LIMIT:
            return


@shared_task(name="billing.tasks.partitions")
def partitions() -> None:
    """Make the partitions of the coming days, and forget gateways that ended days ago."""
    ledger.usage_partitions_prepare()
    ledger.leases_forget()


@shared_task(name="billing.tasks.alerts_look")
def alerts_look() -> None:
    """Raise the alerts that are due. Whoever is second finds nothing to raise."""
    alerts_evaluate()


@shared_task(name="billing.tasks.alerts_send")
def alerts_send() -> None:
    """Send the alerts that wait. Each is claimed by one."""
    alerts_deliver()


@shared_task(name="billing.tasks.books_minute")
def books_minute() -> None:
    """Check what may have changed, and mail the alarms that nobody was told of."""
    books_watch()
    alarms_mail()


@shared_task(name="billing.tasks.books_night", soft_time_limit=NIGHT_SECONDS, time_limit=NIGHT_SECONDS + 60)
def books_night() -> None:
    """Once a day, asked each hour: close yesterday, check everything, report by provider, tidy old usage."""
    now = datetime.now(UTC)
    if now.hour < NIGHT_HOUR or audited_on(day=now):
        return
    yesterday = now.date() - timedelta(days=1)
    steps = (
        lambda: ledger.day_close(day=yesterday),
        lambda: [provider_days_make(day=yesterday - timedelta(days=back)) for back in range(2)],
        lambda: provider_days_alarm(day=yesterday),
        lambda: usage_retain(today=now.date()),
        books_audit,
        alarms_mail,
    )
    for step in steps:
        try:
            step()
        except Exception:
            log.exception("night_step_failed")


@shared_task(name="billing.tasks.stripe_events")
def stripe_events() -> None:
    """Work off Stripe's notices. Each is claimed by one."""
    if configured():
        events_process()


@shared_task(name="billing.tasks.receipts")
def receipts() -> None:
    """Mail receipts to whom the billing profile names. Each payment is claimed by one."""
    if configured():
        receipts_mail()


@shared_task(name="billing.tasks.auto_topups")
def auto_topups() -> None:
    """Charge saved cards where the balance fell below its threshold. One attempt for a wallet, however many look."""
    if configured():
        auto_topups_run()


@shared_task(name="billing.tasks.stripe_resume")
def stripe_resume() -> None:
    """Find out what became of charges and refunds whose answer was lost."""
    if configured():
        auto_topups_resume()
        refunds_resume()


@shared_task(name="billing.tasks.stripe_sweep")
def stripe_sweep_hourly() -> None:
    """Bring the books to what Stripe has, whatever notices were lost."""
    if configured():
        stripe_sweep()
        events_forget()


@shared_task(name="billing.tasks.stripe_match")
def stripe_match() -> None:
    """Match the lines of our account at Stripe with the books."""
    if configured():
        account_match()


@shared_task(name="billing.tasks.stripe_simulator")
def stripe_simulator() -> None:
    """Send the simulator's notices, as Stripe would."""
    if simulated():
        from billing.simulator.delivery import notices_deliver  # noqa: PLC0415 -- never loaded in production

        notices_deliver()
