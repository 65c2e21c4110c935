#!/usr/bin/env python3
"""What refusing a request costs, beside serving one, in one run.

Two agents, one worker each, on the first CPU; the load (wrk) and the origin
(nginx) on the second. One agent has a single admission slot, which a request
to an upstream that never answers holds for the whole run: it refuses
everything else on arrival. The other one has slots for all and passes each
request on to the origin. nginx with `return 503` shows what the cheapest
possible refusal costs on this machine.

CPU is that of the server's own threads, from /proc/PID/task/*/schedstat, for
each request; rounds alternate between the servers and medians are printed.
Latency is taken with one connection, so that it is the answer's own time and
not the time spent behind other requests of a saturated CPU.

Traffic stays on loopback; every run is bounded in time and connections.
Needs: nginx wrk (Debian packages nginx-light, wrk).
"""
import argparse
import json
import re
import socket
import statistics
import subprocess
import sys
import time

import peer_measure as measure
import peers

SHARE_WANTED = 0.10


class SilentUpstream:
    """Accepts connections and never answers."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]


def refusing_agent(binary, port, upstream_port):
    return [binary, "run", "--listen", f"127.0.0.1:{port}", "--upstream", f"http://127.0.0.1:{upstream_port}",
            "--set", "workers=1", "--set", "admin.listen=127.0.0.1:0", "--set", "log.level=error",
            "--set", "upstream.timeout=1h", "--set", "admission.queue_max=0",
            "--set", "admission.limit_initial=1", "--set", "admission.limit_min=1", "--set", "admission.limit_max=1"]


def serving_agent(binary, port, origin_port):
    return [binary, "run", "--listen", f"127.0.0.1:{port}", "--upstream", f"http://127.0.0.1:{origin_port}",
            "--set", "workers=1", "--set", "admin.listen=127.0.0.1:0", "--set", "log.level=error",
            "--set", "admission.limit_initial=1000", "--set", "admission.limit_min=1000",
            "--set", "admission.limit_max=1000"]


def refusing_nginx(servers, port):
    config = servers.write("refuse.conf", servers.nginx_common("refuse") + f"""
  server {{ listen 127.0.0.1:{port} backlog=4096; location / {{ return 503 "busy"; }} }} }}
""")
    return ["nginx", "-c", config]


def hold_the_slot(port):
    """One POST that the silent upstream keeps; returns its open socket."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            holder = socket.create_connection(("127.0.0.1", port), timeout=2)
        except OSError:
            time.sleep(0.1)
            continue
        holder.sendall(b"POST /held HTTP/1.1\r\nHost: bench\r\nContent-Length: 0\r\n\r\n")
        time.sleep(0.2)  # until the agent has taken it in
        return holder
    sys.exit("rejections.py: the refusing agent did not start")


def refused(port, path):
    with socket.create_connection(("127.0.0.1", port), timeout=2) as probe:
        probe.sendall(f"GET {path} HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n".encode())
        return b" 503 " in probe.recv(4096).split(b"\r\n")[0]


def quantiles(port, path, seconds, cpu):
    text = subprocess.run(["taskset", "-c", str(cpu), "wrk", "-t1", "-c1", f"-d{seconds}s", "--latency",
                           f"http://127.0.0.1:{port}{path}"], capture_output=True, text=True, check=True).stdout
    scale = {"us": 1e-3, "ms": 1, "s": 1e3}
    found = {}
    for share in ("50", "99"):
        value, unit = re.search(share + r"%\s+([\d.]+)(us|ms|s)", text).groups()
        found[share] = float(value) * scale[unit]
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default="build/release/homeostat")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--json")
    options = parser.parse_args()
    bench = peers.prepare(options, "nginx", "wrk", "taskset")
    servers = bench.servers
    silent = SilentUpstream()
    try:
        bench.start("origin", bench.load_cpu, servers.origin())
        live = {}
        commands = {"served": lambda port: serving_agent(options.binary, port, servers.origin_port),
                    "rejected": lambda port: refusing_agent(options.binary, port, silent.port),
                    "nginx 503": lambda port: refusing_nginx(servers, port)}
        for name, command in commands.items():
            port = peers.free_port()
            live[name] = (port, bench.start(name.replace(" ", "-"), bench.server_cpu, command(port)))
        if not measure.wait_for(live["served"][0], "/pass/1k"):
            sys.exit("rejections.py: the serving agent did not answer")
        holder = hold_the_slot(live["rejected"][0])
        if not refused(live["rejected"][0], "/1k"):
            sys.exit("rejections.py: the slot is not held; nothing is refused")
        report = {}
        rows = {}
        for _ in range(options.rounds):
            for name, (port, pid) in live.items():
                path = "/pass/1k" if name == "served" else "/1k"
                before = measure.cpu_microseconds(pid)
                result = measure.closed_loop(port, path, options.seconds, options.connections, bench.load_cpu)
                used = measure.cpu_microseconds(pid) - before
                answered = result["errors"] if name != "served" else result["requests"] - result["errors"]
                if answered < 0.999 * result["requests"]:
                    sys.exit(f"rejections.py: {name}: only {answered} of {result['requests']} answers were as meant")
                rows.setdefault(name, []).append((used / max(1, result["requests"]), result["rate"]))
        print(f"{'':12} {'CPU us/request':>15} {'requests/s':>11} {'share of served':>16}")
        served = statistics.median(value[0] for value in rows["served"])
        for name, values in rows.items():
            cost, rate = (statistics.median(value[i] for value in values) for i in range(2))
            report[name] = {"cpu_us": cost, "rate": rate, "share": cost / served}
            print(f"{name:12} {cost:15.2f} {rate:11.0f} {cost / served:15.1%}")
        print("\nlatency of a rejection, one connection (wanted: p99 below 1 ms)")
        for name in ("rejected", "nginx 503"):
            latency = quantiles(live[name][0], "/1k", options.seconds, bench.load_cpu)
            print(f"  {name:12} p50 {latency['50']:.3f} ms   p99 {latency['99']:.3f} ms")
            report[name]["latency_ms"] = latency
        share = report["rejected"]["share"]
        print(f"\na rejection costs {share:.1%} of a served request (wanted: at most {SHARE_WANTED:.0%})")
        if options.json:
            with open(options.json, "w") as out:
                json.dump(report, out, indent=1)
        holder.close()
    finally:
        bench.stop()


if __name__ == "__main__":
    main()
