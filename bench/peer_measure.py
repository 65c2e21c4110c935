"""Counting what a server used, and the loads of peers.py."""
import json
import os
import re
import subprocess
import time
import urllib.request

from peer_servers import MIX_OBJECTS


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
    """Run time of all threads, exact to the nanosecond."""
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


def fetch(port, path, headers=None):
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers or {})
    with urllib.request.urlopen(request, timeout=2) as answer:
        return answer.read(), answer.headers


def wait_for(port, path, seconds=40):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            fetch(port, path)
            return True
        except OSError:
            time.sleep(0.1)
    return False


def origin_requests(port):
    """Requests nginx has served, without the question itself."""
    text = fetch(port, "/requests")[0].decode()
    return int(re.search(r"(?m)^\s*\d+\s+\d+\s+(\d+)", text).group(1))


# Zipf with exponent 0.9 by inversion of the continuous distribution; one request in
# twenty is for something nobody asked for before and nobody will again.
MIX_SCRIPT = """
local count, exponent, once, serial = %d, 0.9, 0.05, 0
local tail = 1 - exponent
local span = count ^ tail - 1
function init(arguments)
  math.randomseed(tonumber(arguments[1]))
  serial = tonumber(arguments[1]) * 1000000000
end
function request()
  local rank = math.floor((math.random() * span + 1) ^ (1 / tail)) - 1
  if math.random() < once then
    serial = serial + 1
    return wrk.format("GET", string.format("/mix/%%d?once=%%d", rank, serial))
  end
  return wrk.format("GET", "/mix/" .. rank)
end
""" % MIX_OBJECTS


def closed_loop(port, path, seconds, connections, cpu, options=(), script_arguments=()):
    """wrk: as fast as it goes."""
    command = ["taskset", "-c", str(cpu), "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency",
               *options, f"http://127.0.0.1:{port}{path}"]
    if script_arguments:
        command += ["--", *script_arguments]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    requests = int(re.search(r"(\d+) requests in", text).group(1))
    value, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", text).groups()
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    sockets = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
    return {"requests": requests, "rate": float(re.search(r"Requests/sec:\s+([\d.]+)", text).group(1)),
            "p99_ms": float(value) * {"us": 1e-3, "ms": 1, "s": 1e3}[unit],
            "errors": (int(refused.group(1)) if refused else 0) +
                      (sum(map(int, sockets.groups())) if sockets else 0)}


def open_loop(program, port, path, rate, seconds, connections, cpu):
    """Constant rate, whatever the server does; see open_loop.c."""
    text = subprocess.run(["taskset", "-c", str(cpu), program, str(port), path, str(int(rate)), str(seconds),
                           str(connections)], capture_output=True, text=True, check=True).stdout
    return json.loads(text)
