#!/usr/bin/env python3
"""What trouble in Redis costs clients: the table of docs/shared_tier.md, a row per trouble.

Runs the tests FleetTrouble.* with long phases: two agents of a fleet and one without Redis
before one application that takes 5 ms, four clients that ask each in turn for something new,
while a real redis-server (or cluster, or master with sentinels) is brought into trouble and
out of it. A cell is what the fleet's misses took more at the 99th percentile than those of the
agent without Redis, in the same phase of the same run. A failed test (an error of a client, a
stale answer, memory beyond its bound) is an error here, too.

Everything stays on loopback and is bounded in time. Needs an idle machine and the Debian
package redis-server.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile

PHASES = (("healthy", "healthy before"), ("trouble_begins", "when it begins"),
          ("trouble", "while it lasts"), ("it_is_over", "when it is over"))


def run(tests, load, only, timeout):
    """The recorded figures of each test, and whether all of them succeeded."""
    with tempfile.TemporaryDirectory() as directory:
        report = os.path.join(directory, "report.json")
        command = [tests, f"--gtest_filter=FleetTrouble.{only}", f"--gtest_output=json:{report}"]
        done = subprocess.run(command, env={**os.environ, "HOMEOSTAT_LOAD": str(load)},
                              stdout=sys.stderr, timeout=timeout, check=False)
        if not os.path.exists(report):
            sys.exit(f"{tests} ended with {done.returncode} and left no report")
        with open(report, encoding="utf-8") as file:
            suites = json.load(file)["testsuites"]
    return [test for suite in suites for test in suite["testsuite"]], done.returncode == 0


def table(tests):
    yield "| trouble | " + " | ".join(title for _, title in PHASES) + " | memory |"
    yield "|---|" + "---|" * (len(PHASES) + 1)
    for test in tests:
        if "it_is_over" not in test:
            yield f"| {test['name']} | did not come to its end |||||"
            continue
        name = test.get("what", test["name"])
        cells = [f"{float(test[phase]):.1f}" for phase, _ in PHASES]
        yield f"| {name} | " + " | ".join(cells) + f" | {float(test['growth_mebibytes']):+.0f} MiB |"


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tests", default="build/release/tests/e2e_tests")
    parser.add_argument("--load", type=int, default=400, help="requests of a client in a phase")
    parser.add_argument("--only", default="*", help="one test, e.g. AKilledRedis")
    parser.add_argument("--timeout", type=int, default=1800, help="seconds for all of it")
    options = parser.parse_args()
    tests, succeeded = run(options.tests, options.load, options.only, options.timeout)
    print("Added to the 99th percentile of misses, ms; growth of the process (three agents, the "
          "application, the clients):\n")
    print("\n".join(table(tests)))
    if not tests or not succeeded:
        sys.exit("a test failed: see above")


if __name__ == "__main__":
    main()
