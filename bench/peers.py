#!/usr/bin/env python3
"""What a request costs: homeostat beside nginx and HAProxy, in one run.

Each server has one worker, pinned to the first CPU; the load (wrk) and the
origin (nginx) run on the second. The figure to compare is CPU microseconds per
request of the server's own threads, read from /proc/PID/task/*/schedstat, as a
ratio to a peer of the same run. Rounds alternate between the servers, so that
a machine that drifts drifts for all of them. Medians are printed.

Traffic stays on loopback; every run is bounded in time and connections.
Needs: nginx haproxy wrk (Debian packages nginx-light, haproxy, wrk).
"""
import argparse
import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

SIZES = {"1k": 1024, "16k": 16 * 1024, "256k": 256 * 1024}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Bench:
    def __init__(self, binary, first_cpu, second_cpu):
        self.dir = tempfile.mkdtemp(prefix="homeostat-bench-")
        os.chmod(self.dir, 0o755)
        self.binary, self.server_cpu, self.load_cpu = binary, first_cpu, second_cpu
        self.children = []
        self.origin_port = free_port()

    def write(self, name, text):
        path = os.path.join(self.dir, name)
        with open(path, "w") as out:
            out.write(text)
        return path

    def start(self, name, cpu, command):
        log = open(os.path.join(self.dir, name + ".log"), "w")
        child = subprocess.Popen(["taskset", "-c", str(cpu)] + command, stdout=log,
                                 stderr=subprocess.STDOUT, start_new_session=True)
        self.children.append(child)
        return child

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

    # -- servers ------------------------------------------------------------

    def nginx_common(self, name):
        paths = " ".join(f"{kind}_temp_path {self.dir}/{name}-{kind};"
                         for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        return (f"worker_processes 1; daemon off; pid {self.dir}/{name}.pid; error_log {self.dir}/{name}.err;\n"
                f"events {{ worker_connections 4096; }}\n"
                f"http {{ access_log off; keepalive_requests 10000000; sendfile on; tcp_nopush on; {paths}\n")

    def origin(self):
        root = os.path.join(self.dir, "www")
        os.makedirs(root)
        for name, size in SIZES.items():
            with open(os.path.join(root, name), "w") as out:
                out.write("x" * size)
        os.chmod(root, 0o755)
        config = self.write("origin.conf", self.nginx_common("origin") + f"""
  server {{ listen 127.0.0.1:{self.origin_port} backlog=4096; root {root}; default_type application/json;
    location / {{ add_header Cache-Control "public, max-age=3600"; }}
    location /pass/ {{ alias {root}/; add_header Cache-Control "no-store"; }} }} }}
""")
        self.start("origin", self.load_cpu, ["nginx", "-c", config])

    def nginx(self, port):
        store = f"/dev/shm/homeostat-bench-{os.getpid()}"
        config = self.write("nginx.conf", self.nginx_common("nginx") + f"""
  proxy_cache_path {store} levels=1:2 keys_zone=z:50m max_size=1g use_temp_path=off;
  open_file_cache max=1000; open_file_cache_valid 600s;
  upstream o {{ server 127.0.0.1:{self.origin_port}; keepalive 64; }}
  server {{ listen 127.0.0.1:{port} backlog=4096;
    location / {{ proxy_pass http://o; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_cache z; proxy_cache_lock on; }}
    location /pass/ {{ proxy_pass http://o; proxy_http_version 1.1; proxy_set_header Connection ""; }} }} }}
""")
        return ["nginx", "-c", config]

    def haproxy(self, port):
        config = self.write("haproxy.cfg", f"""
global
  nbthread 1
  maxconn 4096
  tune.bufsize 32768
defaults
  mode http
  timeout client 30s
  timeout server 30s
  timeout connect 5s
cache c
  total-max-size 256
  max-object-size 1000000
  max-age 3600
frontend f
  bind 127.0.0.1:{port}
  default_backend b
backend b
  http-request cache-use c
  http-response cache-store c
  http-reuse always
  server s 127.0.0.1:{self.origin_port}
""")
        return ["haproxy", "-db", "-f", config]

    def homeostat(self, port):
        # Admission is off: this measures the cost of a request, not of refusing one.
        return [self.binary, "run", "--listen", f"127.0.0.1:{port}",
                "--upstream", f"http://127.0.0.1:{self.origin_port}",
                "--set", "workers=1", "--set", "admin.listen=127.0.0.1:0",
                "--set", "admission.mode=off", "--set", "log.level=warn"]


# -- measuring ----------------------------------------------------------------

def family(pid):
    found, queue = [], [pid]
    while queue:
        one = queue.pop()
        found.append(one)
        try:
            for task in os.listdir(f"/proc/{one}/task"):
                with open(f"/proc/{one}/task/{task}/children") as text:
                    queue += [int(child) for child in text.read().split()]
        except OSError:
            pass
    return found


def cpu_microseconds(pid):
    total = 0
    for one in family(pid):
        try:
            for task in os.listdir(f"/proc/{one}/task"):
                with open(f"/proc/{one}/task/{task}/schedstat") as text:
                    total += int(text.read().split()[0])
        except OSError:
            pass
    return total / 1000


def pss_mebibytes(pid):
    total = 0
    for one in family(pid):
        try:
            with open(f"/proc/{one}/smaps_rollup") as text:
                total += int(re.search(r"^Pss:\s+(\d+)", text.read(), re.M).group(1))
        except (OSError, AttributeError):
            pass
    return total / 1024


def wait_for(port, path, seconds=20):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=2) as answer:
                answer.read()
                return True
        except OSError:
            time.sleep(0.1)
    return False


def load(port, path, seconds, connections, cpu):
    text = subprocess.run(["taskset", "-c", str(cpu), "wrk", "-t1", f"-c{connections}", f"-d{seconds}s",
                           "--latency", f"http://127.0.0.1:{port}{path}"],
                          capture_output=True, text=True, check=True).stdout
    requests = int(re.search(r"(\d+) requests in", text).group(1))
    value, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", text).groups()
    errors = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    sockets = re.search(r"Socket errors: (.*)", text)
    return {"requests": requests, "p99_ms": float(value) * {"us": 1e-3, "ms": 1, "s": 1e3}[unit],
            "errors": int(errors.group(1)) if errors else 0, "sockets": sockets.group(1) if sockets else ""}


def measure(bench, live, paths, rounds, seconds, connections):
    rows = {}
    for round_number in range(rounds):
        for path in paths:
            for name, (port, pid) in live.items():
                if round_number == 0:
                    load(port, path, 1, connections, bench.load_cpu)  # warm
                before = cpu_microseconds(pid)
                result = load(port, path, seconds, connections, bench.load_cpu)
                used = cpu_microseconds(pid) - before
                rows.setdefault((path, name), []).append(
                    (used / max(1, result["requests"]), result["requests"] / seconds, result["p99_ms"],
                     result["errors"]))
    return rows


def idle(live, seconds):
    before = {name: cpu_microseconds(pid) for name, (_, pid) in live.items()}
    time.sleep(seconds)
    return {name: ((cpu_microseconds(pid) - before[name]) / (seconds * 1e6) * 100, pss_mebibytes(pid))
            for name, (_, pid) in live.items()}


def print_rows(rows):
    print(f"{'path':12} {'server':10} {'CPU us/request':>15} {'ratio to nginx':>15} {'requests/s':>11} "
          f"{'p99 ms':>8} errors")
    for (path, name), values in sorted(rows.items()):
        cost, rate, p99 = (statistics.median(value[i] for value in values) for i in range(3))
        base = statistics.median(value[0] for value in rows[(path, "nginx")]) if (path, "nginx") in rows else cost
        print(f"{path:12} {name:10} {cost:15.2f} {cost / base:15.2f} {rate:11.0f} {p99:8.2f} "
              f"{sum(value[3] for value in values)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default="build/release/homeostat")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--sizes", default="1k,16k,256k")
    parser.add_argument("--idle-seconds", type=int, default=10)
    parser.add_argument("--json")
    options = parser.parse_args()
    for tool in ("nginx", "haproxy", "wrk", "taskset", options.binary):
        if shutil.which(tool) is None:
            sys.exit(f"peers.py: {tool} is missing")
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) < 2:
        sys.exit("peers.py: needs two CPUs, one for the servers and one for the load")
    bench = Bench(options.binary, cpus[0], cpus[1])
    try:
        bench.origin()
        if not wait_for(bench.origin_port, "/1k"):
            sys.exit("peers.py: the origin did not start")
        live = {}
        for name in ("homeostat", "nginx", "haproxy"):
            port = free_port()
            child = bench.start(name, bench.server_cpu, getattr(bench, name)(port))
            if not wait_for(port, "/1k"):
                sys.exit(f"peers.py: {name} did not answer")
            live[name] = (port, child.pid)
        calm = idle(live, options.idle_seconds)
        print("idle")
        for name, (cpu, memory) in calm.items():
            print(f"  {name:10} {cpu:6.3f} % CPU  {memory:7.1f} MiB PSS")
        sizes = options.sizes.split(",")
        results = {}
        for title, prefix in (("cached hits", "/"), ("passed requests", "/pass/")):
            print(f"\n{title}")
            rows = measure(bench, live, [prefix + size for size in sizes], options.rounds,
                           options.seconds, options.connections)
            print_rows(rows)
            results[title] = {f"{path} {name}": values for (path, name), values in rows.items()}
        print("\nafter the load")
        for name, (_, pid) in live.items():
            print(f"  {name:10} {pss_mebibytes(pid):7.1f} MiB PSS")
        if options.json:
            with open(options.json, "w") as out:
                json.dump({"idle": calm, "results": results}, out, indent=1)
    finally:
        bench.stop()
        shutil.rmtree(f"/dev/shm/homeostat-bench-{os.getpid()}", ignore_errors=True)


if __name__ == "__main__":
    main()
