"""The result as a table in Markdown."""


def markdown(result):
    machine, settings = result["machine"], result["settings"]
    lines = [
        f"{machine['cores']} cores, {machine['processor']}, Linux {machine['kernel']}; {settings['clients']} clients, "
        f"medians of {settings['rounds']} rounds of {settings['seconds']:g} s, interleaved; "
        + ", ".join(f"{name}: {version}" for name, version in result["sides"].items()),
        "",
        "| work | server | CPU per request, µs | requests/s | p50, ms | p95, ms | p99, ms | errors | RSS, MiB |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for workload, sides in result["workloads"].items():
        for name, side in sides.items():
            lines.append(row(workload, name, side["median"]))
        if "ours" in sides and "theirs" in sides:
            ours, theirs = sides["ours"]["median"], sides["theirs"]["median"]
            lines.append(
                f"| | **ratio** | **1/{theirs['cpu_us'] / max(ours['cpu_us'], 0.01):.1f}** "
                f"| **{ours['rps'] / max(theirs['rps'], 0.01):.1f}×** "
                + "".join(f"| 1/{theirs[p] / max(ours[p], 1):.1f} " for p in ("p50_us", "p95_us", "p99_us"))
                + "| | |")
    lines.append("")
    for name, idle in result["idle"].items():
        memory = ", ".join(f"{m:.0f}" for m in idle["memory_mib"])
        after = ", ".join(f"{m:.0f}" for m in result["after"][name])
        lines.append(f"{name}: idle {idle['cpu_per_second'] * 1000:.1f} ms of CPU a second; RSS {memory} MiB before the "
                     f"load, {after} MiB after it.")
    return "\n".join(lines)


def row(workload, name, m):
    latency = " | ".join(f"{m[p] / 1000:.2f}" for p in ("p50_us", "p95_us", "p99_us"))
    return (f"| {workload} | {name} | {m['cpu_us']:.0f} | {m['rps']:.0f} | {latency} | {m['errors']} "
            f"| {m['memory_mib']:.0f} |")
