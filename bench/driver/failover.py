"""One round: load on all nodes, the active one goes, and what the clients saw of it."""

import http.client
import json
import signal
import ssl
import statistics
import threading
import time

from cluster import Failed

EVENTS = ("kill", "step-down", "term")
WRITERS, READERS = 12, 24
BEFORE, AFTER = 1.0, 2.0  # seconds of load around the event
LONGEST = 60  # seconds until writes must be taken again
PATIENCE = 30  # seconds that one request may take


class Client(threading.Thread):
    """Sends its share of the rate to one node, and notes what became of each request."""

    def __init__(self, load, node, number, rate, writes):
        super().__init__(daemon=True)
        self.load, self.node, self.number, self.rate, self.writes = load, node, number, rate, writes
        self.connection = None
        self.done = []  # (began, ended, kind, status or name of the error)

    def run(self):
        due = time.monotonic() + self.number / (WRITERS + READERS) / self.rate
        while not self.load.over.is_set():
            wait = due - time.monotonic()
            if wait > 0:
                time.sleep(wait)
            # What was missed while a request waited is not made up for.
            due = max(due + 1 / self.rate, time.monotonic())
            if self.writes:
                self.write()
            else:
                self.read()

    def write(self):
        key = self.number
        serial = self.load.next_serial(key)
        status, _ = self.call("POST", f"bench/data/key-{key}", {"data": {"serial": serial}})
        if status == 200:
            self.load.acknowledged[key] = serial

    def read(self):
        key = self.number % WRITERS
        least = self.load.acknowledged[key]
        status, answer = self.call("GET", f"bench/data/key-{key}")
        if status == 200 and least and answer["data"]["data"].get("serial", 0) < least:
            self.load.stale.append((key, least))

    def call(self, method, path, body=None):
        began, status, answer = time.monotonic(), None, {}
        data = None if body is None else json.dumps(body)
        try:
            if self.connection is None:
                self.connection = http.client.HTTPSConnection(
                    "127.0.0.1", self.node.port, timeout=PATIENCE, context=self.load.tls)
                self.connection.connect()
            self.connection.request(method, f"/v1/{path}", data, {"X-Vault-Token": self.load.token})
            got = self.connection.getresponse()
            raw = got.read()
            status, answer = got.status, json.loads(raw) if raw.strip() else {}
        except (OSError, http.client.HTTPException, ValueError) as problem:
            status = type(problem).__name__
            if self.connection is not None:
                self.connection.close()
            self.connection = None
            time.sleep(0.02)
        self.done.append((began, time.monotonic(), method, status))
        return status, answer


class Load:
    def __init__(self, cluster, writes, reads):
        self.token = cluster.bench_token
        self.tls = ssl.create_default_context(cafile=str(cluster.tls / "ca.pem"))
        self.over = threading.Event()
        self.acknowledged, self.stale = [0] * WRITERS, []
        self.serials = [int(time.time() * 1000)] * WRITERS
        nodes = cluster.nodes
        self.clients = [Client(self, nodes[n % 3], n, writes / WRITERS, True) for n in range(WRITERS)]
        self.clients += [Client(self, nodes[n % 3], n, reads / READERS, False) for n in range(READERS)]

    def next_serial(self, key):
        self.serials[key] += 1
        return self.serials[key]

    def start(self):
        for client in self.clients:
            client.start()

    def stop(self):
        self.over.set()
        for client in self.clients:
            client.join(PATIENCE + 5)


def run(cluster, event, writes, reads):
    """A round, and the cluster whole again."""
    gone = cluster.active()
    if gone is None:
        raise Failed(f"{cluster.name}: nobody is active before a round")
    load = Load(cluster, writes, reads)
    load.start()
    time.sleep(BEFORE)
    at = time.monotonic()
    strike(gone, event)
    first = wait_for_write(load, gone, event, at)
    time.sleep(AFTER)
    load.stop()
    if event != "step-down":
        gone.process.wait(30)
        gone.connection = None
        gone.start()
        cluster.until("the node is back", lambda: gone.call("GET", "sys/seal-status")[0] == 200)
        cluster.until("the node is unsealed", gone.unseal)
    cluster.until("a node is active", lambda: cluster.active() is not None)
    cluster.until("all three nodes vote", cluster.all_vote)
    return summary(cluster.name, event, load, gone, at, first)


def strike(node, event):
    if event == "kill":
        node.process.send_signal(signal.SIGKILL)
    elif event == "term":
        node.process.send_signal(signal.SIGTERM)
    else:
        threading.Thread(target=lambda: node.call("PUT", "sys/step-down"), daemon=True).start()


def wait_for_write(load, gone, event, at):
    """Seconds until a write that began after the event was acknowledged, by whichever node."""
    writers = [client for client in load.clients if client.writes and (client.node is not gone or event == "step-down")]
    while time.monotonic() < at + LONGEST:
        ended = [e for c in writers for b, e, _, s in list(c.done) if b > at and s == 200]
        if ended:
            return min(ended) - at
        time.sleep(0.01)
    raise Failed(f"no write within {LONGEST} s of {event}")


def summary(name, event, load, gone, at, first):
    """Failures count from the event on; those at the node that went are told apart."""
    failed, at_gone, slowest = {}, {}, 0.0
    ended = []
    for client in load.clients:
        for began, end, method, status in client.done:
            if end < at:
                continue
            there = client.node is gone and event != "step-down"
            if status == 200:
                slowest = max(slowest, end - began)
                if method == "POST":
                    ended.append(end)
            else:
                into = at_gone if there else failed
                into[str(status)] = into.get(str(status), 0) + 1
    ended.sort()
    longest_gap = max((b - a for a, b in zip([at, *ended], ended)), default=0.0)
    return {
        "server": name, "event": event, "next_write": round(first, 3), "gap": round(longest_gap, 3),
        "slowest": round(slowest, 3), "failed": failed, "failed_at_the_node": at_gone, "stale": len(load.stale),
        "requests": sum(len(client.done) for client in load.clients),
    }


def markdown(rounds):
    lines = ["| event | server | rounds | next write, s: median (worst) | slowest answered, s: median (worst) "
             "| failed elsewhere: total | failed at the node that went: total | stale reads |",
             "|---|---|---:|---:|---:|---|---|---:|"]
    for event in EVENTS:
        for server in ("ours", "theirs"):
            of = [r for r in rounds if r["event"] == event and r["server"] == server]
            if not of:
                continue
            spread = [f"{statistics.median(v):.2f} ({max(v):.2f})" for v in
                      ([r["next_write"] for r in of], [r["slowest"] for r in of])]
            lines.append(f"| {event} | {server} | {len(of)} | {spread[0]} | {spread[1]} | {total(of, 'failed')} "
                         f"| {total(of, 'failed_at_the_node')} | {sum(r['stale'] for r in of)} |")
    return "\n".join(lines)


def total(rounds, key):
    sums = {}
    for one in rounds:
        for status, count in one[key].items():
            sums[status] = sums.get(status, 0) + count
    return ", ".join(f"{count} × {status}" for status, count in sorted(sums.items())) or "0"
