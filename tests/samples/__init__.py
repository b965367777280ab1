"""Replays recorded exchanges through the gateway: `make samples DIR=...`, outside `make test`."""
