#!/usr/bin/env python3
"""Goodput, latency and recovery under overload, beside live peers, in one run.

An application with a known capacity (overload_app.c: W workers; sleep, spin or
lock) stands behind homeostat at its defaults, HAProxy with maxconn and queue
timeout set by hand from that very capacity, nginx with nothing set for it, and
nothing at all. Open-loop Poisson clients (overload.c) with a patience of 250 ms
(500 ms in `critical`) hang up when it ends; latency counts from when a request was due.

Each server gets a fresh application and the same requests. Parts:
  sweep     0.5 to 10 times the capacity: goodput / capacity, p99, rejections
  critical  3 times the capacity, a tenth of it critical: success of the critical ones
  pulse     0.7, 5 for 8 s, 0.7: time until every request is served again
  storm     the same at 3, with two retries 20 to 100 ms after each failure
  capacity  twice the load while the workers are halved, then doubled

CPUs: with two, the generator spins on one and everything else shares the other,
so that `sleep` is the fair mode: nobody needs the CPU. In `spin` and `lock` one request at
a time is all that gets done, whatever the workers: give --service 10 to have as many
answers to learn from as elsewhere.

Traffic stays on loopback; every run is bounded. Needs: gcc, haproxy, nginx.
"""
import argparse
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PATIENCE_MS = 250
# Of exponential services of 40 ms one in 500 takes longer than 250 ms by itself: too many
# to see one in a thousand.
CRITICAL_PATIENCE_MS = 500
LOADS = (0.5, 0.7, 0.9, 1.2, 2.0, 5.0, 10.0)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


class Bench:
    def __init__(self, options, directory):
        self.options, self.dir, self.running = options, directory, []
        cpus = sorted(os.sched_getaffinity(0))
        self.load_cpu, self.server_cpu = cpus[-1], cpus[0]
        for source in ("overload.c", "overload_app.c"):
            subprocess.run(["gcc", "-O2", "-o", self.path(source[:-2]), os.path.join(HERE, source), "-lm", "-lpthread"],
                           check=True)

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, text):
        with open(self.path(name), "w") as out:
            out.write(text)
        return self.path(name)

    # -- servers ------------------------------------------------------------

    def start(self, command):
        process = subprocess.Popen(["taskset", "-c", str(self.server_cpu)] + command,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.running.append(process)

    def stop(self):
        for process in reversed(self.running):
            process.send_signal(signal.SIGTERM)
        for process in self.running:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.running = []

    def homeostat(self, port, app):
        return [self.options.binary, "run", "--listen", f"127.0.0.1:{port}", "--upstream", f"http://127.0.0.1:{app}",
                "--set", "admin.listen=127.0.0.1:0", "--set", "log.level=error", "--set", "workers=1",
                "--set", "admission.priorities=[{match: {path: /critical}, class: critical}]"]

    def haproxy(self, port, app):
        # Told everything: one more than can be served at once, a queue as long as homeostat's.
        config = self.write("haproxy.cfg", f"""
global
  nbthread 1
  maxconn 8000
defaults
  mode http
  timeout client 30s
  timeout server 30s
  timeout connect 5s
  timeout queue 100ms
  option abortonclose
frontend f
  bind 127.0.0.1:{port} backlog 4096
  http-request set-priority-class int(-10) if {{ path /critical }}
  default_backend b
backend b
  http-reuse always
  server s 127.0.0.1:{app} maxconn {parallel(self.options) + 1}
""")
        return ["haproxy", "-db", "-f", config]

    def nginx(self, port, app):
        paths = " ".join(f"{kind}_temp_path {self.dir}/{kind};"
                         for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        config = self.write("nginx.conf", f"""
worker_processes 1; daemon off; pid {self.dir}/nginx.pid; error_log {self.dir}/nginx.err crit;
events {{ worker_connections 8192; }}
http {{ access_log off; {paths}
  upstream o {{ server 127.0.0.1:{app}; keepalive 64; }}
  server {{ listen 127.0.0.1:{port} backlog=4096;
    location / {{ proxy_pass http://o; proxy_http_version 1.1; proxy_set_header Connection ""; }} }} }}
""")
        return ["nginx", "-c", config]

    def serve(self, name):
        """Starts an application and the server in front of it; returns both ports."""
        o = self.options
        app = free_port()
        self.start([self.path("overload_app"), str(app), str(o.workers), str(o.service), o.mode, o.shape])
        if not answers(app, "/"):
            sys.exit("admission.py: the application did not start")
        if name == "direct":
            return app, app
        port = free_port()
        self.start(getattr(self, name)(port, app))
        if not answers(port, "/normal"):
            sys.exit(f"admission.py: {name} did not start")
        return port, app

    # -- load ---------------------------------------------------------------

    def load(self, port, steps, retries=0, critical=0.0, meanwhile=None, patience=PATIENCE_MS):
        """Runs the generator; `meanwhile`: [(seconds, action)] while it does."""
        command = ["taskset", "-c", str(self.load_cpu), self.path("overload"), str(port), str(self.options.seed),
                   str(patience), str(retries), str(critical)] + [f"{rate:.3f}:{time_}" for rate, time_ in steps]
        with open(self.path("slices"), "w") as out:
            process = subprocess.Popen(command, stdout=out)
            began = time.monotonic()
            for at, action in meanwhile or []:
                time.sleep(max(0.0, began + at - time.monotonic()))
                action()
            process.wait()
        if process.returncode != 0:
            sys.exit("admission.py: the generator failed")
        return [Slice(line) for line in open(self.path("slices"))]


class Slice:
    def __init__(self, line):
        fields = line.split()
        self.at = float(fields[0])
        numbers = [int(field) for field in fields[1:9]]
        self.offered, self.critical_offered, self.good, self.critical_good = numbers[:4]
        self.offered += self.critical_offered
        self.good += self.critical_good
        self.sent, self.rejected, self.failed, self.hung_up = numbers[4:]
        self.latencies = [float(field) for field in fields[9:]]


def parallel(options):
    """Requests the application works on at the same time."""
    return options.workers if options.mode == "sleep" else 1


def answers(port, path):
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=5) as probe:
                probe.sendall(f"GET {path} HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n".encode())
                if b" 200 " in probe.recv(4096):
                    return True
        except OSError:
            pass
        time.sleep(0.1)
    return False


def between(slices, start, end):
    return [each for each in slices if start <= each.at < end]


def share(slices, what, of):
    total = sum(getattr(each, of) for each in slices)
    return sum(getattr(each, what) for each in slices) / total if total else 1.0


def goodput(slices, capacity):
    return sum(each.good for each in slices) / (capacity * 0.1 * len(slices)) if slices else 0.0


def quantile(slices, q):
    values = sorted(value for each in slices for value in each.latencies)
    return values[min(len(values) - 1, int(q * len(values)))] if values else float("nan")


def recovery(slices, since, least=0.97):
    """Seconds after `since` until success over a second is `least` for good. Less than all of
    it: now and then a service outlasts the patience whatever the load."""
    last = since
    end = slices[-1].at
    at = since
    while at + 1 <= end - 1:
        if share(between(slices, at, at + 1), "good", "offered") < least:
            last = at + 0.1
        at += 0.1
    return last - since


# -- parts ----------------------------------------------------------------------


def sweep(bench, name, capacity):
    rows = {}
    for load in LOADS:
        port, _ = bench.serve(name)
        warm, measured = bench.options.warm, bench.options.seconds
        slices = bench.load(port, [(0.5 * capacity, 2), (load * capacity, warm + measured)])
        bench.stop()
        part = between(slices, 2 + warm, 2 + warm + measured)
        rows[load] = {"goodput": goodput(part, capacity), "p50": quantile(part, 0.5), "p99": quantile(part, 0.99),
                      "rejected": share(part, "rejected", "sent"), "hung_up": share(part, "hung_up", "sent")}
        row = rows[load]
        print(f"  {name:10} {load:4.1f}x  goodput {row['goodput']:.3f}  p50 {row['p50']:6.1f}  p99 {row['p99']:6.1f} ms"
              f"  rejected {row['rejected']:6.2%}  hung up {row['hung_up']:6.2%}", flush=True)
    return rows


def critical(bench, name, capacity):
    port, _ = bench.serve(name)
    slices = bench.load(port, [(0.5 * capacity, 2), (3 * capacity, 10)], critical=0.1,
                        patience=CRITICAL_PATIENCE_MS)
    bench.stop()
    part = between(slices, 4, 12)
    result = {"critical": share(part, "critical_good", "critical_offered"), "goodput": goodput(part, capacity)}
    print(f"  {name:10} critical class at 3x: {result['critical']:.2%} served, goodput {result['goodput']:.3f}", flush=True)
    return result


def pulse(bench, name, capacity, load=5.0, retries=0, title="pulse at 5x"):
    port, _ = bench.serve(name)
    slices = bench.load(port, [(0.7 * capacity, 4), (load * capacity, 8), (0.7 * capacity, 10)], retries=retries)
    bench.stop()
    inside, after = between(slices, 5, 12), between(slices, 17, 21)
    result = {"goodput": goodput(inside, capacity), "recovery": recovery(slices, 12),
              "after": share(after, "good", "offered")}
    print(f"  {name:10} {title}: goodput {result['goodput']:.3f}, recovered after {result['recovery']:.1f} s, "
          f"then {result['after']:.2%} served", flush=True)
    return result


def storm(bench, name, capacity):
    return pulse(bench, name, capacity, 3.0, 2, "retry storm at 3x")


def capacity_change(bench, name, capacity):
    port, app = bench.serve(name)
    workers = bench.options.workers
    actions = [(8, lambda: answers(app, f"/workers/{max(1, workers // 2)}")),
               (18, lambda: answers(app, f"/workers/{workers * 2}"))]
    slices = bench.load(port, [(2 * capacity, 8), (2 * capacity, 10), (2 * capacity, 10)], meanwhile=actions)
    bench.stop()
    result = {"before": goodput(between(slices, 3, 8), capacity),
              "halved": goodput(between(slices, 8, 18), capacity / 2),
              "doubled": goodput(between(slices, 18, 28), 2 * capacity)}
    print(f"  {name:10} capacity: before {result['before']:.3f}, halved, first 10 s {result['halved']:.3f}, "
          f"doubled twice, first 10 s {result['doubled']:.3f} (the load is then the capacity)", flush=True)
    return result


# -- goals ----------------------------------------------------------------------


def misses(report):
    """What the report says of homeostat beside what it is meant to reach."""
    goals = []
    sweep_rows = report.get("sweep", {}).get("homeostat", {})
    unloaded = min((row["p99"] for load, row in sweep_rows.items() if load <= 0.7), default=None)
    for load, row in sweep_rows.items():
        if load <= 0.7:
            goals.append((f"rejected at {load}x", row["rejected"], "<=", 0.0002))
        if load >= 1.2:
            goals.append((f"goodput at {load}x", row["goodput"], ">=", 0.97))
            if unloaded is not None:
                goals.append((f"p99 at {load}x over the unloaded one, ms", row["p99"] - unloaded, "<=", 150))
    for part in ("pulse", "storm"):
        if part in report:
            row = report[part]["homeostat"]
            goals += [(f"recovery after the {part}, s", row["recovery"], "<=", 1), (f"served after the {part}", row["after"], ">=", 0.99)]
    if "critical" in report:
        goals.append(("critical class served", report["critical"]["homeostat"]["critical"], ">=", 0.999))
    if "capacity" in report:
        row = report["capacity"]["homeostat"]
        goals += [("goodput, capacity halved", row["halved"], ">=", 0.9), ("goodput, capacity doubled", row["doubled"], ">=", 0.9)]
    return [f"{name}: {value:.4g}, wanted {sign} {bound:g}" for name, value, sign, bound in goals
            if not (value <= bound if sign == "<=" else value >= bound)]


PARTS = {"sweep": sweep, "critical": critical, "pulse": pulse, "storm": storm, "capacity": capacity_change}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default="build/release/homeostat")
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--service", type=float, default=40, help="milliseconds")
    parser.add_argument("--mode", choices=("sleep", "spin", "lock"), default="sleep")
    parser.add_argument("--shape", choices=("exponential", "constant"), default="exponential")
    parser.add_argument("--servers", default="homeostat,haproxy,nginx,direct")
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--loads", help="of the sweep, e.g. 0.7,2,10")
    parser.add_argument("--warm", type=float, default=2)
    parser.add_argument("--seconds", type=float, default=6)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json")
    parser.add_argument("--check", action="store_true", help="status 1 if homeostat misses a goal")
    options = parser.parse_args()
    if options.loads:
        globals()["LOADS"] = tuple(float(load) for load in options.loads.split(","))
    for tool in ("gcc", "taskset", "haproxy", "nginx", options.binary):
        if shutil.which(tool) is None:
            sys.exit(f"admission.py: {tool} is missing")
    capacity = parallel(options) * 1000 / options.service
    print(f"{options.workers} workers, {options.service:g} ms {options.shape}, {options.mode}: capacity {capacity:.0f}/s")
    report = {"served_per_second": capacity}
    with tempfile.TemporaryDirectory() as directory:
        bench = Bench(options, directory)
        try:
            for part in options.parts.split(","):
                if part == "capacity" and options.mode != "sleep":
                    print("capacity: left out, more workers would not make this application faster")
                    continue
                print(part, flush=True)
                for name in options.servers.split(","):
                    report.setdefault(part, {})[name] = PARTS[part](bench, name, capacity)
        finally:
            bench.stop()
    if options.json:
        with open(options.json, "w") as out:
            json.dump(report, out, indent=1)
    if options.check:
        missed = misses(report)
        print("\n".join(["missed"] + missed) if missed else "all goals reached")
        sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
