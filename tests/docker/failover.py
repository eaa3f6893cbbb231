#!/usr/bin/env python3
"""Reads and writes go on while nodes of the compose cluster are killed and restarted: what clients see of it.

    scripts/up --docker && tests/docker/failover.py            all phases, about four minutes
    tests/docker/failover.py --short                            the leader killed, each node restarted once
    tests/docker/failover.py --json FILE                        the figures, for a machine

Four kinds of clients at once, each with connections that it keeps:

    haproxy         through haproxy; what fails has failed
    haproxy+retry   the same; a request that was refused is sent again
    nodes           each connection to one node, another node after a failure; what fails has failed
    nodes+retry     the same; a request that was refused is sent again

"Refused" is what surely was not carried out: no connection, no TLS, or an answer 503 that says so by its Retry-After.
A client with retry sends again after 100 ms, for at most 15 seconds. Whatever else fails is never sent again.

Checked at the end, by exit status 1: every acknowledged write is there, no read went behind a write that had been
acknowledged before it began, no write was carried out oftener than it was sent, no answer but those that a lost node
explains, no failed read through haproxy, and not one failed request of clients with retry while nodes are restarted in
good order.
"""

import argparse
import collections
import http.client
import json
import pathlib
import socket
import ssl
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
NODES = ("node1", "node2", "node3")
CONNECT = 2.0
ANSWER = 20.0
RETRY_FOR = 15.0
PATIENCE = 90.0


class Failed(Exception):
    """A request without the answer it should have. `refused`: surely nothing was done."""

    def __init__(self, kind, refused=False):
        super().__init__(kind)
        self.kind, self.refused = kind, refused


class Connection:
    """One kept connection to one place. Gives an answer, or the kind of failure."""

    def __init__(self, cluster, host, port, name, through):
        self.cluster, self.place, self.name, self.through = cluster, (host, port), name, through
        self.http = None

    def close(self):
        if self.http is not None:
            self.http.close()
            self.http = None

    def open(self):
        try:
            plain = socket.create_connection(self.place, timeout=CONNECT)
        except ConnectionRefusedError:
            raise Failed("connection refused", True) from None
        except OSError:
            raise Failed("no connection", True) from None
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            plain.settimeout(CONNECT * 2)
            secured = self.cluster.tls.wrap_socket(plain, server_hostname=self.name)
        except OSError:
            plain.close()
            raise Failed("connection lost before TLS was there", True) from None
        secured.settimeout(ANSWER)
        self.http = http.client.HTTPConnection(*self.place)
        self.http.sock = secured

    def send(self, method, path, body=None):
        if self.http is None:
            self.open()
        headers = {"X-Vault-Token": self.cluster.token}
        data = None if body is None else json.dumps(body)
        try:
            self.http.request(method, "/v1/" + path, data, headers)
            answer = self.http.getresponse()
            text = answer.read()
        except http.client.RemoteDisconnected:
            failure = Failed("closed without an answer")
        except (ConnectionResetError, BrokenPipeError, ssl.SSLEOFError):
            failure = Failed("connection reset")
        except http.client.IncompleteRead:
            failure = Failed("answer cut off")
        except TimeoutError:
            failure = Failed(f"no answer within {ANSWER:.0f} s")
        except (OSError, http.client.HTTPException) as error:
            failure = Failed(type(error).__name__)
        else:
            if answer.will_close:
                self.close()
            return self.judge(answer, text)
        self.close()
        raise failure

    def judge(self, answer, text):
        try:
            body = json.loads(text) if text else None
        except ValueError:
            body = None
        if answer.status in (200, 204):
            return body
        if answer.status == 404 and isinstance(body, dict):
            return None
        if isinstance(body, dict) and "errors" in body:
            said = (body["errors"] or [""])[0].split(";")[0].split(" 0x")[0][:60]
            kind = f"{answer.status} of a node: {said}"
            raise Failed(kind, answer.status == 503 and answer.headers.get("Retry-After") is not None)
        raise Failed(f"{answer.status} of haproxy", answer.status == 503)


class Cluster:
    """The compose project, as docker and its clients see it."""

    def __init__(self, args):
        self.home, self.project, self.port = args.home, args.project, args.port
        self.token = (self.home / "token").read_text().strip()
        self.shares = (self.home / "unseal-keys").read_text().split()
        self.tls = ssl.create_default_context(cafile=self.home / "tls" / "ca.pem")
        # One connection, one node: HTTP/1.1 is what this client speaks.
        self.tls.set_alpn_protocols(["http/1.1"])
        self.containers = {name: self.container(name) for name in NODES}
        self.addresses = {}
        for name in NODES:
            self.look_up(name)

    @staticmethod
    def docker(*words, **more):
        return subprocess.run(["docker", *words], check=True, capture_output=True, text=True, **more).stdout.strip()

    def container(self, service):
        labels = [f"label=com.docker.compose.project={self.project}", f"label=com.docker.compose.service={service}"]
        found = self.docker("ps", "-aq", *(word for label in labels for word in ("--filter", label))).split()
        if len(found) != 1:
            sys.exit(f"project {self.project} has {len(found)} containers {service}: run scripts/up --docker first")
        return found[0]

    def look_up(self, name):
        form = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
        address = self.docker("inspect", "-f", form, self.containers[name])
        # A container that is not running has none; clients keep the one it had, as a cached name would.
        if address:
            self.addresses[name] = address

    def to_node(self, name):
        return Connection(self, self.addresses[name], 8200, name, "node")

    def to_haproxy(self):
        return Connection(self, "127.0.0.1", self.port, "localhost", "haproxy")

    def ask(self, name, method, path, body=None):
        connection = self.to_node(name)
        try:
            return connection.send(method, path, body)
        finally:
            connection.close()

    def leader(self):
        return self.until("some node leads", lambda: next((n for n in NODES if self.leads(n)), None))

    def leads(self, name):
        try:
            return self.ask(name, "GET", "sys/leader")["is_self"]
        except (Failed, TypeError, KeyError):
            return False

    @staticmethod
    def until(what, ask):
        end = time.monotonic() + PATIENCE
        while True:
            found = ask()
            if found:
                return found
            if time.monotonic() > end:
                sys.exit(f"not within {PATIENCE:.0f} s: {what}")
            time.sleep(0.1)

    def serves(self, name):
        try:
            self.ask(name, "GET", "sys/health?perfstandbyok=true")
            return True
        except Failed:
            return False

    def bring_back(self, name):
        """Unseals a node that has started, and waits until it serves and haproxy has had time to see it."""
        self.look_up(name)

        def unseal():
            try:
                status = self.ask(name, "GET", "sys/seal-status")
                for share in self.shares if status["sealed"] else ():
                    if not self.ask(name, "PUT", "sys/unseal", {"key": share})["sealed"]:
                        break
                return self.serves(name)
            except Failed:
                return False

        self.until(f"{name} serves again", unseal)
        time.sleep(2)


class Ledger:
    """What clients were told. Every method is called by many threads."""

    def __init__(self):
        self.lock = threading.Lock()
        self.phase = "before"
        self.requests = collections.Counter()
        self.failures = collections.Counter()
        self.sent_again = collections.Counter()
        self.last = {}
        self.gaps = collections.Counter()
        self.acknowledged = collections.defaultdict(int)
        self.kept = collections.defaultdict(set)
        self.sent = collections.Counter()
        self.stale = []

    def enter(self, phase):
        with self.lock:
            self.phase = phase
            self.last.clear()

    def done(self, who, kind):
        """A request has ended: kind None is success."""
        with self.lock:
            key = (self.phase, who)
            self.requests[key] += 1
            if kind is not None:
                self.failures[key + (kind,)] += 1
                return
            now = time.monotonic()
            # The longest time in which no request of these clients succeeded.
            self.gaps[key] = max(self.gaps[key], now - self.last.get(who, now))
            self.last[who] = now


class Client(threading.Thread):
    def __init__(self, cluster, ledger, who, number, stop, pause):
        super().__init__(daemon=True)
        self.cluster, self.ledger, self.who, self.number = cluster, ledger, who, number
        self.stop, self.pause = stop, pause
        self.retries = who.endswith("+retry")
        self.turn = number
        self.connection = None

    def connect(self):
        if self.who.startswith("haproxy"):
            return self.cluster.to_haproxy()
        self.turn += 1
        return self.cluster.to_node(NODES[self.turn % len(NODES)])

    def request(self, method, path, body=None, on_send=None):
        """The answer, or None if it failed for good; every failure is written down."""
        end = time.monotonic() + RETRY_FOR
        while True:
            if self.connection is None:
                self.connection = self.connect()
            try:
                if on_send:
                    on_send()
                answer = self.connection.send(method, path, body)
                self.ledger.done(self.who, None)
                return True, answer
            except Failed as failure:
                self.connection.close()
                self.connection = None
                if self.retries and failure.refused and time.monotonic() < end and not self.stop.is_set():
                    with self.ledger.lock:
                        self.ledger.sent_again[self.ledger.phase, self.who, failure.kind] += 1
                    time.sleep(0.1)
                    continue
                what = "read" if method == "GET" else "write"
                self.ledger.done(self.who, f"{what}: {failure.kind}")
                return False, None

    def run(self):
        turn = 0
        while not self.stop.is_set():
            turn += 1
            self.step(turn)
            time.sleep(self.pause)


class Writer(Client):
    """By turns a key of its own for each write, and one key that counts up."""

    def step(self, turn):
        name, ledger = f"w{self.number}", self.ledger
        if turn % 2:
            good, _ = self.request("POST", f"failover-log/{name}/{turn:07}", {"n": turn})
            if good:
                with ledger.lock:
                    ledger.kept[name].add(f"{turn:07}")
            return

        def count():
            with ledger.lock:
                ledger.sent[name] += 1

        good, _ = self.request("POST", f"failover-last/data/{name}", {"data": {"n": turn}}, count)
        if good:
            with ledger.lock:
                ledger.acknowledged[name] = turn


class Reader(Client):
    """Reads what the writers count up, and compares it with what had been acknowledged before."""

    def step(self, turn):
        ledger = self.ledger
        with ledger.lock:
            known = sorted(ledger.acknowledged.items())
        if not known:
            return
        name, at_least = known[turn % len(known)]
        good, answer = self.request("GET", f"failover-last/data/{name}")
        if good:
            found = answer["data"]["data"]["n"] if answer else 0
            if found < at_least:
                with ledger.lock:
                    ledger.stale.append(f"{self.who}: {found} of {name}, {at_least} had been acknowledged")


GROUPS = ("haproxy", "haproxy+retry", "nodes", "nodes+retry")


def phases(cluster, ledger, short):
    """Runs them. Yields nothing; the ledger knows what happened in each."""
    still = 3 if short else 8

    def phase(name):
        ledger.enter(name)
        print(f"{time.strftime('%H:%M:%S')} {name}", file=sys.stderr, flush=True)

    phase("nothing happens")
    time.sleep(still)
    for round_ in range(1 if short else 3):
        leader = cluster.leader()
        phase("kill of the leader")
        cluster.docker("kill", cluster.containers[leader])
        time.sleep(still)
        # Its coming back is part of it: a node that starts must not disturb anybody.
        cluster.docker("start", cluster.containers[leader])
        cluster.bring_back(leader)
    if not short:
        standby = next(name for name in NODES if name != cluster.leader())
        phase("kill of a standby")
        cluster.docker("kill", cluster.containers[standby])
        time.sleep(still)
        cluster.docker("start", cluster.containers[standby])
        cluster.bring_back(standby)
    for round_ in range(1 if short else 2):
        for name in NODES:
            what = "leader" if cluster.leads(name) else "standby"
            phase(f"restart of a {what}" if what == "standby" else "restart of the leader")
            cluster.docker("restart", cluster.containers[name])
            cluster.bring_back(name)
    # One that leads is always restarted, whoever led above.
    leader = cluster.leader()
    phase("restart of the leader")
    cluster.docker("restart", cluster.containers[leader])
    cluster.bring_back(leader)
    if not short:
        leader = cluster.leader()
        phase("the leader frozen for 6 s")
        cluster.docker("pause", cluster.containers[leader])
        time.sleep(6)
        cluster.docker("unpause", cluster.containers[leader])
        time.sleep(4)
    phase("afterwards")
    time.sleep(still)


def check(cluster, ledger):
    """Every promise that was broken, as a sentence."""
    wrong = list(ledger.stale)
    for name in NODES:
        for writer, kept in sorted(ledger.kept.items()):
            listed = cluster.ask(name, "GET", f"failover-log/{writer}?list=true")
            lost = kept - set(listed["data"]["keys"] if listed else ())
            wrong += [f"{name}: {writer}/{key} was acknowledged and is lost" for key in sorted(lost)[:5]]
        for writer, last in sorted(ledger.acknowledged.items()):
            answer = cluster.ask(name, "GET", f"failover-last/data/{writer}")
            found, version = answer["data"]["data"]["n"], answer["data"]["metadata"]["version"]
            if found < last:
                wrong.append(f"{name}: {writer} is {found}, {last} was acknowledged")
            if version > ledger.sent[writer]:
                wrong.append(f"{name}: {writer} was written {version} times and sent {ledger.sent[writer]} times")
    return wrong


# What a lost node explains. Anything else that a client got is a fault of the server or of haproxy's configuration.
EXPLAINED = ("connection", "no connection", "closed without", "answer cut off", "502 of haproxy", "503 of haproxy", "504 of haproxy",
             "503 of a node: no node is active", "503 of a node: nothing was written")


def judge(ledger):
    wrong = []
    for (phase, who, kind), count in sorted(ledger.failures.items()):
        quiet = phase in ("before", "nothing happens", "afterwards")
        restarted = phase.startswith("restart") and who.endswith("+retry")
        what, kind = kind.split(": ", 1)
        frozen = phase.startswith("the leader frozen") and kind.startswith("no answer")
        # What haproxy may send again it must.
        read = what == "read" and who.startswith("haproxy") and not phase.startswith("the leader frozen")
        if quiet or restarted or read or not (kind.startswith(EXPLAINED) or frozen):
            wrong.append(f"{phase}: {count} × {what}: {kind} ({who})")
    for who in GROUPS:
        if not any(count for (_, at), count in ledger.requests.items() if at == who):
            wrong.append(f"{who} made no request")
    return wrong


def report(ledger):
    rows, order = [], []
    for phase, _ in ledger.requests:
        if phase not in order:
            order.append(phase)
    for phase in order:
        for who in GROUPS:
            of = lambda counter: {k[2]: n for k, n in sorted(counter.items()) if k[:2] == (phase, who)}
            failed, again = of(ledger.failures), of(ledger.sent_again)
            rows.append({
                "phase": phase, "clients": who, "requests": ledger.requests[phase, who],
                "failed": sum(failed.values()), "failed_by_kind": failed, "sent_again_by_kind": again,
                "longest_without_success_ms": round(1000 * ledger.gaps[phase, who]),
            })
    print(f"\n{'phase':<27}{'clients':<15}{'requests':>9}{'failed':>8}{'gap ms':>8}  kinds")
    for row in rows:
        kinds = [f"{count} × {kind}" for kind, count in row["failed_by_kind"].items()]
        kinds += [f"(sent again: {count} × {kind})" for kind, count in row["sent_again_by_kind"].items()]
        print(f"{row['phase']:<27}{row['clients']:<15}{row['requests']:>9}{row['failed']:>8}"
              f"{row['longest_without_success_ms']:>8}  {', '.join(kinds)}")
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=pathlib.Path, default=ROOT / ".holdfast-docker", help="of scripts/up --docker")
    parser.add_argument("--project", default="holdfast")
    parser.add_argument("--port", type=int, default=8200, help="haproxy's")
    parser.add_argument("--clients", type=int, default=2, help="writers, and as many readers, of each kind")
    parser.add_argument("--pause", type=float, default=0.02, help="seconds between two requests of a client")
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--json", type=pathlib.Path)
    args = parser.parse_args()
    cluster, ledger, stop = Cluster(args), Ledger(), threading.Event()

    setup = cluster.to_haproxy()
    mounted = setup.send("GET", "sys/mounts")["data"]
    for path, version in (("failover-log", "1"), ("failover-last", "2")):
        # Anew each time: what an earlier run left would be taken for this one's.
        if path + "/" in mounted:
            setup.send("DELETE", f"sys/mounts/{path}")
        setup.send("POST", f"sys/mounts/{path}", {"type": "kv", "options": {"version": version}})
    setup.close()

    clients = []
    for who in GROUPS:
        for _ in range(args.clients):
            clients.append(Writer(cluster, ledger, who, len(clients), stop, args.pause))
            clients.append(Reader(cluster, ledger, who, len(clients), stop, args.pause))
    began = time.monotonic()
    for client in clients:
        client.start()
    try:
        phases(cluster, ledger, args.short)
    finally:
        stop.set()
    for client in clients:
        client.join(ANSWER + CONNECT)

    rows = report(ledger)
    wrong = check(cluster, ledger) + judge(ledger)
    written = sum(len(kept) for kept in ledger.kept.values())
    print(f"\n{time.monotonic() - began:.0f} s; {written} acknowledged writes looked for on each node; "
          f"{len(ledger.stale)} stale reads")
    if args.json:
        args.json.write_text(json.dumps({"phases": rows, "acknowledged": written, "wrong": wrong}, indent=1))
    for sentence in wrong:
        print("WRONG:", sentence)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
