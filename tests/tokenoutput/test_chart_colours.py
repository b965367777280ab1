"""The colours of charts stand out from what they are drawn on, in light and in dark."""

import math
import re
from pathlib import Path

import pytest

TOKENS = Path(__file__).resolve().parents[2] / "tokenoutput/static/css/tokens.css"
OKLCH = r"oklch\(([\d.]+)% ([\d.]+) ([\d.]+)\)"
CONTRAST_MIN = 3


def colours(scheme: int) -> dict[str, tuple[float, float, float]]:
    """Lightness, chroma and hue by name, of the light or the dark scheme."""
    found = re.findall(rf"--([\w-]+): light-dark\({OKLCH}, {OKLCH}\);", TOKENS.read_text())
    start = 3 * scheme
    return {name: (float(values[start]), float(values[start + 1]), float(values[start + 2])) for name, *values in found}


def luminance(colour: tuple[float, float, float]) -> float:
    """Relative luminance as WCAG defines it, by way of linear sRGB."""
    lightness, chroma, hue = colour[0] / 100, colour[1], math.radians(colour[2])
    a, b = chroma * math.cos(hue), chroma * math.sin(hue)
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    middle = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    red = 4.0767416621 * long - 3.3077115913 * middle + 0.2309699292 * short
    green = -1.2684380046 * long + 2.6097574011 * middle - 0.3413193965 * short
    blue = -0.0041960863 * long - 0.7034186147 * middle + 1.7076147010 * short
    return sum(
        part * min(max(value, 0), 1) for part, value in zip((0.2126, 0.7152, 0.0722), (red, green, blue), strict=True)
    )


def contrast(one: tuple[float, float, float], other: tuple[float, float, float]) -> float:
    """From 1 to 21."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_each_series_is_seen_on_page_and_surface(scheme):
    known = colours(scheme)
    series = {name: colour for name, colour in known.items() if re.fullmatch(r"chart-(\d|other)", name)}
    assert len(series) == 9
    for name, colour in series.items():
        for ground in ("neutral-1", "neutral-2"):
            assert contrast(colour, known[ground]) >= CONTRAST_MIN, (name, ground)


def test_contrast_is_measured_as_elsewhere():
    assert contrast((0, 0, 0), (100, 0, 0)) == pytest.approx(21, abs=0.01)
    assert contrast((62.8, 0.2577, 29.23), (100, 0, 0)) == pytest.approx(4.0, abs=0.02)  # #f00 on #fff
