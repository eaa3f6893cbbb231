"""Two clusters, one the copy of the other: set up, watched, broken, and made to change places."""

import http.client
import json
import random
import signal
import statistics
import threading
import time

import failover
from cluster import Cluster, Failed
from link import Link
from scale import Load, seed

POLICY = """
path "sys/replication/dr/secondary/*" { capabilities = ["update"] }
"""
FEED = "  replication_feed_max_size = 1048576\n"
WRITES = 200  # a second
PATIENCE = 180  # seconds until two clusters are in step
REACHED = (OSError, ValueError, http.client.HTTPException)


class Pair:
    """`one` is the primary at first. With a server under test the way between them can be cut."""

    def __init__(self, binary, folder, tls, breakable=False):
        self.one, self.two = (Cluster(name, binary, folder / name, tls) for name in ("one", "two"))
        self.link = Link() if breakable else None
        if breakable:
            for here, there in ((self.one, self.two), (self.two, self.one)):
                here.more = FEED
                here.ways = {f"127.0.0.1:{n.cluster_port}": f"127.0.0.1:{self.link.before(here.name, n.cluster_port)}"
                             for n in there.nodes}

    def start(self):
        for cluster in (self.one, self.two):
            cluster.start()
        self.one.prepare(failover.WRITERS, True)

    def stop(self):
        self.one.stop()
        self.two.stop()

    def enable(self):
        """`two` becomes the copy of `one`; seconds until it is in step."""
        must(self.one, "POST", "sys/replication/dr/primary/enable", {})
        token = must(self.one, "POST", "sys/replication/dr/primary/secondary-token", {"id": "two"})
        must(self.two, "POST", "sys/replication/dr/secondary/enable", {"token": token["wrap_info"]["token"]})
        began = time.monotonic()
        self.two.token, self.two.key, self.two.bench_token = self.one.token, self.one.key, self.one.bench_token
        self.in_step(self.one, self.two)
        return time.monotonic() - began

    def in_step(self, primary, secondary, within=PATIENCE):
        end = time.monotonic() + within
        while time.monotonic() < end:
            try:
                here, there = status(primary), status(secondary)
                if there.get("copy_state") == "following" and there.get("behind", 1) <= 5:
                    return
            except (*REACHED, AttributeError, KeyError):
                pass
            time.sleep(0.1)
        raise Failed(f"{secondary.name} is not in step with {primary.name} after {within} s: {here} {there}")


def must(cluster, method, path, body=None):
    """At whichever node is active, again while none is."""
    end = time.monotonic() + 60
    while True:
        try:
            code, answer = cluster.active().call(method, path, body)
            if code < 300:
                return answer
            if code not in (503, 472, 473) or time.monotonic() > end:
                raise Failed(f"{cluster.name}: {method} {path} answered {code} {answer}")
        except (*REACHED, AttributeError):
            if time.monotonic() > end:
                raise Failed(f"{cluster.name}: {method} {path} was not answered") from None
        time.sleep(0.2)


def status(cluster):
    return cluster.active().call("GET", "sys/replication/dr/status")[1]["data"]


def measure(pair, program, secrets, tokens, seconds):
    """How long a first copy takes while writes go on, and how far behind the copy is afterwards."""
    seed(program, pair.one, secrets, tokens, 0)
    load = Load(program, pair.one, "kv-write", pair.one.bench_token, "--rate", WRITES, "--seconds", seconds + 600,
                "--clients", 16).start()
    try:
        copied = pair.enable()
        behind, lag = [], []
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            shown = status(pair.two)
            behind.append(shown.get("behind") or 0)
            lag.append(shown.get("lag_ms") or 0)
            time.sleep(0.1)
    finally:
        load.process.send_signal(signal.SIGKILL)
        load.process.wait()
    return {
        "secrets": secrets, "tokens": tokens, "copied_s": round(copied, 1), "samples": len(lag),
        "behind": [statistics.median(behind), max(behind)], "lag_ms": [statistics.median(lag), max(lag)],
    }


class Faults:
    """What happens in one run, by its seed. Everything heals before the end."""

    KINDS = ("leader of one", "leader of two", "node of one", "node of two", "all of two",
             "cut requests", "cut answers", "cut both")

    def __init__(self, pair, seed_number):
        self.pair, self.dice, self.done = pair, random.Random(seed_number), []
        self.down = []

    def strike(self):
        kind = self.dice.choice(self.KINDS)
        self.done.append(kind)
        hold = self.dice.uniform(2, 6)
        if kind.startswith("cut"):
            # `two` asks: that its way is cut is that the copy is.
            self.pair.link.cut("two", kind != "cut answers", kind != "cut requests")
            time.sleep(hold)
            self.pair.link.heal("two")
            return
        cluster = self.pair.one if kind.endswith("one") else self.pair.two
        if kind == "all of two":
            nodes = list(cluster.nodes)
        elif kind.startswith("leader"):
            nodes = [cluster.active() or cluster.nodes[0]]
        else:
            nodes = [self.dice.choice(cluster.nodes)]
        for node in nodes:
            node.process.kill()
            node.process.wait()
            node.connection = None
        time.sleep(hold)
        self.raise_up(cluster, nodes)

    def raise_up(self, cluster, nodes):
        for node in nodes:
            node.start()
        for node in nodes:
            cluster.until("a node is back", lambda n=node: n.call("GET", "sys/seal-status")[0] == 200)
            cluster.until("it is unsealed", node.unseal)


def broken(pair, program, seed_number, seconds):
    """A run with faults. Answers what happened, and fails where the clusters end up different."""
    faults = Faults(pair, seed_number)
    load = Load(program, pair.one, "kv-write", pair.one.bench_token, "--rate", WRITES, "--seconds", seconds, "--clients", 16,
                "--keys", 500)
    load.start(spread=True)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        faults.strike()
        time.sleep(1)
    load.process.wait(120)
    pair.in_step(pair.one, pair.two)
    states = settled(pair)
    shown = status(pair.two)
    return {"seed": seed_number, "faults": faults.done, "records": states["records"], "revision": states["revision"],
            "compared": shown.get("last_difference")}


def settled(pair):
    """The whole state of all nodes, which must be one."""
    end, states = time.monotonic() + PATIENCE, []
    while time.monotonic() < end:
        try:
            states = [node.asks("hash") for cluster in (pair.one, pair.two) for node in cluster.nodes]
            if all(state == states[0] for state in states):
                return states[0]
        except REACHED as problem:
            states = [str(problem)]
        time.sleep(0.5)
    raise Failed(f"the clusters differ: {states}")


class Writer(threading.Thread):
    """Writes numbers that grow, to one cluster, and knows which were acknowledged."""

    def __init__(self, cluster):
        super().__init__(daemon=True)
        self.cluster, self.over, self.acknowledged, self.refused, self.first = cluster, threading.Event(), [], 0, None

    def run(self):
        number, mine = 0, {}
        while not self.over.is_set():
            number += 1
            node = self.cluster.nodes[number % 3]
            try:
                connection = mine.get(node.number)
                if connection is None:
                    connection = mine[node.number] = http.client.HTTPSConnection(
                        "127.0.0.1", node.port, timeout=5, context=failover.ssl.create_default_context(
                            cafile=str(self.cluster.tls / "ca.pem")))
                connection.request("POST", f"/v1/bench/data/rpo-{number % 50}", json.dumps({"data": {"n": number}}),
                                   {"X-Vault-Token": self.cluster.bench_token})
                answer = connection.getresponse()
                answer.read()
                if answer.status == 200:
                    self.first = self.first or time.monotonic()
                    self.acknowledged.append(number)
                else:
                    self.refused += 1
            except REACHED:
                mine.pop(node.number, None)
                self.refused += 1
                time.sleep(0.01)
            time.sleep(1 / WRITES)

    def end(self):
        self.over.set()
        self.join(30)
        return self


def changed_places(pair, number):
    """The primary is killed whole, the copy takes over, the old one comes back. The clusters have changed places then."""
    old, new = pair.one, pair.two
    lasting = must(old, "POST", "auth/token/create", {"policies": ["bench"], "ttl": "1h"})["auth"]["client_token"]
    brief = must(old, "POST", "auth/token/create", {"policies": ["bench"], "ttl": "20s"})["auth"]["client_token"]
    must(old, "POST", "sys/policies/acl/dr", {"policy": POLICY})
    operate = must(old, "POST", "auth/token/create",
                   {"policies": ["dr"], "type": "batch", "no_parent": True, "ttl": "1h"})["auth"]["client_token"]
    made = time.monotonic()
    pair.in_step(old, new)
    writer = Writer(old)
    writer.start()
    time.sleep(2)
    for node in old.nodes:
        node.process.kill()
    killed = time.monotonic()
    for node in old.nodes:
        node.process.wait()
        node.connection = None
    writer.end()
    after = Writer(new)
    after.start()
    must(new, "POST", "sys/replication/dr/secondary/promote", {"dr_operation_token": operate})
    end = time.monotonic() + 60
    while after.first is None:
        if time.monotonic() > end:
            raise Failed("no write was acknowledged after the promotion")
        time.sleep(0.005)
    rto = after.first - killed
    lost = missing(new, writer.acknowledged, set(after.end().acknowledged))
    works = as_token(new, lasting)
    if works != 200:
        raise Failed(f"a token from before answers {works}")

    apart = Writer(old)
    faults = Faults(pair, number)
    for node in old.nodes:
        node.start()
    apart.start()
    for node in old.nodes:
        old.until("a node is back", lambda n=node: n.call("GET", "sys/seal-status")[0] == 200)
        old.until("it is unsealed", node.unseal)
    pair.in_step(new, old)
    apart.end()
    if apart.acknowledged:
        raise Failed(f"the fenced primary took {len(apart.acknowledged)} writes")
    difference = status(old).get("last_difference")
    time.sleep(max(0, 25 - (time.monotonic() - made)))
    expired = as_token(new, brief)
    if expired != 403:
        raise Failed(f"a token whose time is over answers {expired}")
    pair.one, pair.two = new, old
    del faults
    return {"acknowledged": len(writer.acknowledged), "lost": lost, "rto_s": round(rto, 2), "refused_apart": apart.refused,
            "fetched": (difference or {}).get("fetched"), "removed": (difference or {}).get("removed")}


def as_token(cluster, token):
    kept, cluster.token = cluster.token, token
    try:
        return cluster.active().call("GET", "auth/token/lookup-self")[0]
    finally:
        cluster.token = kept


def missing(cluster, acknowledged, later):
    """How many of the last acknowledged writes of each key are not there; what was written since does not tell."""
    newest = {}
    for number in acknowledged:
        newest[number % 50] = number
    lost = 0
    for key, number in newest.items():
        versions = must(cluster, "GET", f"bench/metadata/rpo-{key}")["data"]["versions"]
        found = set()
        for version in versions:
            read = must(cluster, "GET", f"bench/data/rpo-{key}?version={version}")
            found.add(read["data"]["data"]["n"])
        lost += sum(1 for n in acknowledged if n % 50 == key and n > number - 50 * 5 and n not in found and n not in later)
    return lost
