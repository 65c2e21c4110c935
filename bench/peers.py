#!/usr/bin/env python3
"""What a request costs: homeostat beside nginx, HAProxy, Varnish and Traffic
Server, and beside a bare epoll loop, in one run.

Each server has one worker, pinned to the first CPU; the load and the origin
(nginx) run on the second. The figure to compare is CPU microseconds per request
of the server's own threads, read from /proc/PID/task/*/schedstat, as a ratio to a
peer of the same run. Rounds alternate between the servers, so that a machine
that drifts drifts for all of them. Medians are printed.

  hits     cached objects of three sizes, 64 connections
  crowd    cached 1 KiB objects, 1000 connections
  fresh    304 to a matching If-None-Match
  mix      10 000 objects, Zipf 0.9, one request in twenty for something new
  passes   uncacheable responses of three sizes
  latency  cached 1 KiB objects at 70 % of the best peer's throughput, open loop

Traffic stays on loopback; every run is bounded in time and connections.
Needs the Debian packages nginx-light haproxy varnish trafficserver wrk gcc; a peer
that is not installed is left out, and said so.
"""
import argparse
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

import peer_measure as measure
from peer_servers import SIZES, TOOLS, Servers

PEERS = ("nginx", "haproxy", "varnish", "trafficserver")
SECTIONS = ("hits", "crowd", "fresh", "mix", "passes", "latency")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Bench:
    def __init__(self, options, server_cpu, load_cpu):
        self.options, self.server_cpu, self.load_cpu = options, server_cpu, load_cpu
        self.dir = tempfile.mkdtemp(prefix="homeostat-bench-")
        os.chmod(self.dir, 0o755)
        self.children = []
        self.servers = Servers(self.dir, options.binary, free_port())
        self.live = {}
        self.floors = {}

    def start(self, name, cpu, command):
        log = open(os.path.join(self.dir, name + ".log"), "w")
        child = subprocess.Popen(["taskset", "-c", str(cpu)] + command, stdout=log,
                                 stderr=subprocess.STDOUT, start_new_session=True)
        self.children.append(child)
        return child.pid

    def start_all(self):
        self.start("origin", self.load_cpu, self.servers.origin())
        if not measure.wait_for(self.servers.origin_port, "/1k"):
            sys.exit("peers.py: the origin did not start")
        for name in self.options.servers.split(","):
            if TOOLS[name] is not None and shutil.which(TOOLS[name]) is None:
                print(f"{name}: not installed, left out")
                continue
            port = free_port()
            pid = self.start(name, self.server_cpu, getattr(self.servers, name)(port))
            if measure.wait_for(port, "/1k"):
                self.live[name] = (port, pid)
            else:
                with open(os.path.join(self.dir, name + ".log")) as log:
                    print(f"{name}: did not answer, left out: {log.read()[-500:]}")
        if shutil.which("gcc") is not None:
            for size in SIZES:
                port = free_port()
                self.floors["/" + size] = (port, self.start("floor-" + size, self.server_cpu,
                                                            self.servers.floor_hit(port, size)))
            port = free_port()
            self.floors["pass"] = (port, self.start("floor-pass", self.server_cpu, self.servers.floor_pass(port)))

    def stop(self):
        for child in reversed(self.children):
            try:
                os.killpg(child.pid, signal.SIGTERM)
            except OSError:
                pass
        deadline = time.monotonic() + 3
        for child in self.children:
            try:
                child.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
        shutil.rmtree(self.dir, ignore_errors=True)
        shutil.rmtree(self.servers.store, ignore_errors=True)

    # -- one closed-loop question -------------------------------------------

    def run(self, path, connections=64, floor=None, **load):
        """Rows by server: CPU, rate, p99, errors, origin requests per request."""
        rows = {}
        everyone = dict(self.live)
        if floor in self.floors:
            everyone["floor"] = self.floors[floor]
        for round_number in range(self.options.rounds):
            for name, (port, pid) in everyone.items():
                if "script_arguments" in load:  # another seed: other one-time requests
                    load["script_arguments"] = [str(len(rows.get(name, ())) + 1)]
                if round_number == 0:
                    warm = dict(load, script_arguments=["77"]) if "script_arguments" in load else load
                    measure.closed_loop(port, path, 1, connections, self.load_cpu, **warm)
                asked = measure.origin_requests(self.servers.origin_port)
                before = measure.cpu_microseconds(pid)
                result = measure.closed_loop(port, path, self.options.seconds, connections, self.load_cpu, **load)
                used = measure.cpu_microseconds(pid) - before
                asked = measure.origin_requests(self.servers.origin_port) - asked - 1
                requests = max(1, result["requests"])
                rows.setdefault(name, []).append({
                    "cpu_us": used / requests, "rate": result["rate"], "p99_ms": result["p99_ms"],
                    "errors": result["errors"], "origin": asked / requests})
        return {name: {key: statistics.median(one[key] for one in values) for key in values[0]}
                for name, values in rows.items()}

    # -- sections ---------------------------------------------------------------

    def hits(self):
        return {f"hit {size}": self.run("/" + size, floor="/" + size) for size in self.sizes()}

    def crowd(self):
        return {"hit 1k, 1000 connections": self.run("/1k", connections=1000, floor="/1k")}

    def fresh(self):
        tag = measure.fetch(self.servers.origin_port, "/1k")[1]["ETag"]
        return {"304": self.run("/1k", options=["-H", f"If-None-Match: {tag}"])}

    def mix(self):
        script = self.servers.write("mix.lua", measure.MIX_SCRIPT)
        return {"mix": self.run("/mix/0", options=["-s", script], script_arguments=["1"])}

    def passes(self):
        return {f"pass {size}": self.run("/pass/" + size, floor="pass") for size in self.sizes()}

    def latency(self):
        program = self.servers.compile("open_loop.c")
        best = max((statistics.median(measure.closed_loop(port, "/1k", 1, 64, self.load_cpu)["rate"]
                                      for _ in range(3)), name)
                   for name, (port, _) in self.live.items() if name in PEERS or len(self.live) == 1)
        rate = 0.7 * best[0]
        print(f"\nlatency at {rate:.0f} requests/s: 70 % of {best[1]}'s {best[0]:.0f}")
        print(f"{'server':14} {'p50 us':>8} {'p99 us':>8} {'p99.9 us':>9} {'failed':>7} {'late':>6}")
        rows = {}
        for _ in range(self.options.rounds):
            for name, (port, _) in self.live.items():
                rows.setdefault(name, []).append(measure.open_loop(
                    program, port, "/1k", rate, self.options.seconds, 64, self.load_cpu))
        medians = {name: {key: statistics.median(one[key] for one in values) for key in values[0]}
                   for name, values in rows.items()}
        for name, row in medians.items():
            print(f"{name:14} {row['p50_us']:8.0f} {row['p99_us']:8.0f} {row['p999_us']:9.0f} "
                  f"{row['failed']:7.0f} {row['late']:6.0f}")
        return {"latency": medians}

    def sizes(self):
        return self.options.sizes.split(",")

    def rest(self, title):
        before = {name: measure.cpu_microseconds(pid) for name, (_, pid) in self.live.items()}
        time.sleep(self.options.idle_seconds)
        print(f"\n{title}")
        result = {}
        for name, (_, pid) in self.live.items():
            cpu = (measure.cpu_microseconds(pid) - before[name]) / (self.options.idle_seconds * 1e6) * 100
            result[name] = {"cpu_percent": cpu, "pss_mib": measure.pss_mebibytes(pid)}
            print(f"  {name:14} {cpu:7.3f} % CPU  {result[name]['pss_mib']:7.1f} MiB PSS")
        return {title: result}


def prepare(options, *tools):
    """The bench, on the first two CPUs; ends the program where something is missing."""
    program = os.path.basename(sys.argv[0])
    for tool in (*tools, options.binary):
        if shutil.which(tool) is None:
            sys.exit(f"{program}: {tool} is missing")
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) < 2:
        sys.exit(f"{program}: needs two CPUs, one for the servers and one for the load")
    return Bench(options, cpus[0], cpus[1])


def print_rows(title, rows):
    peers = [row["cpu_us"] for name, row in rows.items() if name in PEERS]
    floor = rows.get("floor", {}).get("cpu_us")
    print(f"\n{title}\n{'server':14} {'CPU us/request':>15} {'/ cheapest peer':>15} {'/ floor':>8} {'requests/s':>11} "
          f"{'p99 ms':>8} {'origin':>7} errors")
    for name, row in rows.items():
        cost = row["cpu_us"]
        relative = f"{cost / min(peers):.2f}" if peers else "-"
        above = f"{cost / floor:.2f}" if floor else "-"
        print(f"{name:14} {cost:15.2f} {relative:>15} {above:>8} {row['rate']:11.0f} {row['p99_ms']:8.2f} "
              f"{row['origin']:7.3f} {row['errors']:.0f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default="build/release/homeostat")
    parser.add_argument("--servers", default=",".join(("homeostat",) + PEERS))
    parser.add_argument("--sections", default=",".join(SECTIONS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--sizes", default=",".join(SIZES))
    parser.add_argument("--idle-seconds", type=int, default=5)
    parser.add_argument("--json", help="write all medians to this file")
    options = parser.parse_args()
    bench = prepare(options, "nginx", "wrk", "taskset")
    results = {}
    try:
        bench.start_all()
        results.update(bench.rest("idle"))
        for section in options.sections.split(","):
            rows = getattr(bench, section)()
            results.update(rows)
            if section != "latency":
                for title, values in rows.items():
                    print_rows(title, values)
        results.update(bench.rest("after the load"))
        if options.json:
            with open(options.json, "w") as out:
                json.dump(results, out, indent=1)
    finally:
        bench.stop()


if __name__ == "__main__":
    main()
