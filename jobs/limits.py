"""What a process that makes a paper may use: a paper that asks for more fails, and the machine goes on.

The process ends when its paper is made, so that what it was denied is denied to nobody else.
"""

import resource
from pathlib import Path

MEMORY = 1024 * 1024 * 1024
"""Octets of addresses beside those that the process begins with; a large paper takes half of them."""
CPU_SECONDS = 100
SECONDS = 120
"""How long a paper may take. Whoever is still at it then is ended, long before the lease of its row ends."""


def impose() -> None:
    memory = MEMORY + _taken()
    for what, most in ((resource.RLIMIT_CORE, 0), (resource.RLIMIT_CPU, CPU_SECONDS), (resource.RLIMIT_AS, memory)):
        hard = resource.getrlimit(what)[1]
        least = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (least, hard))


def _taken() -> int:
    """The octets of addresses that this process has already (Linux tells; elsewhere none are counted)."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    except OSError:
        return 0
