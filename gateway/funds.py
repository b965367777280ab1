"""How much money a request needs to hold: all of it at first, or slice by slice while it streams. Arithmetic alone."""

from catalog.pricing import TOKENS_UNBOUNDED, bound_nanos, output_tokens_affordable
from gateway.ask import Ask

# Output tokens of each choice that a stream holds at first, and by which its hold grows.
SLICE_TOKENS = 4_096
# Fewer tokens than this of each choice are not worth an answer: 402.
FLOOR_TOKENS = 256
# More money is asked for when this part of a slice is left.
LEFT_PART = 2
# So many slices a stream may go beyond its hold while the ledger is out of reach.
OUTAGE_SLICES = 4


class Funds:
    """What one request holds (`held_nanos`), what that covers, and what it should hold next."""

    def __init__(self, ask: Ask) -> None:
        self._pricing = ask.model.pricing
        self._choices = ask.choices
        self._slice_tokens = SLICE_TOKENS * ask.choices
        self._prompt_tokens_max = ask.prompt_tokens_max
        self._output_tokens_max = ask.output_tokens_max
        self._floor_tokens = min(FLOOR_TOKENS * ask.choices, ask.output_tokens_max)
        # Less will do: a stream can be stopped, a whole answer asked for with a maximum that its client left open.
        self._can_shrink = ask.stream or not ask.output_is_limited
        first_tokens = min(self._slice_tokens, ask.output_tokens_max) if ask.stream else ask.output_tokens_max
        self.first_nanos = self._bound(first_tokens)
        self.held_nanos = 0
        self.covered_tokens = 0

    def shrunk_nanos(self, available_nanos: int) -> int | None:
        """The most that can be held first of what is available; None where that is too little for an answer."""
        tokens = self.affordable_tokens(available_nanos)
        if not self._can_shrink or tokens < self._floor_tokens:
            return None
        shrunk = self._bound(tokens)
        return shrunk if shrunk <= available_nanos and shrunk < self.first_nanos else None

    def affordable_tokens(self, available_nanos: int) -> int:
        """How many output tokens of all choices `available_nanos` can pay; a whole number of each choice's."""
        tokens = self._affordable(available_nanos)
        return max(min(tokens, self._output_tokens_max) // self._choices * self._choices, 0)

    @property
    def covered_tokens_each(self) -> int:
        """Output tokens of each choice that the hold covers."""
        return self.covered_tokens // self._choices

    def hold(self, nanos: int) -> None:
        """So much is held now."""
        self.held_nanos = nanos
        tokens = self._affordable(nanos)
        # Who holds the whole bound needs no more, whatever an upstream counts.
        self.covered_tokens = tokens if tokens < self._output_tokens_max else TOKENS_UNBOUNDED

    def learn(self, prompt_tokens: int | None) -> None:
        """The upstream told the prompt's tokens: what was held for more of them covers output."""
        if prompt_tokens is not None and prompt_tokens < self._prompt_tokens_max:
            self._prompt_tokens_max = prompt_tokens
            self.hold(self.held_nanos)

    def wanted_nanos(self, output_tokens: int) -> int:
        """By how much the hold should grow, now that there may be so many output tokens; 0: not yet."""
        if self.covered_tokens - output_tokens >= self._slice_tokens // LEFT_PART:
            return 0
        tokens = min(max(self.covered_tokens, output_tokens) + self._slice_tokens, self._output_tokens_max)
        return max(self._bound(tokens) - self.held_nanos, 0)

    def is_worth(self, available_nanos: int) -> bool:
        """Whether what is still available would buy enough to ask for it."""
        return self._affordable(self.held_nanos + available_nanos) - self.covered_tokens >= self._floor_tokens

    def allowed_tokens(self, *, outage: bool) -> int:
        """How many output tokens may be given; in an outage of the ledger more than is held for, at our risk."""
        return self.covered_tokens + (self._slice_tokens * OUTAGE_SLICES if outage else 0)

    def _affordable(self, nanos: int) -> int:
        return output_tokens_affordable(
            amount_nanos=nanos, prompt_tokens_max=self._prompt_tokens_max, pricing=self._pricing
        )

    def _bound(self, output_tokens: int) -> int:
        return bound_nanos(
            prompt_tokens_max=self._prompt_tokens_max, output_tokens_max=output_tokens, pricing=self._pricing
        )
