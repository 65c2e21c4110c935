#!/usr/bin/env python3
"""Where the CPU time of a request goes: homeostat beside a bare epoll loop.

The servers, pins and loads are those of peers.py. While wrk asks, perf samples
the server's threads on the CPU clock; each sample is put down to the system call
it was taken in, to the copy between socket and process, or to what the process did by
itself. A share times the CPU time per request gives microseconds. Rounds alternate
between the servers, and medians are printed.

  receive, send   in the system call, protocol and delivery to the peer included
  wait            epoll_wait
  copy            of receive and send: the bytes themselves
  kernel, rest    entry and exit of system calls, interrupts, timers
  user            by what the function belongs to; memory: malloc, memcpy

Traffic stays on loopback; every run is bounded in time and connections.
Needs the Debian packages nginx-light wrk gcc linux-perf, and perf allowed to see the kernel.
"""
import argparse
import collections
import os
import re
import statistics
import subprocess
import sys

import peer_measure as measure
from peers import prepare

QUESTIONS = {"hit 1k": ("/1k", "/1k"), "hit 256k": ("/256k", "/256k"), "pass 1k": ("/pass/1k", "pass")}

COPY = re.compile(r"^(_?copy_(to|from)_iter|copy_user\w*|rep_movs\w*|copyin|copyout|simple_copy\w*|memcpy\w*|__memcpy)$")
SYSTEM_CALLS = (("receive", re.compile(r"sys_recv|sys_readv?$")),
                ("send", re.compile(r"sys_send|sys_writev?$|do_writev")),
                ("wait", re.compile(r"epoll_p?wait")))
USER = (("parsing and heads", re.compile(r"homeostat::http::|boost::beast|boost::url|header|[Pp]arse")),
        ("cache", re.compile(r"homeostat::cache::")),
        ("telemetry", re.compile(r"telemetry|[Hh]istogram|[Cc]ounter|clock_gettime|\[vdso\]")),
        ("memory", re.compile(r"malloc|free|operator (new|delete)|mem(cpy|move|set|cmp|chr)|_int_|arena|tcache")),
        ("event loop", re.compile(r"asio|pthread|mutex")))
COLUMNS = ("receive", "send", "wait", "copy", "kernel, rest") + tuple(name for name, _ in USER) + ("user, rest",)


def column_of(frames):
    """The column of one sample: its frames, innermost first, as (symbol, is in the kernel)."""
    symbol, in_kernel = frames[0]
    if in_kernel:
        kernel = [name for name, inside in frames if inside]
        calls = [name for name, pattern in SYSTEM_CALLS if any(map(pattern.search, kernel))]
        if calls and COPY.match(symbol):
            return "copy"
        return calls[0] if calls else "kernel, rest"
    return next((name for name, pattern in USER if pattern.search(symbol)), "user, rest")


def samples(script):
    frames = []
    for line in script.splitlines() + [""]:
        found = re.match(r"\s+[0-9a-f]+ (.*) \((.*)\)$", line)
        if found:
            symbol, place = found.groups()
            frames.append((symbol + (" [vdso]" if place == "[vdso]" else ""), "kernel" in place))
        elif frames:
            yield frames
            frames = []


def sampled(bench, options, path, port, pid):
    """Microseconds of CPU per request by column, and by function of the process itself."""
    data = os.path.join(bench.dir, "perf.data")
    recorder = subprocess.Popen(
        ["perf", "record", "-q", "-e", "cpu-clock", "-F", "1999", "-g", "-o", data,
         "-p", ",".join(map(str, measure.family(pid))), "--", "sleep", str(options.seconds)])
    before = measure.cpu_microseconds(pid)
    load = measure.closed_loop(port, path, options.seconds, 64, bench.load_cpu)
    used = (measure.cpu_microseconds(pid) - before) / max(1, load["requests"])
    recorder.wait()
    script = subprocess.run(["perf", "script", "-i", data, "-F", "ip,sym,dso"],
                            capture_output=True, text=True, check=True).stdout
    counts = collections.Counter()
    for frames in samples(script):
        counts["all"] += 1
        counts[column_of(frames)] += 1
        if not frames[0][1]:
            counts["function " + frames[0][0]] += 1
    if not counts:
        sys.exit("profile_split.py: perf took no sample")
    return {name: number * used / counts["all"] for name, number in counts.items()}


def split(bench, options, question):
    """Rows by server: medians of all columns and of the dearest functions."""
    path, floor = QUESTIONS[question]
    everyone = {**bench.live, "floor": bench.floors[floor]}
    rounds = {name: [] for name in everyone}
    for name, (port, _) in everyone.items():
        measure.closed_loop(port, path, 1, 64, bench.load_cpu)
    for _ in range(options.rounds):
        for name, (port, pid) in everyone.items():
            rounds[name].append(sampled(bench, options, path, port, pid))
    return {name: {key: statistics.median(one.get(key, 0) for one in taken)
                   for key in set().union(*taken)} for name, taken in rounds.items()}


def print_row(title, row, functions):
    cells = [f"{row.get(one, 0):.2f}" for one in ("all",) + COLUMNS]
    print(f"| {title} | " + " | ".join(cells) + " |", flush=True)
    dearest = sorted((key for key in row if key.startswith("function ")), key=row.get, reverse=True)
    for key in dearest[:functions]:
        print(f"    {row[key]:7.3f} {key.removeprefix('function ')}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default="build/release/homeostat")
    parser.add_argument("--servers", default="homeostat,nginx")
    parser.add_argument("--questions", default=",".join(QUESTIONS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--functions", type=int, default=0, help="print so many functions of each process")
    options = parser.parse_args()
    bench = prepare(options, "nginx", "wrk", "taskset", "perf", "gcc")
    try:
        bench.start_all()
        print("| CPU µs per request | all | " + " | ".join(COLUMNS) + " |\n|" + "---|" * (len(COLUMNS) + 2))
        for title in options.questions.split(","):
            for name, row in split(bench, options, title).items():
                print_row(f"{title}, {name}", row, options.functions)
    finally:
        bench.stop()


if __name__ == "__main__":
    main()
