"""Code samples of the documentation pages."""
