"""A small local Stripe for development and tests: its objects, its idempotency, its notices. Never in production."""
