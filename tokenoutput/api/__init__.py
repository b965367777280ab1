"""The management API, /api/v1: thin views over services and selectors."""
