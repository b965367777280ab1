"""The geometry of stacked bars, drawn on the server as SVG: it prints, follows the theme and needs no script. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

SERIES_MAX = 8
# The drawing's own units; CSS stretches it to its place.
WIDTH, HEIGHT = 1000, 200
_GAP_SHARE = 0.25
_STEPS = (Decimal(1), Decimal(2), Decimal("2.5"), Decimal(5), Decimal(10))


@dataclass(frozen=True, slots=True)
class Bar:
    """One piece of a stack: its place, which series it belongs to (9: the others), and what its tooltip says."""

    x: str
    y: str
    width: str
    height: str
    series: int
    label: str


@dataclass(frozen=True, slots=True)
class Series:
    """A name in the legend, its number and its total."""

    name: str
    number: int
    total: int


@dataclass(frozen=True, slots=True)
class Chart:
    """Stacked bars with the axis's greatest and middle value; `labels` are the first, middle and last bucket's."""

    bars: tuple[Bar, ...]
    series: tuple[Series, ...]
    top: int
    labels: tuple[str, ...]

    @property
    def middle(self) -> int:
        """Half way up the axis."""
        return self.top // 2


def chart_stacked(*, buckets: Sequence[str], values: Mapping[str, Sequence[int]], others: str) -> Chart:
    """One bar a bucket, stacked from `values` (a number a bucket, by name): the greatest names, then `others`."""
    totals = sorted(((sum(numbers), name) for name, numbers in values.items()), key=lambda pair: (-pair[0], pair[1]))
    shown = [name for total, name in totals if total > 0][:SERIES_MAX]
    rest = [name for total, name in totals if total > 0][SERIES_MAX:]
    stacks = [(name, number, list(values[name])) for number, name in enumerate(shown, 1)]
    if rest:
        stacks.append((others, SERIES_MAX + 1, [sum(values[name][at] for name in rest) for at in range(len(buckets))]))
    heights = [sum(numbers[at] for _, _, numbers in stacks) for at in range(len(buckets))]
    top = axis_top(max(heights, default=0))
    return Chart(
        bars=tuple(bar for at, bucket in enumerate(buckets) for bar in _stack(at, len(buckets), bucket, stacks, top)),
        series=tuple(Series(name, number, sum(numbers)) for name, number, numbers in stacks),
        top=top,
        labels=tuple(dict.fromkeys(buckets[at] for at in (0, len(buckets) // 2, len(buckets) - 1))) if buckets else (),
    )


def axis_top(greatest: int) -> int:
    """The next round number: 1, 2, 2.5 or 5 times a power of ten; 1 where there is nothing."""
    if greatest <= 0:
        return 1
    power = Decimal(10) ** (len(str(greatest)) - 1)
    return int(next(step * power for step in _STEPS if step * power >= greatest and step * power == int(step * power)))


def _stack(at: int, count: int, bucket: str, stacks: Sequence[tuple[str, int, list[int]]], top: int) -> list[Bar]:
    """The pieces of one bucket, from the bottom up."""
    slot = WIDTH / count
    bars, below = [], 0
    for name, number, numbers in stacks:
        if numbers[at] > 0:
            height = numbers[at] / top * HEIGHT
            y = HEIGHT - (below + numbers[at]) / top * HEIGHT
            bars.append(
                Bar(
                    x=f"{at * slot + slot * _GAP_SHARE / 2:.2f}",
                    y=f"{y:.2f}",
                    width=f"{slot * (1 - _GAP_SHARE):.2f}",
                    height=f"{height:.2f}",
                    series=number,
                    label=f"{bucket} · {name}",
                )
            )
            below += numbers[at]
    return bars
