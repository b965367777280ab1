"""`python -m tests.faults.another_clock SECONDS MODULE`: a program by whose clock it is so many seconds later."""

import runpy
import sys
from datetime import UTC, datetime, timedelta

import time_machine


def main(seconds: str, module: str) -> None:
    sys.argv = [module]
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=float(seconds)), tick=True):
        runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
