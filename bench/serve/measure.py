"""Measuring: every cell has its contestants up at once, idle but for the one whose turn it is."""

import contextlib
import os
import statistics
import sys
from dataclasses import dataclass

from . import cells, load, peers, processes, table

WARM_UP_SECONDS = 1


@dataclass
class Figures:
    """Of one contestant in one cell, `cpu_us` being the CPU time of the whole server a request."""

    rate: float
    p50_ms: float
    p99_ms: float
    cpu_us: float
    peak_mib: float

    def __str__(self):
        return "{:.0f}/s, {:.1f} / {:.1f} ms, {:.0f} us, {:.0f} MiB".format(
            self.rate, self.p50_ms, self.p99_ms, self.cpu_us, self.peak_mib
        )


@dataclass
class Settings:
    """`work`: the folder in which each server gets one of its own."""

    peers: peers.Peers
    names: list
    payloads: dict
    work: str
    rounds: int
    seconds: int
    compute_loops: int
    csv_glue: str


class Bench:
    """Keeps what failed, so that one server's fault does not end hours of measuring."""

    def __init__(self, settings):
        self.settings = settings
        self.failures = []
        self.n_sites = 0

    def loaded(self, cell):
        """The row of one cell; after the large raw bodies one more for the memory of the front."""
        settings = self.settings
        names = [name for name in cell.contestants if name in settings.names]
        with contextlib.ExitStack() as stack:
            servers = {}
            for name in names:
                with self.noting(name, cell.name):
                    servers[name] = self.ready(stack, name, cell.payload, cell.n_slots)
            fronts = {name: server.front_mib() for name, server in servers.items()}
            rounds = {name: [] for name in servers}
            for _ in range(settings.rounds):
                for name, server in servers.items():
                    with self.noting(name, cell.name):
                        rounds[name].append(self.once(name, server, cell))
            measured = {name: medians(those) for name, those in rounds.items() if those}
            rows = [loaded_row(cell, measured, settings.names)]
            if cell.payload == "raw" and peers.OPTML in measured:
                rows.append(front_row(fronts[peers.OPTML], servers[peers.OPTML].front_mib()))
            return rows

    def started(self):
        """Each server alone, from nothing to the first 200 of `/ping`, and its memory then."""
        settings = self.settings
        names = [name for name in settings.names if name != peers.ECHO]
        seconds = {name: [] for name in names}
        memory = {name: [] for name in names}
        fronts = []
        for _ in range(settings.rounds):
            for name in names:
                with self.noting(name, "start"), contextlib.ExitStack() as stack:
                    server = stack.enter_context(self.start(name, "json"))
                    seconds[name].append(server.wait_until_ready())
                    load.check(server.port, settings.payloads["json"])
                    memory[name].append(server.memory_mib())
                    if name == peers.OPTML:
                        fronts.append(server.front_mib())
                    progress(name, "start", "{:.0f} ms, {:.0f} MiB".format(1000 * seconds[name][-1], memory[name][-1]))
        return start_rows(seconds, memory, fronts)

    def pinged(self):
        """`/ping` while all workers compute."""
        settings = self.settings
        names = [name for name in settings.names if name != peers.ECHO]
        delays = {name: [] for name in names}
        n_failed = dict.fromkeys(names, 0)
        with contextlib.ExitStack() as stack:
            servers = {}
            for name in names:
                with self.noting(name, "ping"):
                    servers[name] = self.ready(stack, name, "compute")
            for _ in range(settings.rounds):
                for name, server in servers.items():
                    with self.noting(name, "ping"):
                        server.settle()
                        pings = self.pings(server)
                        delays[name] += pings.delays_ms
                        n_failed[name] += pings.n_failed
                        progress(name, "ping", "{} pings, {} failed".format(len(pings.delays_ms), pings.n_failed))
        return [ping_row({name: sorted(those) for name, those in delays.items() if those}, n_failed)]

    def pings(self, server):
        with load.Pings(server.port) as pings:
            self.load(server, "compute", cells.PING_CONNECTIONS, self.settings.seconds)
        return pings

    def once(self, name, server, cell):
        self.load(server, cell.payload, cell.n_connections, WARM_UP_SECONDS)
        server.settle()
        with processes.PeakMemory(server) as peak:
            before = server.cpu_seconds()
            seen = self.load(server, cell.payload, cell.n_connections, self.settings.seconds)
            cpu_us = (server.cpu_seconds() - before) / seen.requests * 1e6
        server.settle()
        figures = Figures(seen.requests / seen.seconds, seen.p50_ms, seen.p99_ms, cpu_us, peak.mib)
        progress(name, cell.name, figures)
        return figures

    def load(self, server, payload_name, n_connections, seconds):
        payload = self.settings.payloads[payload_name]
        body_path = os.path.join(self.settings.work, payload_name + ".body")
        if not os.path.exists(body_path):
            with open(body_path, "wb") as file:
                file.write(payload.body)
        return load.run(server.port, payload, body_path, n_connections, seconds)

    def ready(self, stack, name, payload_name, n_slots=None):
        """A server that has given the right answer once."""
        payload = self.settings.payloads[payload_name]
        server = stack.enter_context(self.start(name, payload_name, n_slots))
        server.wait_until_ready()
        load.check(server.port, payload.echoed() if name == peers.ECHO else payload)
        return server

    def start(self, name, payload_name, n_slots=None):
        settings = self.settings
        self.n_sites += 1
        folder = os.path.join(settings.work, "{:03d}-{}".format(self.n_sites, name))
        mode = settings.payloads[payload_name].mode
        return settings.peers.start(name, peers.Site(folder, mode, settings.compute_loops, settings.csv_glue), n_slots)

    @contextlib.contextmanager
    def noting(self, name, cell_name):
        try:
            yield
        except Exception as error:
            self.failures.append("{}, {}: {}".format(name, cell_name, error))
            progress(name, cell_name, "FAILED: {}".format(error))


def medians(rounds):
    """Of each figure by itself; the peak is that of all rounds."""
    return Figures(
        rate=statistics.median(figures.rate for figures in rounds),
        p50_ms=statistics.median(figures.p50_ms for figures in rounds),
        p99_ms=statistics.median(figures.p99_ms for figures in rounds),
        cpu_us=statistics.median(figures.cpu_us for figures in rounds),
        peak_mib=max(figures.peak_mib for figures in rounds),
    )


def loaded_row(cell, measured, names):
    ours = measured.get(peers.OPTML)
    ratio = ", ".join(
        "{} {:.2f}".format(name, ours.cpu_us / figures.cpu_us)
        for name, figures in measured.items()
        if ours is not None and name != peers.OPTML
    )
    verdicts = {str(goal): goal.holds(measured) for goal in cell.goals} if peers.OPTML in names else {}
    return table.Row(cell.title, {name: str(figures) for name, figures in measured.items()}, ratio, verdicts)


def front_row(before_mib, after_mib):
    limit_mib = cells.FRONT_SHARE * (cells.RAW_IN_FLIGHT_MIB + before_mib)
    return table.Row(
        "RSS of the front alone: before / after 6 MB bodies",
        {peers.OPTML: "{:.1f} / {:.1f} MiB".format(before_mib, after_mib)},
        "",
        {"at most {:.0f} MiB".format(limit_mib): after_mib <= limit_mib},
    )


def start_rows(seconds, memory, fronts):
    ready_ms = {name: 1000 * statistics.median(those) for name, those in seconds.items() if those}
    memory_mib = {name: statistics.median(those) for name, those in memory.items() if those}
    rows = [
        table.Row("start to `/ping` 200", {name: "{:.0f} ms".format(value) for name, value in ready_ms.items()}),
        table.Row(
            "memory after one request (PSS of all)", {name: "{:.0f} MiB".format(value) for name, value in memory_mib.items()}
        ),
    ]
    if peers.OPTML in seconds:
        limit = "within {} ms".format(cells.READY_LIMIT_MS)
        rows[0].verdicts = {limit: peers.OPTML in ready_ms and ready_ms[peers.OPTML] <= cells.READY_LIMIT_MS}
        front_mb = max(fronts, default=float("inf")) * 1.048576
        rows.append(
            table.Row(
                "RSS of the front alone",
                {peers.OPTML: "{:.1f} MB".format(front_mb)},
                "",
                {"at most {} MB".format(cells.FRONT_LIMIT_MB): front_mb <= cells.FRONT_LIMIT_MB},
            )
        )
    return rows


def ping_row(delays, n_failed):
    figures = {}
    for name, ordered in delays.items():
        figures[name] = "{:.1f} / {:.1f} / {:.1f} ms".format(median(ordered), p99(ordered), ordered[-1])
        if n_failed[name]:
            figures[name] += ", {} failed".format(n_failed[name])
    row = table.Row("`/ping` while all workers compute: p50 / p99 / max", figures)
    if peers.OPTML in n_failed:
        ours = delays.get(peers.OPTML)
        holds = ours is not None and p99(ours) < cells.PING_LIMIT_MS and n_failed[peers.OPTML] == 0
        row.verdicts = {"p99 under {} ms".format(cells.PING_LIMIT_MS): holds}
    return row


def median(ordered):
    return ordered[len(ordered) // 2]


def p99(ordered):
    return ordered[len(ordered) * 99 // 100]


def progress(name, cell_name, what):
    print("{:>16} {:<11} {}".format(cell_name, name, what), file=sys.stderr, flush=True)
