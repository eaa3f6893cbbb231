"""Three times the load that fits, on nodes that have a part of a processor each; and who still gets through."""

import json
import os
import pathlib
import statistics
import subprocess
import threading
import time

from cluster import Failed

CGROUPS = pathlib.Path("/sys/fs/cgroup")
PERIOD = 10_000  # microseconds: short, so that a node does not stand still for long
FITS = 0.7  # of what the nodes can do at most
CLIENTS = 512  # of the load that fits; three times as many of the other
PROBES = 10  # a second


class Cap:
    """A control group in which a node's processes get a part of a processor."""

    def __init__(self, name, part):
        unified = (CGROUPS / "cgroup.controllers").exists()
        self.folder = (CGROUPS if unified else CGROUPS / "cpu") / name
        self.folder.mkdir(exist_ok=True)
        quota = int(PERIOD * part)
        if unified:
            (CGROUPS / "cgroup.subtree_control").write_text("+cpu")
            (self.folder / "cpu.max").write_text(f"{quota} {PERIOD}")
        else:
            (self.folder / "cpu.cfs_period_us").write_text(str(PERIOD))
            (self.folder / "cpu.cfs_quota_us").write_text(str(quota))

    def take(self, process=0):
        """Zero is whoever asks."""
        (self.folder / "cgroup.procs").write_text(str(process))

    def remove(self):
        self.folder.rmdir()


class Probe(threading.Thread):
    """Asks one thing again and again, as a balancer or a renewing client does."""

    def __init__(self, node, method, path, good):
        super().__init__(daemon=True)
        self.node, self.method, self.path, self.good = node, method, path, good
        self.over = threading.Event()
        self.took, self.failed, self.lasted = [], [], 0

    def run(self):
        started = time.monotonic()
        while not self.over.wait(1 / PROBES):
            began = time.monotonic()
            try:
                status, _ = self.node.call(self.method, self.path, {} if self.method == "POST" else None)
            except Exception as problem:  # whatever it is, it is no answer
                status = type(problem).__name__
            self.took.append(time.monotonic() - began)
            if status not in self.good:
                self.failed.append(status)
        self.lasted = time.monotonic() - started

    def result(self):
        ordered = sorted(self.took)
        # Each waits for the answer to the last.
        return {"asked": len(ordered), "due": int(PROBES * self.lasted), "failed": self.failed, "median_ms": 1e3 * statistics.median(ordered),
                "p99_ms": 1e3 * ordered[int(0.99 * (len(ordered) - 1))], "worst_ms": 1e3 * ordered[-1]}


def load(cluster, program, workload, seconds, clients, rate=None):
    command = [str(program), "load", "--ca", str(cluster.tls / "ca.pem"), "--workload", workload, "--seconds", str(seconds),
               "--clients", str(clients), "--keys", "1000"]
    for address in cluster.addresses(False):
        command += ["--address", address]
    if rate:
        command += ["--rate", str(rate), "--skip-late"]
    env = {**os.environ, "BENCH_TOKEN": cluster.bench_token}
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, env=env)
    if done.returncode:
        raise Failed(f"the load ended with {done.returncode}")
    report = json.loads(done.stdout)
    refused = sum(report["errors"].values())
    return {"asked": rate, "sent": (report["answers"] + refused) / report["seconds"],
            "answered": report["answers"] / report["seconds"], "errors": report["errors"],
            "p50_ms": report["latency_us"]["p50"] / 1e3, "p99_ms": report["latency_us"]["p99"] / 1e3,
            "max_ms": report["latency_us"]["max"] / 1e3, "own_cpu": report["own_cpu_seconds"] / report["seconds"]}


def probed(cluster, act):
    """What an act comes to, and what the probes saw meanwhile."""
    probes = {f"health of node {node.number}": Probe(twin(node), "GET", "sys/health", (200, 429, 473))
              for node in cluster.nodes}
    probes["renewal"] = Probe(twin(cluster.active()), "POST", "auth/token/renew-self", (200,))
    for probe in probes.values():
        probe.start()
    result = act()
    for probe in probes.values():
        probe.over.set()
        probe.join(60)
    return {**result, "probes": {name: probe.result() for name, probe in probes.items()}}


def twin(node):
    """The same node over a connection of its own, with a token that can be renewed."""
    other, cluster = object.__new__(type(node)), object.__new__(type(node.cluster))
    cluster.__dict__ = {**node.cluster.__dict__, "token": node.cluster.bench_token}
    other.__dict__ = {**node.__dict__, "connection": None, "cluster": cluster}
    return other


def run(cluster, program, workload, seconds):
    load(cluster, program, workload, 2, 64)
    most = load(cluster, program, workload, 5, 64)
    rate = FITS * most["answered"]
    before = probed(cluster, lambda: load(cluster, program, workload, seconds, CLIENTS, rate))
    over = probed(cluster, lambda: load(cluster, program, workload, 2 * seconds, 3 * CLIENTS, 3 * rate))
    after = load(cluster, program, workload, seconds / 2, CLIENTS, rate)
    return {"most": most, "fits": before, "three times": over, "after": after,
            "goodput": over["answered"] / before["answered"], "p99": over["p99_ms"] / before["p99_ms"]}
