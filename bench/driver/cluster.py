"""Three nodes of one program, from nothing to unsealed, with what the load needs in them."""

import http.client
import json
import os
import pathlib
import signal
import socket
import ssl
import subprocess
import time

import machine

PATIENCE = 120  # seconds that one step may take
POLICY = """
path "bench/data/*" { capabilities = ["create", "read", "update", "delete", "list"] }
path "auth/token/create" { capabilities = ["create", "update"] }
path "transit/*" { capabilities = ["create", "update"] }
"""
VALUE = "x" * 1024


class Failed(Exception):
    """A sentence for whoever runs the bench."""


def certificates(folder):
    """An authority and a certificate for 127.0.0.1; returns the folder they are in."""
    tls = folder / "tls"
    tls.mkdir(parents=True)
    (tls / "ext").write_text("basicConstraints=critical,CA:FALSE\nsubjectAltName=IP:127.0.0.1,DNS:localhost\n"
                             "extendedKeyUsage=serverAuth,clientAuth\n")
    key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
    for command in (
        f"req -x509 {key} -days 30 -subj /CN=bench-ca -addext basicConstraints=critical,CA:TRUE "
        "-addext keyUsage=critical,keyCertSign,cRLSign -keyout ca.key -out ca.pem",
        f"req -new {key} -subj /CN=bench -keyout tls.key -out tls.csr",
        "x509 -req -in tls.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -extfile ext -out tls.pem",
    ):
        done = subprocess.run(["openssl", *command.split()], cwd=tls, capture_output=True, text=True)
        if done.returncode:
            raise Failed(f"openssl could not make certificates: {done.stderr.strip()}")
    return tls


def free_ports(count):
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in held]
    for s in held:
        s.close()
    return ports


class Node:
    def __init__(self, cluster, number, port, cluster_port):
        self.cluster, self.number, self.port, self.cluster_port = cluster, number, port, cluster_port
        self.folder = cluster.folder / f"node{number}"
        self.process = None
        self.before = None  # what its process does first
        self.connection = None

    @property
    def url(self):
        return f"https://127.0.0.1:{self.port}"

    def configuration(self):
        """The audit file is where the node runs: OpenBao's next leader refuses a device that is declared elsewhere."""
        tls = self.cluster.tls
        others = "".join(
            f'  retry_join {{ leader_api_addr = "{n.url}" leader_ca_cert_file = "{tls}/ca.pem" }}\n'
            for n in self.cluster.nodes if n is not self
        ).replace(" leader_ca", "\n    leader_ca").replace("{ leader_api", "{\n    leader_api").replace(" }\n", "\n  }\n")
        return f"""
cluster_name  = "bench"
api_addr      = "{self.url}"
cluster_addr  = "https://127.0.0.1:{self.cluster_port}"
disable_mlock = true
log_level     = "warn"
storage "raft" {{
  path    = "{self.folder}/data"
  node_id = "node{self.number}"
{self.cluster.more}{others}}}
listener "tcp" {{
  address         = "127.0.0.1:{self.port}"
  cluster_address = "127.0.0.1:{self.cluster_port}"
  tls_cert_file   = "{tls}/tls.pem"
  tls_key_file    = "{tls}/tls.key"
}}
telemetry {{
  prometheus_retention_time = "1m"
}}
audit "file" "file" {{
  options {{
    file_path = "audit.log"
  }}
}}
"""

    def start(self):
        (self.folder / "data").mkdir(parents=True, exist_ok=True)
        config = self.folder / "config.hcl"
        config.write_text(self.configuration())
        log = open(self.folder / "log", "ab")
        command = [str(self.cluster.binary), *self.settings(), "server", f"-config={config}"]
        # A server under test ends with whoever holds its standard input.
        held = subprocess.DEVNULL if self.cluster.ways is None else subprocess.PIPE
        self.process = subprocess.Popen(command, stdout=log, stderr=log, stdin=held, cwd=self.folder, preexec_fn=self.before)

    def settings(self):
        """What a server under test reads before its own arguments."""
        if self.cluster.ways is None:
            return []
        file = self.folder / "settings.json"
        file.write_text(json.dumps({"socket": str(self.folder / "control"), "ways": self.cluster.ways}))
        return [str(file)]

    def asks(self, what):
        """Tells a server under test something, and returns its answer."""
        with socket.socket(socket.AF_UNIX) as control:
            control.settimeout(60)
            control.connect(str(self.folder / "control"))
            control.sendall(json.dumps({"do": what}).encode() + b"\n")
            return json.loads(control.makefile().readline())

    def metric(self, name):
        """The sum over its labels."""
        raw = self.ask("GET", "sys/metrics?format=prometheus")[1].decode()
        return sum(float(line.split()[-1]) for line in raw.splitlines() if line.split("{")[0].split(" ")[0] == name)

    def call(self, method, path, body=None):
        """Status and answer. The connection is kept."""
        status, raw = self.ask(method, path, body)
        return status, json.loads(raw) if raw.strip() else {}

    def ask(self, method, path, body=None):
        headers = {"X-Vault-Token": self.cluster.token} if self.cluster.token else {}
        data = None if body is None else json.dumps(body)
        for attempt in (1, 2):
            if self.connection is None:
                context = ssl.create_default_context(cafile=str(self.cluster.tls / "ca.pem"))
                self.connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=60, context=context)
            try:
                self.connection.request(method, f"/v1/{path}", data, headers)
                answer = self.connection.getresponse()
                return answer.status, answer.read()
            except (OSError, http.client.HTTPException):
                self.connection = None
                if attempt == 2:
                    raise
        raise AssertionError("unreachable")

    def unseal(self):
        """Whether it is unsealed now."""
        self.call("PUT", "sys/unseal", {"key": self.cluster.key})
        return self.call("GET", "sys/seal-status")[1].get("sealed") is False

    def tail(self):
        lines = (self.folder / "log").read_text(errors="replace").splitlines()[-15:]
        return "\n  ".join(lines)


class Cluster:
    """Nodes 1 to 3 of one binary."""

    def __init__(self, name, binary, folder, tls):
        self.name, self.binary, self.folder, self.tls = name, binary, folder, tls
        self.token = ""
        self.key = ""
        self.bench_token = ""
        self.lacks = {}
        self.more = ""  # in the storage section
        self.ways = None  # what a server under test dials instead
        ports = free_ports(6)
        self.nodes = []
        self.nodes.extend(Node(self, n, ports[n - 1], ports[n + 2]) for n in (1, 2, 3))

    def start(self):
        for node in self.nodes:
            node.start()
        for node in self.nodes:
            self.until(f"node {node.number} answers", lambda n=node: n.call("GET", "sys/seal-status")[0] == 200)
        first = self.nodes[0]
        status, keys = first.call("PUT", "sys/init", {"secret_shares": 1, "secret_threshold": 1})
        if status != 200:
            raise Failed(f"{self.name}: sys/init answered {status} {keys}")
        self.token = keys["root_token"]
        self.key = keys["keys_base64"][0]
        for node in self.nodes:
            self.until(f"node {node.number} is unsealed", node.unseal)
            self.until("a node is active", lambda: self.active() is not None)
        self.until("all three nodes vote", self.all_vote)

    def all_vote(self):
        status, answer = self.active().call("GET", "sys/storage/raft/configuration")
        servers = answer.get("data", {}).get("config", {}).get("servers", []) if status == 200 else []
        return sum(1 for s in servers if s.get("voter")) == 3

    def active(self):
        for node in self.nodes:
            try:
                if node.call("GET", "sys/leader")[1].get("is_self"):
                    return node
            except (OSError, http.client.HTTPException):
                pass
        return None

    def until(self, what, holds):
        end = time.monotonic() + PATIENCE
        while True:
            try:
                if holds():
                    return
            except (OSError, http.client.HTTPException, AttributeError):
                pass
            for node in self.nodes:
                if node.process.poll() is not None:
                    raise Failed(f"{self.name}: node {node.number} has ended\n  {node.tail()}")
            if time.monotonic() > end:
                raise Failed(f"{self.name}: not within {PATIENCE} s: {what}\n  {self.nodes[0].tail()}")
            time.sleep(0.3)

    def must(self, method, path, body=None):
        status, answer = self.active_node.call(method, path, body)
        if status >= 300:
            raise Failed(f"{self.name}: {method} {path} answered {status} {answer}")
        return answer

    def prepare(self, keys, default_policy):
        """Mount, policy, token, secrets; what this server does not offer is noted and left out."""
        self.active_node = self.active()
        self.must("POST", "sys/mounts/bench", {"type": "kv", "options": {"version": "2"}})
        self.must("POST", "sys/policies/acl/bench", {"policy": POLICY})
        token = self.must("POST", "auth/token/create", {
            "policies": ["bench"], "ttl": "24h", "no_default_policy": not default_policy})
        self.bench_token = token["auth"]["client_token"]
        # A mount that was just made as version 2 may still be getting ready.
        self.until("the mount takes writes", lambda: self.active_node.call(
            "POST", "bench/data/key-0", {"data": {"value": VALUE}})[0] < 300)
        for key in range(keys):
            self.must("POST", f"bench/data/key-{key}", {"data": {"value": VALUE}})
        self.offer("userpass-login",
                   ("sys/auth/userpass", {"type": "userpass"}),
                   ("auth/userpass/users/bench", {"password": "bench-password", "token_policies": ["bench"]}))
        self.offer("approle-login",
                   ("sys/auth/approle", {"type": "approle"}),
                   ("auth/approle/role/bench", {"token_policies": ["bench"]}),
                   ("auth/approle/role/bench/role-id", {"role_id": "bench-role"}),
                   ("auth/approle/role/bench/custom-secret-id", {"secret_id": "bench-secret"}))
        self.offer("transit-encrypt",
                   ("sys/mounts/transit", {"type": "transit"}),
                   ("transit/keys/bench", {"type": "aes256-gcm96"}))
        self.offer("transit-sign", ("transit/keys/bench-sign", {"type": "ed25519"}))

    def offer(self, workload, *writes):
        """What a workload needs; a server that does not have it is left out of it."""
        try:
            for path, body in writes:
                self.must("POST", path, body)
        except Failed as problem:
            self.lacks[workload] = str(problem)

    def addresses(self, spread):
        nodes = self.nodes if spread else [self.active()]
        return [f"127.0.0.1:{node.port}" for node in nodes]

    def cpu_seconds(self):
        return sum(machine.cpu_seconds(n.process.pid) for n in self.nodes)

    def syncs(self):
        """How often a node has synced its log, the mean of all; 0 where that is not counted."""
        return sum(node.metric("holdfast_log_syncs") for node in self.nodes) / len(self.nodes)

    def read_calls(self):
        """How often the nodes have asked from where on a read is up to date; 0 where that is not counted."""
        return sum(node.metric("holdfast_reads_calls") for node in self.nodes)

    def memory(self):
        return [round(machine.resident_mib(n.process.pid), 1) for n in self.nodes]

    def version(self):
        return self.nodes[0].call("GET", "sys/seal-status")[1].get("version", "unknown")

    def stop(self):
        for node in self.nodes:
            if node.process and node.process.poll() is None:
                node.process.send_signal(signal.SIGTERM)
        for node in self.nodes:
            if node.process:
                try:
                    node.process.wait(20)
                except subprocess.TimeoutExpired:
                    node.process.kill()
                    node.process.wait()


class Bare:
    """TLS, HTTP and a fixed answer: what a request costs at the least."""

    name = "bare"
    bench_token = ""

    def __init__(self, load, tls):
        self.load, self.tls = load, tls
        self.lacks = {}
        self.port = free_ports(1)[0]
        self.process = None

    def start(self):
        self.process = subprocess.Popen([
            str(self.load), "bare", "--address", f"127.0.0.1:{self.port}",
            "--certificate", str(self.tls / "tls.pem"), "--key", str(self.tls / "tls.key")])
        end = time.monotonic() + PATIENCE
        while socket.socket().connect_ex(("127.0.0.1", self.port)):
            if time.monotonic() > end or self.process.poll() is not None:
                raise Failed("the bare server does not answer")
            time.sleep(0.1)

    def addresses(self, spread):
        return [f"127.0.0.1:{self.port}"]

    def cpu_seconds(self):
        return machine.cpu_seconds(self.process.pid)

    def syncs(self):
        return 0

    def read_calls(self):
        return 0

    def memory(self):
        return [round(machine.resident_mib(self.process.pid), 1)]

    def version(self):
        return "-"

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
