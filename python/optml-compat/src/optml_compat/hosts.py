"""Waiting until the names of all hosts have an address: platforms register them some time after the containers start."""

import concurrent.futures
import os
import socket
import time

WAIT_S = 900.0
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0


def is_awaited(hosts):
    """Whether there is anybody to wait for: more than one host, and a platform that gives them names."""
    return len(hosts) > 1 and os.environ.get("SM_STUDIO_LOCAL_MODE", "").lower() != "true"


def lookup(host, deadline):
    """The first address of `host`; tried again until `deadline`, a time of the monotonic clock."""
    pause = FIRST_PAUSE_S
    while True:
        try:
            return socket.gethostbyname(host)
        except OSError:
            left = deadline - time.monotonic()
            if left <= 0:
                raise
        time.sleep(min(pause, left))
        pause = min(2 * pause, LONGEST_PAUSE_S)


def wait(hosts, wait_s=WAIT_S):
    """Waits for all names at once. A RuntimeError names those that have no address at the end."""
    if not is_awaited(hosts):
        return
    deadline = time.monotonic() + wait_s
    with concurrent.futures.ThreadPoolExecutor(min(len(hosts), 64)) as pool:
        lookups = {host: pool.submit(lookup, host, deadline) for host in hosts}
    missing = [host for host, found in lookups.items() if found.exception() is not None]
    if missing:
        raise RuntimeError(
            "no address for {} of {} hosts after {:.0f} s: {}\nhint: these containers did not start, or the network of the job "
            "does not know them".format(len(missing), len(hosts), wait_s, ", ".join(missing))
        )
