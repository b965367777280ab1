"""The geometry of stacked bars, drawn on the server as SVG: it prints, follows the theme and needs no script. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

SERIES_MAX = 8
# Down in pixels, across in per cent: bars stretch with the page, while words and patterns keep their size.
HEIGHT = 200
TICKS_MAX = 5
LABELS_MAX = 6
_GAP_SHARE, _GAP_SHARE_FEW, _FEW = 0.25, 0.5, 10


@dataclass(frozen=True, slots=True)
class Bar:
    """One piece of a stack: its place, which series it belongs to (9: the others), and what its tooltip says."""

    x: str
    y: str
    width: str
    height: str
    series: int
    label: str
    value: int


@dataclass(frozen=True, slots=True)
class Series:
    """A name in the legend, its number, its total, and its value in each bucket."""

    name: str
    number: int
    total: int
    values: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Tick:
    """A line across and its value."""

    y: str
    value: int


@dataclass(frozen=True, slots=True)
class Label:
    """A bucket's name under its bar; a minor one is left out where there is little room."""

    x: str
    text: str
    minor: bool


@dataclass(frozen=True, slots=True)
class Chart:
    """Stacked bars with the axis's values from 0 up and the names of some buckets."""

    bars: tuple[Bar, ...]
    series: tuple[Series, ...]
    ticks: tuple[Tick, ...]
    labels: tuple[Label, ...]


def chart_stacked(*, buckets: Sequence[str], values: Mapping[str, Sequence[int]], others: str) -> Chart:
    """One bar a bucket, stacked from `values` (a number a bucket, by name): the greatest names, then `others`."""
    series = _series(values, others, len(buckets))
    heights = [sum(one.values[at] for one in series) for at in range(len(buckets))]
    axis = axis_values(max(heights, default=0))
    return Chart(
        bars=tuple(bar for at, bucket in enumerate(buckets) for bar in _stack(at, bucket, buckets, series, axis[-1])),
        series=series,
        ticks=tuple(Tick(f"{HEIGHT - HEIGHT * value / axis[-1]:.2f}", value) for value in axis),
        labels=_labels(buckets),
    )


def axis_values(greatest: int) -> list[int]:
    """From 0 to at least `greatest` in equal steps of 1, 2 or 5 times a power of ten; [0, 1] where there is nothing."""
    if greatest <= 0:
        return [0, 1]
    power = 1
    while True:
        for step in (power, 2 * power, 5 * power):
            if step * (TICKS_MAX - 1) >= greatest:
                return list(range(0, -(-greatest // step) * step + 1, step))
        power *= 10


def _series(values: Mapping[str, Sequence[int]], others: str, count: int) -> tuple[Series, ...]:
    """The greatest by total; what was called the others before stays with them."""
    totals = sorted(((sum(numbers), name) for name, numbers in values.items()), key=lambda pair: (-pair[0], pair[1]))
    named = [name for total, name in totals if total > 0 and name != others]
    rest = [*named[SERIES_MAX:], *([others] if sum(values.get(others, ())) > 0 else [])]
    shown = [(name, number, tuple(values[name])) for number, name in enumerate(named[:SERIES_MAX], 1)]
    if rest:
        together = tuple(sum(values[name][at] for name in rest) for at in range(count))
        shown.append((others, SERIES_MAX + 1, together))
    return tuple(Series(name, number, sum(numbers), numbers) for name, number, numbers in shown)


def _stack(at: int, bucket: str, buckets: Sequence[str], series: Sequence[Series], top: int) -> list[Bar]:
    """The pieces of one bucket, from the bottom up."""
    slot = 100 / len(buckets)
    gap = slot * (_GAP_SHARE if len(buckets) > _FEW else _GAP_SHARE_FEW)
    bars, below = [], 0
    for one in series:
        value = one.values[at]
        if value > 0:
            below += value
            bars.append(
                Bar(
                    x=f"{at * slot + gap / 2:.3f}%",
                    y=f"{HEIGHT - HEIGHT * below / top:.2f}",
                    width=f"{slot - gap:.3f}%",
                    height=f"{HEIGHT * value / top:.2f}",
                    series=one.number,
                    label=f"{bucket} · {one.name}",
                    value=value,
                )
            )
    return bars


def _labels(buckets: Sequence[str]) -> tuple[Label, ...]:
    """Evenly spaced, each under the middle of its bar; every second one is minor."""
    if not buckets:
        return ()
    every = -(-len(buckets) // LABELS_MAX)
    return tuple(
        Label(f"{(at + 0.5) * 100 / len(buckets):.3f}%", buckets[at], minor=bool(number % 2))
        for number, at in enumerate(range((every - 1) // 2, len(buckets), every))
    )
