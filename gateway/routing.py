"""Which routes to try and in what order. Pure."""

from collections.abc import Callable, Container
from math import log
from random import random as random_default

from catalog.snapshot import Model, Protocol, Route
from gateway.protocols import NEAREST, ClientProtocol

ATTEMPTS_MAX = 3


def candidates(
    model: Model,
    protocol: ClientProtocol,
    conversions: Container[tuple[ClientProtocol, Protocol]],
    random: Callable[[], float] = random_default,
) -> list[Route]:
    """Routes that can serve a client of `protocol`: by priority, then no conversion before conversion, then by weight.

    Weight is a share: among equals each comes first that often. Empty when no route's protocol can be converted to.
    """
    usable = [route for route in model.routes if (protocol, route.protocol) in conversions]
    if len(usable) > 1:
        # The smallest of weighted exponentials is drawn in proportion to the weights, and so on down the list.
        usable.sort(
            key=lambda route: (
                route.priority,
                route.protocol != NEAREST[protocol],
                -log(random() or 1e-300) / max(route.weight, 1),
            )
        )
    return usable[:ATTEMPTS_MAX]
