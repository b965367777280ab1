"""The schedule and the embedded broker: hints that come whole, once, in order, and never pile up."""

import threading
from pathlib import Path

import pytest
from kombu import Connection

from tokenoutput.celery import app


@pytest.fixture
def queue(tmp_path):
    """A queue of the embedded broker on a folder of its own; kombu remembers by name which it has bound."""
    options = {name: str(tmp_path) for name in ("data_folder_in", "data_folder_out", "control_folder")}
    with Connection("embedded://localhost", transport_options=options) as connection:
        yield connection.SimpleQueue(tmp_path.name)


def test_every_scheduled_task_exists_and_expires():
    app.loader.import_default_modules()
    assert {entry["task"] for entry in app.conf.beat_schedule.values()} == {
        "billing.tasks.alerts_look",
        "billing.tasks.alerts_send",
        "billing.tasks.books_minute",
        "billing.tasks.books_night",
        "billing.tasks.reap",
        "billing.tasks.receipts",
        "billing.tasks.auto_topups",
        "billing.tasks.settle",
        "billing.tasks.stripe_events",
        "billing.tasks.stripe_match",
        "billing.tasks.stripe_resume",
        "billing.tasks.stripe_simulator",
        "billing.tasks.stripe_sweep",
        "billing.tasks.partitions",
    }
    for entry in app.conf.beat_schedule.values():
        assert entry["task"] in app.tasks
        assert entry["options"]["expires"] >= entry["schedule"] / 2


def test_only_json_is_taken_and_lost_work_comes_back():
    assert app.conf.accept_content == ["json"]
    assert (app.conf.task_acks_late, app.conf.task_reject_on_worker_lost) == (True, True)
    assert app.conf.task_ignore_result
    assert app.conf.task_time_limit > app.conf.task_soft_time_limit > 0


def test_messages_come_once_and_in_order(queue):
    for number in range(5):
        queue.put({"number": number})
    assert [queue.get(block=False).payload["number"] for _ in range(5)] == list(range(5))
    with pytest.raises(queue.Empty):
        queue.get(block=False)


def test_a_message_that_is_still_written_is_not_seen(queue, tmp_path):
    queue.put({"number": 1})
    (message,) = tmp_path.glob("*.msg")
    (tmp_path / "half.draft").write_bytes(message.read_bytes()[:10])
    assert queue.get(block=False).payload == {"number": 1}
    with pytest.raises(queue.Empty):
        queue.get(block=False)


def test_two_readers_share_what_there_is(tmp_path, queue):
    for number in range(200):
        queue.put(number)
    taken: list[int] = []

    def read():
        options = {name: str(tmp_path) for name in ("data_folder_in", "data_folder_out", "control_folder")}
        with Connection("embedded://localhost", transport_options=options) as connection:
            mine = connection.SimpleQueue(tmp_path.name)
            while True:
                try:
                    message = mine.get(block=False)
                except mine.Empty:
                    return
                message.ack()
                taken.append(message.payload)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert sorted(taken) == list(range(200))
    assert list(Path(tmp_path).glob("*.msg")) == []
