"""What a process that makes a paper may use: a paper that asks for more fails, and the machine goes on.

The process ends when its paper is made, so that what it was denied is denied to nobody else.
"""

import resource

MEMORY = 1024 * 1024 * 1024
"""Octets of addresses; a large paper takes half of them."""
CPU_SECONDS = 100
SECONDS = 120
"""How long a paper may take. Whoever is still at it then is ended, long before the lease of its row ends."""


def impose() -> None:
    for what, most in ((resource.RLIMIT_CORE, 0), (resource.RLIMIT_CPU, CPU_SECONDS), (resource.RLIMIT_AS, MEMORY)):
        hard = resource.getrlimit(what)[1]
        least = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (least, hard))
