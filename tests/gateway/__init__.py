"""Tests of TokenOutput."""
