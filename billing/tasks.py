"""The worker's doors to money. A message is only a hint: the records that wait are the queue."""

from celery import shared_task

from billing import ledger

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
