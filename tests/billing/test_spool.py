"""The spool: finishes on the disk, sent once the ledger takes them, by whoever comes next."""

import os
import resource
import signal
import subprocess
import sys
import zlib
from collections import Counter
from dataclasses import replace
from uuid import UUID

import anyio
import msgspec
import pytest

from billing.attempts import Attempt
from billing.batches import LedgerUnavailable
from billing.holds import FinishAnswer, FinishRequest
from billing.spool import Spool, SpoolFailed
from tests.billing.test_holds import finish_of, hold_of


def finishes(number):
    return [finish_of(hold_of(7), usd=0.25) for _ in range(number)]


class Ledger:
    """Takes finishes by id, or is away; counts what it was asked."""

    def __init__(self, *, away=False, result="charged"):
        self.away, self.result = away, result
        self.taken: Counter[UUID] = Counter()

    async def finish(self, request):
        if self.away:
            raise LedgerUnavailable("away")
        self.taken[request.request_id] += 1
        return FinishAnswer(self.result, request.charge_nanos, 0)


def files(folder, suffix="spool"):
    return sorted(folder.glob(f"*.{suffix}"))


async def test_what_was_appended_is_sent_once_and_gone(tmp_path):
    spool, ledger, sent = Spool(tmp_path), Ledger(), finishes(300)
    async with anyio.create_task_group() as group:
        for request in sent:
            group.start_soon(spool.append, request)
    assert await spool.replay(ledger.finish) == 300
    assert ledger.taken == Counter(request.request_id for request in sent)
    assert files(tmp_path) == []
    assert await spool.replay(ledger.finish) == 0


async def test_several_at_once_share_a_write(tmp_path, monkeypatch):
    spool, writes, fsync = Spool(tmp_path), [], os.fsync

    def counted(descriptor):
        writes.append(descriptor)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", counted)
    async with anyio.create_task_group() as group:
        for request in finishes(100):
            group.start_soon(spool.append, request)
    assert len(writes) <= 6
    spool.close()


async def test_while_the_ledger_is_away_everything_stays(tmp_path):
    spool, ledger, (one, two) = Spool(tmp_path), Ledger(away=True), finishes(2)
    await spool.append(one)
    assert await spool.replay(ledger.finish) == 0
    await spool.append(two)  # After a look at the first.
    ledger.away = False
    assert await spool.replay(ledger.finish) == 2
    assert set(ledger.taken) == {one.request_id, two.request_id}
    assert files(tmp_path) == []


async def test_a_living_process_keeps_its_own_file(tmp_path):
    living, other, ledger, (request,) = Spool(tmp_path), Spool(tmp_path), Ledger(), finishes(1)
    await living.append(request)
    assert await other.replay(ledger.finish) == 0
    assert await living.replay(ledger.finish) == 1


WRITES_AND_DIES = """
import sys, os, signal, anyio, uuid
from pathlib import Path
from catalog.pricing import Usage
from billing.holds import FinishRequest
from billing.spool import Spool
from gateway.request_id import request_id_make
async def main():
    spool = Spool(Path(sys.argv[1]))
    while True:
        request = FinishRequest(request_id_make(), 7, "completed", "upstream", 5, 3, None, None, Usage(), None, 9)
        await spool.append(request)
        print(request.request_id, flush=True)
anyio.run(main)
"""


@pytest.mark.parametrize("told", [1, 40])
def test_what_a_killed_process_said_was_durable_is_there(tmp_path, told):
    process = subprocess.Popen(
        [sys.executable, "-c", WRITES_AND_DIES, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    ids = [process.stdout.readline().strip() for _ in range(told)]
    process.send_signal(signal.SIGKILL)
    ids += process.stdout.read().split()
    process.stdout.close()
    process.wait(timeout=10)
    ledger = Ledger()
    anyio.run(Spool(tmp_path).replay, ledger.finish)
    assert set(ids) <= {str(one) for one in ledger.taken}
    assert set(ledger.taken.values()) == {1}
    assert files(tmp_path) == []


async def test_a_torn_last_record_was_never_promised(tmp_path):
    spool, ledger, (one, two) = Spool(tmp_path), Ledger(), finishes(2)
    await spool.append(one)
    await spool.append(two)
    [path] = files(tmp_path)
    path.write_bytes(path.read_bytes()[:-20])
    assert await Spool(tmp_path).replay(ledger.finish) == 0  # Its writer lives.
    assert await spool.replay(ledger.finish) == 1
    assert set(ledger.taken) == {one.request_id}


@pytest.mark.parametrize("damage", [b"not a record\n", b"00000000 {}\n", b"zz {}\n"])
async def test_a_damaged_file_is_sent_as_far_as_it_goes_and_kept(tmp_path, damage):
    spool, ledger, (one,) = Spool(tmp_path), Ledger(), finishes(1)
    await spool.append(one)
    [path] = files(tmp_path)
    path.write_bytes(damage + path.read_bytes())
    assert await spool.replay(ledger.finish) == 1
    assert (files(tmp_path), len(files(tmp_path, "kept"))) == ([], 1)


@pytest.mark.parametrize(("result", "kept"), [("late", 0), ("duplicate", 0), ("unknown", 1), ("conflict", 1)])
async def test_what_the_ledger_refuses_is_kept_for_a_person(tmp_path, result, kept):
    spool, (one,) = Spool(tmp_path), finishes(1)
    await spool.append(one)
    await spool.replay(Ledger(result=result).finish)
    assert (files(tmp_path), len(files(tmp_path, "kept"))) == ([], kept)


@pytest.fixture
def full_disk():
    """No file of this process may grow any more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    def fill(size):
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))

    yield fill
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.parametrize("room", [0, 100, 700])
async def test_a_full_disk_is_told_and_admits_nothing(tmp_path, full_disk, room):
    """What was written before stays good; a record that does not fit is torn, and nothing comes behind it."""
    spool, ledger, (one, two, three) = Spool(tmp_path), Ledger(), finishes(3)
    await spool.append(one)
    full_disk(room)
    with pytest.raises(SpoolFailed):
        await spool.append(two)
    said = [spool.admits]
    await spool.probe()
    said.append(spool.admits)
    full_disk(resource.RLIM_INFINITY)
    await spool.probe()
    assert [*said, spool.admits] == [False, False, True]
    await spool.append(three)
    await spool.replay(ledger.finish)
    assert {one.request_id, three.request_id} <= set(ledger.taken)
    assert files(tmp_path) == []


async def test_what_a_version_before_wrote_is_still_sent(tmp_path):
    """Its finishes have no attempts."""
    [request] = finishes(1)
    fields = msgspec.to_builtins(request)
    del fields["attempts"]
    body = msgspec.json.encode(fields)
    (tmp_path / "1.spool").write_bytes(b"%08x %b\n" % (zlib.crc32(body), body))
    ledger = Ledger()
    assert await Spool(tmp_path).replay(ledger.finish) == 1
    assert ledger.taken == Counter([request.request_id])
    assert files(tmp_path) == []


async def test_attempts_go_to_the_disk_and_back(tmp_path):
    attempt = Attempt(route_id=3, protocol="openai_chat", status=429, reason="rate", started_ms=1, duration_ms=20)
    [request] = finishes(1)
    sent: list[FinishRequest] = []

    async def taken(one):
        sent.append(one)
        return FinishAnswer("charged", 0, 0)

    spool = Spool(tmp_path)
    await spool.append(replace(request, attempts=(attempt,)))
    assert await spool.replay(taken) == 1
    assert sent[0].attempts == (attempt,)
