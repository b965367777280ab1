"""Celery: the schedule in code. A message is only a hint, the state columns are the queue."""

import os
import warnings
from typing import Any

from celery import Celery
from celery.exceptions import SecurityWarning
from celery.signals import setup_logging
from django.conf import settings
from kombu.transport import TRANSPORT_ALIASES

from tokenoutput.logs import logging_configure

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tokenoutput.settings")
TRANSPORT_ALIASES["embedded"] = "tokenoutput.broker:Transport"
if settings.EMBEDDED:
    # Root is how a container or a bare machine is often used, and its folder of messages is ours alone.
    warnings.filterwarnings("ignore", category=SecurityWarning)

app = Celery("tokenoutput", broker=settings.CELERY_BROKER_URL)
app.conf.update(
    # A killed worker's task is given to the next one, and given up after a few.
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_retry_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    worker_concurrency=settings.CELERY_CONCURRENCY,
    task_soft_time_limit=240,
    task_time_limit=300,
    worker_soft_shutdown_timeout=settings.DRAIN_SECONDS,
    worker_cancel_long_running_tasks_on_connection_loss=True,
    worker_enable_remote_control=False,
    worker_send_task_events=False,
    worker_hijack_root_logger=False,
    worker_redirect_stdouts=False,
    accept_content=["json"],
    task_serializer="json",
    result_serializer="json",
    task_ignore_result=True,
    task_store_eager_result=False,
    broker_connection_retry_on_startup=True,
    broker_transport_options=settings.CELERY_BROKER_OPTIONS,
    timezone="UTC",
    # The schedule has no file of its own: every entry is due again soon after a start.
    beat_scheduler="celery.beat:Scheduler",
    # Every entry expires: a worker that was away finds no heap of old hints.
    beat_schedule={
        "settle": {"task": "billing.tasks.settle", "schedule": 2.0, "options": {"expires": 10}},
        "alerts_look": {"task": "billing.tasks.alerts_look", "schedule": 60.0, "options": {"expires": 60}},
        "alerts_send": {"task": "billing.tasks.alerts_send", "schedule": 5.0, "options": {"expires": 10}},
        "books_minute": {"task": "billing.tasks.books_minute", "schedule": 60.0, "options": {"expires": 60}},
        "books_night": {"task": "billing.tasks.books_night", "schedule": 3600.0, "options": {"expires": 1800}},
        "reap": {"task": "billing.tasks.reap", "schedule": settings.REAP_SECONDS, "options": {"expires": 20}},
        "stripe_events": {"task": "billing.tasks.stripe_events", "schedule": 3.0, "options": {"expires": 10}},
        "receipts": {"task": "billing.tasks.receipts", "schedule": 30.0, "options": {"expires": 30}},
        "auto_topups": {"task": "billing.tasks.auto_topups", "schedule": 5.0, "options": {"expires": 10}},
        "stripe_resume": {"task": "billing.tasks.stripe_resume", "schedule": 60.0, "options": {"expires": 60}},
        "stripe_sweep": {"task": "billing.tasks.stripe_sweep", "schedule": 3600.0, "options": {"expires": 1800}},
        "stripe_match": {"task": "billing.tasks.stripe_match", "schedule": 86400.0, "options": {"expires": 43200}},
        "partitions": {"task": "billing.tasks.partitions", "schedule": 3600.0, "options": {"expires": 1800}},
    },
)
if settings.STRIPE_SIMULATOR_FILE:
    # Nobody outside sends notices in development: the simulator does, by the same door.
    app.conf.beat_schedule["stripe_simulator"] = {
        "task": "billing.tasks.stripe_simulator",
        "schedule": 2.0,
        "options": {"expires": 10},
    }
app.autodiscover_tasks(["billing"])


@setup_logging.connect
def _logging_setup(**_received: Any) -> None:
    """Celery sets up no logging of its own where somebody answers this signal."""
    logging_configure(settings.LOGGING)
