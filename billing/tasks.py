"""The worker's doors to money. A message is only a hint: the records that wait are the queue."""

from celery import shared_task

from billing import ledger
from billing.alert_conditions import alerts_evaluate
from billing.alert_deliveries import alerts_deliver

SETTLE_LIMIT = 5_000
# So many full batches and the sweep ends: the next is two seconds away.
SETTLE_BATCHES_MAX = 20


@shared_task(name="billing.tasks.settle")
def settle() -> None:
    """Settle what waits. Twice at once is fine: each takes records that the other has not."""
    for _ in range(SETTLE_BATCHES_MAX):
        if ledger.usage_settle(limit=SETTLE_LIMIT) < SETTLE_LIMIT:
            return


@shared_task(name="billing.tasks.partitions")
def partitions() -> None:
    """Make the partitions of the coming days."""
    ledger.usage_partitions_prepare()


@shared_task(name="billing.tasks.alerts_look")
def alerts_look() -> None:
    """Raise the alerts that are due. Whoever is second finds nothing to raise."""
    alerts_evaluate()


@shared_task(name="billing.tasks.alerts_send")
def alerts_send() -> None:
    """Send the alerts that wait. Each is claimed by one."""
    alerts_deliver()
