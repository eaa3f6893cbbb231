"""A cluster that holds much: what it weighs, how soon it serves again, and who notices a large listing."""

import json
import os
import signal
import statistics
import subprocess
import sys
import time

import failover
import machine
from cluster import Failed, Node, free_ports

FOLDER = 100_000  # names in one folder
MOUNTS_EACH = 15  # in a namespace
READS = 500  # a second, for the point reads beside a listing
JOIN_WRITES = 200  # a second, while a node joins
STEADY_WRITES, STEADY_READS = 500, 1000  # a second
SAMPLE = 5  # seconds between two looks at the memory


class Load:
    """A run of holdfast-bench against one or all nodes."""

    def __init__(self, program, cluster, workload, token, *options):
        self.program, self.cluster, self.workload, self.token, self.options = program, cluster, workload, token, options
        self.process = None

    def start(self, spread=False):
        command = [str(self.program), "load", "--ca", str(self.cluster.tls / "ca.pem"), "--workload", self.workload,
                   *map(str, self.options)]
        for address in self.cluster.addresses(spread):
            command += ["--address", address]
        environment = {**os.environ, "BENCH_TOKEN": self.token}
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        return self

    def result(self):
        out, _ = self.process.communicate()
        if self.process.returncode:
            raise Failed(f"the load {self.workload} ended with {self.process.returncode}")
        return json.loads(out)


def seed(program, cluster, secrets, tokens, mounts, namespaces=0, within=24 * 3600):
    """Over HTTP, each once, in so many seconds at the most; answers what it took."""
    took, end = {}, time.monotonic() + within
    for workload, count, token, more in (
        ("kv-write", secrets, cluster.bench_token, ("--folder-size", FOLDER)),
        ("token-create", tokens, cluster.bench_token, ()),
        ("mount", mounts, cluster.token, ()),
        ("namespace", namespaces, cluster.token, ()),
        ("namespace-mount", namespaces * MOUNTS_EACH, cluster.token, ()),
    ):
        left = end - time.monotonic()
        if not count or left <= 0:
            continue
        load = Load(program, cluster, workload, token, "--keys", count, "--once", "--seconds", left, "--clients", 64, *more)
        done = load.start().result()
        count = done["answers"]
        took[workload] = {"count": count, "seconds": round(done["seconds"], 1), "errors": done["errors"]}
        if done["errors"]:
            say("\n".join([f"{workload}: {done['errors']}", *(f"node {n.number}:\n  {n.tail()}" for n in cluster.nodes)]))
        say(f"{workload}: {count} in {done['seconds']:.0f} s; RSS {cluster.memory()} MiB")
    return took


def weigh(cluster):
    folders = [sum(f.stat().st_size for f in n.folder.rglob("*") if f.is_file() and f.suffix != ".log")
               for n in cluster.nodes]
    return {"rss_mib": cluster.memory(), "disk_mib": [round(size / 2**20) for size in folders]}


def restart(cluster, node, secret):
    """Seconds from the start of the process to a secret read through it, and of them until it answers at all."""
    node.process.send_signal(signal.SIGTERM)
    node.process.wait(60)
    node.connection = None
    begun = time.monotonic()
    node.start()
    quickly(cluster, lambda: node.call("GET", "sys/seal-status")[0] == 200)
    answers = time.monotonic() - begun
    quickly(cluster, node.unseal)
    quickly(cluster, lambda: node.call("GET", secret)[0] == 200)
    serves = time.monotonic() - begun
    cluster.until("all three nodes vote", cluster.all_vote)
    return {"answers": round(answers, 2), "serves": round(serves, 2)}


def quickly(cluster, holds):
    end = time.monotonic() + 120
    while time.monotonic() < end:
        try:
            if holds():
                return
        except (OSError, ValueError, failover.http.client.HTTPException):
            pass
        time.sleep(0.01)
    raise Failed(f"{cluster.name}: a node that was started does not serve")


def join(program, cluster):
    """Seconds until a fourth, empty node votes, while writes go on."""
    load = Load(program, cluster, "kv-write", cluster.bench_token, "--rate", JOIN_WRITES, "--seconds", 600, "--clients", 16)
    load.start()
    node = Node(cluster, 4, *free_ports(2))
    cluster.nodes.append(node)
    try:
        begun = time.monotonic()
        node.start()
        marks = {}
        cluster.until("the fourth answers", lambda: node.call("GET", "sys/seal-status")[0] == 200)
        unsealed = False
        while "votes" not in marks:
            unsealed = unsealed or node.unseal()
            if unsealed:
                marks.setdefault("unsealed", round(time.monotonic() - begun, 1))
            if voters(cluster) == 4:
                marks["votes"] = round(time.monotonic() - begun, 1)
            if time.monotonic() - begun > 600:
                raise Failed("a fourth node does not get a vote in ten minutes")
            time.sleep(0.2)
        marks["rss_mib"] = round(machine.resident_mib(node.process.pid))
    finally:
        load.process.send_signal(signal.SIGKILL)
        load.process.wait()
    cluster.active().call("POST", "sys/storage/raft/remove-peer", {"server_id": "node4"})
    node.process.send_signal(signal.SIGTERM)
    node.process.wait(60)
    cluster.nodes.remove(node)
    return marks


def voters(cluster):
    status, answer = cluster.active().call("GET", "sys/storage/raft/configuration")
    servers = answer["data"]["config"]["servers"] if status == 200 else []
    return sum(1 for server in servers if server.get("voter"))


def listings(program, cluster, rounds, secrets):
    """Point reads at a rate through all nodes, without and with the first page of a folder that no node has listed yet, asked
    of each node in turn: a second and a half has three of them."""
    if secrets < (rounds + 1) * FOLDER:
        raise Failed(f"{rounds} rounds of listings take {(rounds + 1) * FOLDER} secrets")
    pairs = []
    for number in range(rounds):
        pair = {}
        for kind in ("without", "with"):
            reads = Load(program, cluster, "kv-read", cluster.bench_token, "--rate", READS, "--seconds", 1.5,
                         "--clients", 16, "--keys", FOLDER, "--folder-size", FOLDER).start(True)
            if kind == "with":
                time.sleep(0.3)
                pair["cold_ms"] = [cold(node, number + 1) for node in cluster.nodes]
            done = reads.result()
            if done["errors"]:
                raise Failed(f"point reads beside a listing: {done['errors']}")
            pair[kind] = done["latency_us"]["p99"]
        pair["ratio"] = round(pair["with"] / pair["without"], 2)
        pairs.append(pair)
        say(f"listing {number + 1}/{rounds}: {pair}")
    return {"median_ratio": statistics.median(p["ratio"] for p in pairs), "pairs": pairs}


def cold(node, folder):
    """Milliseconds of a page of a folder that this node has not listed."""
    begun = time.monotonic()
    status, answer = node.call("GET", f"bench/metadata/folder-{folder}/?list=true&limit=100")
    names = len(answer["data"]["keys"]) if status == 200 else 0
    if names != 100:
        raise Failed(f"a page of folder {folder} has {names} names; it answered {status}")
    return round((time.monotonic() - begun) * 1000, 1)


def steady(program, cluster, seconds):
    """The slope of each node's memory under a load that does not change, in MiB an hour over the second half."""
    size = ("--seconds", seconds, "--clients", 16, "--keys", FOLDER, "--folder-size", FOLDER)
    loads = [Load(program, cluster, "kv-write", cluster.bench_token, "--rate", STEADY_WRITES, *size).start(True),
             Load(program, cluster, "kv-read", cluster.bench_token, "--rate", STEADY_READS, *size).start(True)]
    begun, samples = time.monotonic(), []
    while time.monotonic() - begun < seconds:
        time.sleep(SAMPLE)
        samples.append((time.monotonic() - begun, cluster.memory()))
    errors = [load.result()["errors"] for load in loads]
    settled = [s for s in samples if s[0] > seconds / 2]
    slopes = [statistics.linear_regression([t for t, _ in settled], [m[n] for _, m in settled]).slope * 3600
              for n in range(len(cluster.nodes))]
    return {"seconds": seconds, "errors": errors, "mib_an_hour": [round(s, 1) for s in slopes],
            "rss_mib": {"first": samples[0][1], "half": settled[0][1], "last": samples[-1][1]}}


def changes(cluster, rounds):
    return [failover.run(cluster, event, 100, 200) for event in failover.EVENTS for _ in range(rounds)]


def say(text):
    print(text, file=sys.stderr)
