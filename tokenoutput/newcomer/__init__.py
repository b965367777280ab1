"""From signing up to the first request: the quickstart in the dashboard."""
