"""One call from start to end: /v1, without models of its own."""
