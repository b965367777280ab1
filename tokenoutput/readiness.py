"""Waits, from outside, until the processes that `up` started answer."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Sequence

ASK_SECONDS = 2
PAUSE_SECONDS = 0.1


class NotReady(Exception):
    """They did not answer in time; the message says what the last one said."""


def ready_wait(urls: Sequence[str], *, timeout_seconds: float) -> None:
    """Return when every URL answers 200. Raises `NotReady`."""
    deadline = time.monotonic() + timeout_seconds
    waiting = list(urls)
    while waiting:
        said = _answer(waiting[0])
        if said is None:
            waiting.pop(0)
        elif time.monotonic() > deadline:
            raise NotReady(f"Not ready after {timeout_seconds:.0f} s: {waiting[0]} says {said}.")
        else:
            time.sleep(PAUSE_SECONDS)


def _answer(url: str) -> str | None:
    """None for 200, else the reason."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=ASK_SECONDS):  # Our own address, over plain HTTP.
            return None
    except urllib.error.HTTPError as error:
        try:
            return ", ".join(json.load(error)["reasons"])
        except (ValueError, KeyError, TypeError):
            return f"HTTP {error.code}"
    except OSError as error:
        return str(getattr(error, "reason", error))
