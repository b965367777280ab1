"""Template tags over the catalog: money, prices, code."""
