"""The management API, through HTTP."""
