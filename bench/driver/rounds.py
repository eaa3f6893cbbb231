"""Rounds: the same load to each side in turn, and what each request cost."""

import json
import os
import statistics
import subprocess
import sys
import time

from cluster import Failed

WORKLOADS = ["kv-read", "kv-write", "token-create", "token-lookup-self", "userpass-login", "approle-login",
             "transit-encrypt", "transit-sign"]
WARM_UP = 2  # seconds of each workload that do not count
IDLE = 5  # seconds
OPEN = 0.7  # of what the slower side can do


def idle(sides):
    """What the nodes cost when nobody asks for anything."""
    before = {side.name: side.cpu_seconds() for side in sides}
    time.sleep(IDLE)
    return {
        side.name: {"cpu_per_second": (side.cpu_seconds() - before[side.name]) / IDLE, "memory_mib": side.memory()}
        for side in sides
    }


def all_of(sides, load, wanted):
    results = {}
    for workload in wanted.workloads.split(","):
        able = [side for side in sides if workload not in side.lacks]
        if results:
            # The bare server has one answer: once is enough.
            able = [side for side in able if side.name != "bare"]
        for side in sides:
            if workload in side.lacks:
                print(f"{workload}: left out for {side.name}: {side.lacks[workload]}", file=sys.stderr)
        for side in able:
            one(side, load, workload, wanted, WARM_UP)
        kept = {side.name: [] for side in able}
        for number in range(1, wanted.rounds + 1):
            for side in able:
                done = one(side, load, workload, wanted, wanted.seconds)
                kept[side.name].append(done)
                print(f"{workload} {number}/{wanted.rounds} {side.name}: {done['rps']:.0f} rps, "
                      f"{done['cpu_us']:.0f} us CPU, p99 {done['p99_us']} us, {done['errors'] or 'no errors'}",
                      file=sys.stderr)
        results[workload] = {name: {"median": median(all_rounds), "rounds": all_rounds}
                             for name, all_rounds in kept.items()}
        if wanted.open_loop:
            results[f"{workload}, open loop"] = open_loop(able, load, workload, wanted, results[workload])
    return results


def open_loop(sides, load, workload, wanted, closed):
    """The same at a rate that all sides can keep up with, each request timed from when it was due."""
    sides = [side for side in sides if side.name != "bare"]
    rate = OPEN * min(closed[side.name]["median"]["rps"] for side in sides)
    kept = {side.name: [] for side in sides}
    for _ in range(wanted.rounds):
        for side in sides:
            kept[side.name].append(one(side, load, workload, wanted, wanted.seconds, rate))
    return {name: {"median": median(all_rounds), "rounds": all_rounds} for name, all_rounds in kept.items()}


def one(side, load, workload, wanted, seconds, rate=None):
    rate = rate or wanted.rate
    kind = "bare" if side.name == "bare" else workload
    command = [str(load), "load", "--ca", str(side.tls / "ca.pem"), "--workload", kind, "--seconds", str(seconds),
               "--clients", str(wanted.clients), "--keys", str(wanted.keys)]
    for address in side.addresses(wanted.spread):
        command += ["--address", address]
    if rate:
        command += ["--rate", str(rate)]
    if wanted.reconnect:
        command += ["--reconnect"]
    syncs, calls = side.syncs(), side.read_calls()
    before = side.cpu_seconds()
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "BENCH_TOKEN": side.bench_token})
    cpu = side.cpu_seconds() - before
    syncs, calls = side.syncs() - syncs, side.read_calls() - calls
    if done.returncode:
        raise Failed(f"the load ended with {done.returncode}")
    report = json.loads(done.stdout)
    answers = max(report["answers"], 1)
    return {
        "rps": report["answers"] / report["seconds"],
        "cpu_us": cpu / answers * 1e6,
        "p50_us": report["latency_us"]["p50"],
        "p95_us": report["latency_us"]["p95"],
        "p99_us": report["latency_us"]["p99"],
        "max_us": report["latency_us"]["max"],
        "errors": report["errors"],
        "syncs_per_1000": 1000 * syncs / answers,
        "read_calls_per_1000": 1000 * calls / answers,
        "answers": report["answers"],
        "memory_mib": side.memory(),
        "load_cpu_us": report["own_cpu_seconds"] / answers * 1e6,
    }


def median(all_rounds):
    middle = {key: statistics.median(r[key] for r in all_rounds)
              for key in ("rps", "cpu_us", "p50_us", "p95_us", "p99_us", "max_us", "load_cpu_us", "syncs_per_1000",
                          "read_calls_per_1000")}
    middle["errors"] = sum(sum(r["errors"].values()) for r in all_rounds)
    middle["memory_mib"] = max(max(r["memory_mib"]) for r in all_rounds)
    return middle
