"""The sockets of one web process: who follows what, and the one loop that reads the state and tells them."""

from collections import defaultdict
from collections.abc import Callable, Iterable

import anyio
import msgspec
import structlog
from anyio import to_thread
from django.db import connection

from accounts.zones import zone_named
from tokenoutput.live.events import KINDS, events_data
from tokenoutput.live.socket import Socket
from tokenoutput.live.state import LiveState, live_state, rows_data
from tokenoutput.live.topics import CATALOG, Topic

log = structlog.get_logger(__name__)

# Each type of message comes at most once in this time.
PAUSE_SECONDS = 1.0
SOCKETS_MAX = 2000
SOCKETS_OF_ONE_MAX = 50

type StateRead = Callable[[Topic], LiveState]


class Hub:
    """Told by the database's notices that something changed, it reads the state once for all who follow it."""

    def __init__(self, *, state_read: StateRead | None = None, pause_seconds: float = PAUSE_SECONDS) -> None:
        self._state_read = state_read or _state_read
        self._pause_seconds = pause_seconds
        self._sockets: dict[Topic, set[Socket]] = defaultdict(set)
        self._told: dict[Topic, LiveState] = {}
        self._newcomers: set[Socket] = set()
        self._changed: set[Topic] = set()
        self._wake = anyio.Event()
        self.draining = False

    @property
    def sockets_count(self) -> int:
        """How many are open."""
        return sum(map(len, self._sockets.values()))

    def full(self, topic: Topic) -> bool:
        """Whether no further socket may follow this."""
        of_one = [len(them) for one, them in self._sockets.items() if one.organization_id == topic.organization_id]
        return self.sockets_count >= SOCKETS_MAX or (topic != CATALOG and sum(of_one) >= SOCKETS_OF_ONE_MAX)

    def join(self, socket: Socket) -> None:
        """From now on it is told; first, what is so now."""
        self._sockets[socket.topic].add(socket)
        if socket.topic != CATALOG:
            self._newcomers.add(socket)
            self._mark(socket.topic)

    def leave(self, socket: Socket) -> None:
        """It is told no more."""
        self._newcomers.discard(socket)
        followers = self._sockets.get(socket.topic, set())
        followers.discard(socket)
        if not followers:
            self._sockets.pop(socket.topic, None)
            self._told.pop(socket.topic, None)

    def drain(self) -> None:
        """Send everybody to another process, and take no more."""
        self.draining = True
        for socket in [one for followers in self._sockets.values() for one in followers]:
            socket.close(1012)

    def notice(self, channel: str, payload: str) -> None:
        """A change notice of the database; without a payload anything may have changed. Does not wait."""
        if channel == "catalog":
            self._mark(CATALOG)
        elif channel in {"organization", "wallet"}:
            organization_id = _organization_id(payload)
            for topic in list(self._sockets):
                if topic != CATALOG and organization_id in (None, topic.organization_id):
                    self._mark(topic)

    async def run(self) -> None:
        """Tell what changed until cancelled: the first at once, then what gathers in a pause."""
        while True:
            await self._wake.wait()
            self._wake = anyio.Event()
            changed, self._changed = self._changed, set()
            try:
                await self._tell(changed)
            except Exception:
                # Pages ask again by themselves after a while; the next change is told again.
                log.exception("live_not_told", organizations=len(changed))
            await anyio.sleep(self._pause_seconds)

    def _mark(self, topic: Topic) -> None:
        if topic in self._sockets:
            self._changed.add(topic)
            self._wake.set()

    async def _tell(self, changed: set[Topic]) -> None:
        if CATALOG in changed:
            for socket in list(self._sockets.get(CATALOG, ())):
                socket.put("catalog", {})
        topics = [topic for topic in changed if topic != CATALOG]
        if topics:
            newcomers = {topic: self._newcomers & self._sockets.get(topic, set()) for topic in topics}
            states = await to_thread.run_sync(self._states, topics)
            for topic, state in states.items():
                self._tell_one(topic, state, newcomers[topic])

    def _tell_one(self, topic: Topic, state: LiveState, newcomers: Iterable[Socket]) -> None:
        told = self._told.get(topic)
        known = {row.id for row in told.rows} if told else set()
        fresh = tuple(row for row in state.rows if row.id not in known)
        heard = {event.id for event in told.events} if told else set()
        happened = tuple(event for event in state.events if event.id not in heard)
        for socket in list(self._sockets.get(topic, ())):
            new = socket in newcomers
            self._newcomers.discard(socket)
            if new or told is None or told.balance != state.balance:
                socket.put("balance", state.balance)
            if rows := state.rows if new else fresh:
                socket.put("request", {"rows": rows_data(rows)})
            for kind in KINDS:
                if events := events_data(state.events if new else happened, kind):
                    socket.put(kind, {"events": events})
        if topic in self._sockets:
            self._told[topic] = state

    def _states(self, topics: list[Topic]) -> dict[Topic, LiveState]:
        try:
            return {topic: self._state_read(topic) for topic in topics}
        finally:
            connection.close()


def _state_read(topic: Topic) -> LiveState:
    return live_state(organization_id=topic.organization_id or 0, slug=topic.slug, zone=zone_named(topic.zone))


def _organization_id(payload: str) -> int | None:
    """Whose money moved; None: anybody's."""
    try:
        return int(msgspec.json.decode(payload)["organization_id"]) if payload else None
    except (msgspec.DecodeError, KeyError, TypeError, ValueError):
        return None
