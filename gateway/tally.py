"""What one attempt gave: when content began, how much of it, and what the upstream said that was used. Pure."""

from dataclasses import dataclass, replace

from billing.attempts import Attempt
from billing.holds import Outcome, Source
from catalog.pricing import Usage
from catalog.snapshot import Route
from gateway.metering import BOUND_BYTES_PER_TOKEN, Meter, usage_estimate
from gateway.wire.stream import Answer, Seen


@dataclass(frozen=True, slots=True)
class Result:
    """What a request came to: the evidence of its usage record."""

    outcome: Outcome
    source: Source
    usage: Usage
    route: Route | None
    first_content_ms: int | None
    duration_ms: int
    attempts: tuple[Attempt, ...]  # what failed before
    flags: frozenset[str]  # what was odd about the upstream's usage: wants a person's eye, changes nothing


class Tally:
    """Observe every event, or the whole answer, with the time it came at; ask for `usage` at the end."""

    def __init__(self) -> None:
        self._meter = Meter()
        self._usage_is_late = False
        self._output_bytes = 0
        self.first_content: float | None = None

    @property
    def flags(self) -> frozenset[str]:
        """What was odd about the upstream's usage: wants a person's eye, changes nothing."""
        return self._meter.flags

    @property
    def output_tokens_bound(self) -> int:
        """How many output tokens were seen, at most: not what is charged, but what should be held."""
        return -(-self._output_bytes // BOUND_BYTES_PER_TOKEN)

    @property
    def output_tokens_likely(self) -> int:
        """The same, or what the upstream told where that is more: some of it may never be seen."""
        metered = self._meter.usage
        return max(metered.output_tokens if metered else 0, self.output_tokens_bound)

    @property
    def prompt_tokens(self) -> int | None:
        """The prompt's tokens, once the upstream told them."""
        metered = self._meter.usage
        return metered.prompt_tokens if metered else None

    def observe(self, seen: Seen | Answer, *, now: float) -> None:
        """Take one more event, or the answer."""
        if seen.content and self.first_content is None:
            self.first_content = now
        self._output_bytes += seen.output_bytes
        if seen.usage is not None:
            self._meter.observe(seen.usage)
            self._usage_is_late = self.first_content is not None

    def usage(self, *, ended: bool, prompt_bytes: int) -> tuple[Usage, Source]:
        """Metered where the upstream said it, else estimated from what was seen: missing usage is never no usage."""
        metered = self._meter.usage
        estimate = usage_estimate(prompt_bytes=prompt_bytes, output_bytes=self._output_bytes)
        if metered is None:
            if ended and self.first_content is None:
                return Usage(), "none"
            return estimate, "estimated"
        if ended or self._usage_is_late:
            return metered, "upstream"
        # Only the opening numbers came: the input is known, the output so far is counted.
        return replace(metered, output_tokens=max(metered.output_tokens, estimate.output_tokens)), "counted"
