"""Measurements, each a program of its own: `python -m tests.bench.NAME`, or all of them with `make bench`."""

import os

# Before anything reads a setting; what a measurement starts gets an environment of its own.
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tokenoutput.settings")
os.environ.update(DEBUG="1", ENV_FILE=os.devnull)
