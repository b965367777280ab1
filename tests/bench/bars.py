"""What was promised, held against what was measured."""

import sys
from dataclasses import dataclass, field


@dataclass
class Bars:
    """Prints each figure with its bar; `missed` names those that it did not reach."""

    missed: list[str] = field(default_factory=list)

    def say(self, name: str, figures: str) -> None:
        """A figure without a promise."""
        sys.stdout.write(f"{name:34} {figures}\n")
        sys.stdout.flush()

    def least(self, name: str, value: float, bar: float, unit: str) -> None:
        self._held(name, value >= bar, f"{value:10,.2f} {unit}, bar: at least {bar:,.10g}")

    def most(self, name: str, value: float, bar: float, unit: str) -> None:
        self._held(name, value <= bar, f"{value:10,.2f} {unit}, bar: at most {bar:,.10g}")

    def end(self) -> int:
        """The last line, and the exit code."""
        self.say("bars", f"MISSED: {', '.join(self.missed)}" if self.missed else "all reached")
        return 1 if self.missed else 0

    def _held(self, name: str, reached: bool, figures: str) -> None:
        if not reached:
            self.missed.append(name)
        self.say(name, f"{figures}{'' if reached else '   MISSED'}")
