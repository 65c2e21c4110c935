#!/usr/bin/env python3
"""What the tier shared in Redis costs and saves, beside Redis itself in the same run.

  hits          an agent that finds nearly everything in Redis, beside redis-benchmark
                GET of the same size: latency, and CPU of the agent and of Redis
  invalidation  one tag with 1, 1000 and 1 000 000 members in Redis: what the call takes,
                and Redis' CPU for it
  fleet         8 agents on one Redis asked for the same objects: what reaches the origin

The origin is nginx with a constant answer. The servers share the first CPU, the load has
the second. Everything stays on loopback and is bounded in time. Needs the Debian packages
nginx-light redis-server redis-tools wrk.
"""
import argparse
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

import peer_measure as measure
from peers import free_port

OBJECTS = 20000
AGENTS = 8
FLEET_OBJECTS = 2000
CONNECTIONS = 16

# Every object in turn, so that a small memory never holds the next one.
WALK = """
local count, at = %d, %d
wrk.headers["Host"] = "shop.example"  -- the same for all agents, as keys hold it
function request()
  at = (at + 1) %% count
  return wrk.format("GET", "/o/" .. at)
end
"""


class Bench:
    def __init__(self, options):
        self.options = options
        cpus = sorted(os.sched_getaffinity(0))
        self.server_cpu, self.load_cpu = cpus[0], cpus[-1]
        self.dir = tempfile.mkdtemp(prefix="homeostat-bench-")
        self.children = []
        self.redis_port, self.origin_port = free_port(), free_port()
        self.redis = self.start("redis", ["redis-server", "--port", str(self.redis_port), "--save", "",
                                          "--appendonly", "no", "--dir", self.dir])
        self.size = options.size
        self.start("origin", ["nginx", "-c", self.origin_config()])
        self.wait_for_redis()

    def start(self, name, command):
        log = open(os.path.join(self.dir, name + ".log"), "w")
        child = subprocess.Popen(["taskset", "-c", str(self.server_cpu)] + command, stdout=log,
                                 stderr=subprocess.STDOUT, start_new_session=True)
        self.children.append(child)
        return child

    def origin_config(self):
        path = os.path.join(self.dir, "origin.conf")
        temporary = " ".join(f"{kind}_temp_path {self.dir}/{kind};"
                             for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        with open(path, "w") as out:
            out.write(f"worker_processes 1; daemon off; pid {self.dir}/origin.pid; error_log {self.dir}/origin.err;\n"
                      f"events {{ worker_connections 8192; }}\n"
                      f"http {{ access_log off; keepalive_requests 100000000; {temporary}\n"
                      f"server {{ listen 127.0.0.1:{self.origin_port} backlog=8192; default_type text/plain;\n"
                      f"location /o/ {{ add_header Cache-Control \"public, max-age=3600\"; add_header Cache-Tag all;\n"
                      f" return 200 \"{'x' * self.size}\"; }}\n"
                      f"location = /requests {{ stub_status; }} }} }}\n")
        return path

    def redis_cli(self, *arguments):
        return subprocess.run(["redis-cli", "-p", str(self.redis_port), *arguments], capture_output=True, text=True,
                              check=True).stdout.strip()

    def keys(self, pattern):
        return self.redis_cli("KEYS", pattern).splitlines()

    def wait_for_redis(self):
        for _ in range(100):
            if subprocess.run(["redis-cli", "-p", str(self.redis_port), "PING"], capture_output=True).returncode == 0:
                return
            time.sleep(0.1)
        sys.exit("redis-server does not start")

    def agent(self, name, memory="64MiB"):
        port, admin = free_port(), free_port()
        child = self.start(name, [self.options.binary, "run", "--listen", f"127.0.0.1:{port}",
                                  "--upstream", f"http://127.0.0.1:{self.origin_port}", "--set", "workers=1",
                                  "--set", f"admin.listen=127.0.0.1:{admin}", "--set", f"cache.memory={memory}",
                                  "--set", "admission.mode=off", "--set", "log.level=warn",
                                  "--set", f"cache.redis.url=redis://127.0.0.1:{self.redis_port}",
                                  "--set", "cache.redis.adaptive=off", "--set", "cache.redis.timeout=1s",
                                  "--set", "cache.redis.compression=off"])
        if not measure.wait_for(admin, "/livez"):
            sys.exit(f"{name} does not start")
        while self.metric(admin, "homeostat_shared_in_step") != 1:
            time.sleep(0.05)
        return child, port, admin

    @staticmethod
    def metric(admin, name):
        text = measure.fetch(admin, "/metrics")[0].decode()
        found = re.search(rf"(?m)^{re.escape(name)} ([\d.e+]+)$", text)
        return float(found.group(1)) if found else 0

    def wrk(self, port, seconds, count, start=-1, connections=CONNECTIONS):
        script = os.path.join(self.dir, f"walk-{port}.lua")
        with open(script, "w") as out:
            out.write(WALK % (count, start))
        text = subprocess.run(["taskset", "-c", str(self.load_cpu), "wrk", "-t1", f"-c{connections}", f"-d{seconds}s",
                               "--latency", "-s", script, f"http://127.0.0.1:{port}"],
                              capture_output=True, text=True, check=True).stdout
        unit = {"us": 1e-3, "ms": 1, "s": 1e3}
        quantiles = {}
        for share in ("50", "99"):
            value, of = re.search(rf"{share}%\s+([\d.]+)(us|ms|s)", text).groups()
            quantiles[share] = float(value) * unit[of]
        return {"requests": int(re.search(r"(\d+) requests in", text).group(1)),
                "rate": float(re.search(r"Requests/sec:\s+([\d.]+)", text).group(1)),
                "p50_ms": quantiles["50"], "p99_ms": quantiles["99"],
                "errors": sum(map(int, re.findall(r"Non-2xx or 3xx responses: (\d+)", text)))}

    def redis_benchmark(self):
        """GET of values of the same size, without pipelining, from the load's CPU."""
        self.redis_cli("SET", "key:000000000000", "x" * self.entry_bytes)
        before = measure.cpu_microseconds(self.redis.pid)
        requests = 200000
        text = subprocess.run(["taskset", "-c", str(self.load_cpu), "redis-benchmark", "-p", str(self.redis_port),
                               "-c", str(CONNECTIONS), "-n", str(requests), "--csv", "GET", "key:000000000000"],
                              capture_output=True, text=True, check=True).stdout
        cpu = (measure.cpu_microseconds(self.redis.pid) - before) / requests
        names, values = [re.findall(r'"([^"]*)"', line) for line in text.strip().splitlines()[-2:]]
        row = dict(zip(names, values))
        return {"rate": float(row["rps"]), "p50_ms": float(row["p50_latency_ms"]),
                "p99_ms": float(row["p99_latency_ms"]), "redis_cpu_us": cpu}

    def hits(self):
        print(f"== hits in Redis: {self.size} B bodies, {CONNECTIONS} connections, {OBJECTS} objects")
        writer, port, admin = self.agent("writer", "256MiB")
        self.wrk(port, 8, OBJECTS)
        keys = int(self.redis_cli("DBSIZE"))
        key = self.keys("hs:*")[0]
        self.entry_bytes = int(self.redis_cli("STRLEN", key))
        os.killpg(writer.pid, signal.SIGTERM)
        print(f"   {keys} keys, entries of {self.entry_bytes} B")
        reader, port, admin = self.agent("reader", "1MiB")
        rows = []
        for _ in range(self.options.rounds):
            hits = self.metric(admin, 'homeostat_shared_reads_total{result="hit"}')
            agent_cpu = measure.cpu_microseconds(reader.pid)
            redis_cpu = measure.cpu_microseconds(self.redis.pid)
            load = self.wrk(port, self.options.seconds, OBJECTS)
            load["shared"] = (self.metric(admin, 'homeostat_shared_reads_total{result="hit"}') - hits) / load["requests"]
            load["agent_cpu_us"] = (measure.cpu_microseconds(reader.pid) - agent_cpu) / load["requests"]
            load["redis_cpu_us"] = (measure.cpu_microseconds(self.redis.pid) - redis_cpu) / load["requests"]
            rows.append((load, self.redis_benchmark()))
        for title, index in (("agent, from Redis", 0), ("redis-benchmark GET", 1)):
            middle = {name: statistics.median(row[index][name] for row in rows) for name in rows[0][index]}
            print(f"   {title:20s} " + "  ".join(f"{name} {value:.3f}" for name, value in middle.items()))
        os.killpg(reader.pid, signal.SIGTERM)

    def invalidation(self):
        print("== one tag invalidated: members in Redis, median of 20 calls")
        agent, port, admin = self.agent("invalidator")
        copies = "for i = tonumber(ARGV[1]), tonumber(ARGV[2]) do redis.call('COPY', KEYS[1], 'hs:default:copy:' .. i) end"
        measure.fetch(port, "/o/tagged")
        while not self.keys("hs:*/o/tagged:*"):
            time.sleep(0.05)
        key = self.keys("hs:*/o/tagged:*")[0]
        made = 1
        for members in (1, 1000, 1000000):
            while made < members:
                last = min(made + 9999, members - 1)
                self.redis_cli("EVAL", copies, "1", key, str(made), str(last))
                made = last + 1
            times, cpu = [], []
            for _ in range(20):
                before = measure.cpu_microseconds(self.redis.pid)
                began = time.perf_counter()
                request = urllib.request.Request(f"http://127.0.0.1:{admin}/api/v1/cache/invalidate", method="POST",
                                                 data=json.dumps({"tags": ["all"]}).encode(),
                                                 headers={"Content-Type": "application/json"})
                urllib.request.urlopen(request, timeout=5).read()
                times.append((time.perf_counter() - began) * 1000)
                while self.metric(admin, "homeostat_shared_invalidations_waiting") > 0:
                    time.sleep(0.001)
                cpu.append(measure.cpu_microseconds(self.redis.pid) - before)
            print(f"   {members:8d} members   call {statistics.median(times):6.3f} ms   "
                  f"Redis' CPU {statistics.median(cpu):7.1f} us (INFO of the health check included)")
        os.killpg(agent.pid, signal.SIGTERM)
        self.redis_cli("FLUSHALL")

    def fleet(self):
        print(f"== {AGENTS} agents on one Redis, {FLEET_OBJECTS} objects asked of each, from different places")
        self.redis_cli("FLUSHALL")
        agents = [self.agent(f"fleet-{i}") for i in range(AGENTS)]
        before = measure.origin_requests(self.origin_port)
        redis_cpu = measure.cpu_microseconds(self.redis.pid)
        results = [None] * AGENTS

        def load(i):
            results[i] = self.wrk(agents[i][1], self.options.seconds, FLEET_OBJECTS,
                                  FLEET_OBJECTS * i // AGENTS, connections=4)

        threads = [threading.Thread(target=load, args=(i,)) for i in range(AGENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        shared = sum(self.metric(admin, 'homeostat_shared_reads_total{result="hit"}') for _, _, admin in agents)
        reached = measure.origin_requests(self.origin_port) - before - 1
        print(f"   requests {sum(r['requests'] for r in results)}, errors {sum(r['errors'] for r in results)}, "
              f"reached the origin {reached} (without sharing {reached + shared:.0f}), from Redis {shared:.0f}, "
              f"Redis' CPU {(measure.cpu_microseconds(self.redis.pid) - redis_cpu) / 1e3:.0f} ms")

    def close(self):
        for child in self.children:
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGTERM)
        for child in self.children:
            try:
                child.wait(5)
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
        shutil.rmtree(self.dir, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default="build/release/homeostat")
    parser.add_argument("--size", type=int, default=1024, help="bytes of a body")
    parser.add_argument("--seconds", type=int, default=4, help="of each load")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=("hits", "invalidation", "fleet"), action="append")
    options = parser.parse_args()
    for tool in ("nginx", "redis-server", "redis-cli", "redis-benchmark", "wrk"):
        if shutil.which(tool) is None:
            sys.exit(f"{tool} is not installed")
    bench = Bench(options)
    try:
        for section in ("hits", "invalidation", "fleet"):
            if not options.only or section in options.only:
                getattr(bench, section)()
    finally:
        bench.close()


if __name__ == "__main__":
    main()
