"""How the threads of a timed process behave: the same for a candidate and for what it is compared with."""

from __future__ import annotations

import os


def openmp() -> dict[str, str]:
    """Settings of OpenMP: a thread for every processor this process may use, each bound to one, none spinning.

    A spinning thread on a shared machine costs forty times the work. A thread that wakes on its sibling's processor
    runs at half speed until the scheduler moves it. The places are numbers: for the name "cores" OpenMP looks into
    ``/sys``, which no jail shows, and then it binds nothing and says nothing.
    """
    processors = sorted(os.sched_getaffinity(0))
    return {
        "OMP_NUM_THREADS": str(len(processors)),
        "OMP_WAIT_POLICY": "passive",
        "GOMP_SPINCOUNT": "0",
        "OMP_PROC_BIND": "true",
        "OMP_PLACES": ",".join(f"{{{processor}}}" for processor in processors),
    }
