"""The cells of the table: what is sent in each, over how many connections, and what optml must reach there."""

from dataclasses import dataclass

from . import payloads, peers

BEST = "the best peer"

SLEEP_SLOTS = 16


@dataclass(frozen=True)
class CpuGoal:
    """CPU time a request, at most `share` of that of one contestant or of the best peer."""

    against: str
    share: float

    def __str__(self):
        return "CPU at most {:.2g} of {}".format(self.share, self.against)

    def holds(self, measured):
        """None where the other was not measured."""
        others = [measured[name].cpu_us for name in self.names() if name in measured]
        if not others:
            return None
        return peers.OPTML in measured and measured[peers.OPTML].cpu_us <= self.share * min(others)

    def names(self):
        return peers.PEERS if self.against == BEST else (self.against,)


@dataclass(frozen=True)
class RateGoal:
    """At least as many requests a second as the best peer."""

    def __str__(self):
        return "requests a second at least those of {}".format(BEST)

    def holds(self, measured):
        others = [measured[name].rate for name in peers.PEERS if name in measured]
        if not others:
            return None
        return peers.OPTML in measured and measured[peers.OPTML].rate >= max(others)


@dataclass(frozen=True)
class Cell:
    """`n_slots`: how many requests a worker of optml takes at a time; its own choice when None."""

    payload: str
    n_connections: int
    goals: tuple = ()
    n_slots: int | None = None

    @property
    def name(self):
        payload = self.payload if self.n_slots is None else "{}slots".format(self.payload)
        return "{}-{}".format(payload, self.n_connections)

    @property
    def title(self):
        n = self.n_connections
        slots = "" if self.n_slots is None else ", OPTML_SLOTS={}".format(self.n_slots)
        return "{}{}, {} connection{}".format(TITLES[self.payload], slots, n, "" if n == 1 else "s")

    @property
    def contestants(self):
        """The bare echo is the limit of the large bodies only."""
        return peers.ALL if self.payload in ("npy", "raw") else (*peers.PEERS, peers.OPTML)


TITLES = {
    "json": "100 B JSON",
    "json10k": "10 KB JSON",
    "csv": "CSV of 100 floats",
    "npy": "1 MB NPY",
    "raw": "6 MB raw",
    "sleep": "sleep 5 ms",
    "compute": "compute 5 ms",
}

LARGE_GOALS = (CpuGoal(BEST, 0.6), CpuGoal(peers.ECHO, 1.3))

GOALS = {
    ("json", 16): (CpuGoal(peers.CONTAINERS, 1 / 10), CpuGoal(peers.GRANIAN, 1)),
    ("json", 64): (CpuGoal(peers.GRANIAN, 0.6),),
    ("csv", 16): (CpuGoal(peers.CONTAINERS, 1 / 8), CpuGoal(peers.GRANIAN, 0.5)),
    ("json10k", 16): (CpuGoal(peers.CONTAINERS, 1 / 7), CpuGoal(BEST, 1 / 3)),
    ("npy", 8): LARGE_GOALS,
    ("raw", 8): LARGE_GOALS,
}

SMALL = ("json", "csv", "json10k", "sleep", "compute")

LOADED = [
    *(Cell(payload, n, GOALS.get((payload, n), ())) for payload in SMALL for n in (1, 16, 64)),
    *(Cell(payload, 8, GOALS[payload, 8]) for payload in ("npy", "raw")),
    Cell("sleep", 16, (RateGoal(),), SLEEP_SLOTS),
]

# The resident front with 6 MB bodies: 1.5 times what is in flight, in both directions, and what it needs anyway.
RAW_CONNECTIONS = 8
RAW_IN_FLIGHT_MIB = RAW_CONNECTIONS * 2 * payloads.RAW_BYTES / (1 << 20)
FRONT_SHARE = 1.5

FRONT_LIMIT_MB = 15
READY_LIMIT_MS = 150
PING_LIMIT_MS = 10
PING_CONNECTIONS = 16
