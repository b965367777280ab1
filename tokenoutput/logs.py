"""One log for every process and library: structlog, one line each, JSON or for a console, redacted by shape last."""

import logging
import logging.config
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog
from structlog.dev import ConsoleRenderer, plain_traceback
from structlog.processors import JSONRenderer, TimeStamper, format_exc_info
from structlog.stdlib import ProcessorFormatter, add_log_level, add_logger_name
from structlog.types import Processor, WrappedLogger

from tokenoutput.redaction import redact

type Event = MutableMapping[str, Any]

# Line ends and other control characters, which could forge a line or drive a terminal.
_CONTROLS = {number: f"\\x{number:02x}" for number in (*range(32), *range(127, 160))}
_TRACES = {"exception", "stack"}


class RedactingFormatter(ProcessorFormatter):
    """Redacts the finished line, so nothing that a library logs, tracebacks included, gets around it."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


def logging_configure(config: Mapping[str, Any]) -> None:
    """Django's LOGGING_CONFIG. `config` is `{"level": "INFO", "json": True}`."""
    last: list[Processor] = (
        [format_exc_info, JSONRenderer()]
        if config["json"]
        else [_clean_values, ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain_traceback)]
    )
    logging.captureWarnings(capture=True)
    logging.config.dictConfig({
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {
                "()": RedactingFormatter,
                "processors": [ProcessorFormatter.remove_processors_meta, *last],
                "foreign_pre_chain": _SHARED,
                "pass_foreign_args": False,
            }
        },
        "filters": {"access": {"()": AccessFilter}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"level": config["level"], "handlers": ["stderr"]},
        # Libraries that bring handlers of their own lose them.
        "loggers": {
            name: {"handlers": [], "propagate": True}
            for name in ("django", "django.server", "uvicorn", "uvicorn.error", "celery")
        }
        | {"uvicorn.access": {"handlers": [], "propagate": True, "filters": ["access"]}}
        # Each task and tick says so at INFO: too much beside a schedule of seconds.
        | {name: {"level": "WARNING"} for name in ("celery.beat", "celery.app.trace", "celery.worker.strategy")}
        # Says each request twice, with its parameters.
        | {"stripe": {"level": "WARNING"}},
    })  # fmt: skip
    structlog.configure(
        processors=_PROCESSORS,
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


class AccessFilter(logging.Filter):
    """Uvicorn's access line as fields, without the query string, which may carry anything.

    The gateway writes its own line, with the request id; a probe is not worth one.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        if not isinstance(record.args, tuple) or len(record.args) != 5:
            return True
        client, method, target, _version, status = record.args
        path = str(target).partition("?")[0]
        record.msg, record.args = "request", ()
        record.fields = {"method": method, "path": path[:200], "status": status, "client": client}
        return not path.startswith(("/v1/", "/healthz", "/readyz"))


def _record_fields(_logger: WrappedLogger, _method: str, event: Event) -> Event:
    event.update(getattr(event.get("_record"), "fields", {}))
    return event


def _clean_values(_logger: WrappedLogger, _method: str, event: Event) -> Event:
    """For a console: one line stays one line, and secrets go before colours hide their shape. JSON needs neither."""
    return {
        key: redact(value).translate(_CONTROLS) if isinstance(value, str) and key not in _TRACES else value
        for key, value in event.items()
    }


_SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    add_log_level,
    add_logger_name,
    TimeStamper(fmt="iso", utc=True),
    _record_fields,
]
# One list for good: loggers keep the one they began with, and who listens to them (tests do) changes what is in it.
_PROCESSORS: list[Processor] = [structlog.stdlib.filter_by_level, *_SHARED, ProcessorFormatter.wrap_for_formatter]
