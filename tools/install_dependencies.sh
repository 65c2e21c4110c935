#!/usr/bin/env bash
# Installs exactly those Debian 12 packages homeostat needs that are missing.
#
#   tools/install_dependencies.sh [build|test|bench|fuzz]...
#
# Without arguments: build and test. Needs root or sudo only if something is
# missing. Asks nothing. Services that Debian would start are kept stopped:
# the tests and benchmarks start their own on free ports.
set -euo pipefail

build=(g++ cmake ninja-build ccache mold make pkg-config
  libcaf-dev libboost1.81-dev libboost-json1.81-dev libboost-url1.81-dev
  libssl-dev zlib1g-dev liblzma-dev libdeflate-dev libbrotli-dev libzstd-dev libyaml-cpp-dev libhiredis-dev libspdlog-dev libfmt-dev libcli11-dev
  prometheus-cpp-dev libxxhash-dev libgtest-dev libgmock-dev libbenchmark-dev)
test=(prometheus prometheus-alertmanager redis-server openssl curl)
bench=(nginx-light haproxy varnish trafficserver wrk gcc python3 linux-perf liburing-dev)
fuzz=(clang libclang-rt-14-dev)
format=(clang-format clang-tidy)

wanted=()
for group in "${@:-build test}"; do
  for name in $group; do
    case "$name" in
      build) wanted+=("${build[@]}") ;;
      test) wanted+=("${build[@]}" "${test[@]}") ;;
      bench) wanted+=("${build[@]}" "${bench[@]}") ;;
      fuzz) wanted+=("${build[@]}" "${fuzz[@]}") ;;
      format) wanted+=("${format[@]}") ;;
      *) echo "install_dependencies.sh: unknown group '$name' (build, test, bench, fuzz, format)" >&2; exit 2 ;;
    esac
  done
done

if ! command -v dpkg-query >/dev/null; then
  echo "install_dependencies.sh: this script knows Debian 12 only; install by hand: ${wanted[*]}" >&2
  exit 1
fi

is_installed() {
  # nginx-light is one of several packages that provide the nginx binary.
  if [ "$1" = nginx-light ] && command -v nginx >/dev/null; then return 0; fi
  [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

missing=()
for package in $(printf '%s\n' "${wanted[@]}" | sort -u); do
  is_installed "$package" || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "install_dependencies.sh: run as root, or install sudo; missing: ${missing[*]}" >&2; exit 1; }
  as_root=(sudo)
fi

echo "Installing: ${missing[*]}"
policy=/usr/sbin/policy-rc.d
made_policy=no
if [ ! -e "$policy" ]; then
  # A package may start its service; nobody asked for one.
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
  "${as_root[@]}" chmod +x "$policy"
  made_policy=yes
fi
cleanup() { [ "$made_policy" = no ] || "${as_root[@]}" rm -f "$policy"; }
trap cleanup EXIT
install() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 install -y --no-install-recommends "${missing[@]}"
}
"${as_root[@]}" apt-get update -q
log=$(mktemp)
install >"$log" 2>&1 || { tail -40 "$log" >&2; exit 1; }
rm -f "$log"
