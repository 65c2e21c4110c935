"""The servers of peers.py: homeostat, its peers, the floor and the origin.

Each has one worker and, where it can be said, 64 MiB of cache in memory, and is
configured as its manual recommends for a caching proxy: keep-alive to the
origin, no access log, sendfile and open-file cache where they exist.
"""
import os
import subprocess

SIZES = {"1k": 1024, "16k": 16 * 1024, "256k": 256 * 1024}
MIX_OBJECTS = 10000
CACHE_MIB = 64


class Servers:
    """Command lines; files go to `directory`."""

    def __init__(self, directory, binary, origin_port):
        self.dir, self.binary, self.origin_port = directory, binary, origin_port
        self.store = f"/dev/shm/homeostat-bench-{os.getpid()}"

    def write(self, name, text):
        path = os.path.join(self.dir, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as out:
            out.write(text)
        return path

    def compile(self, source):
        target = os.path.join(self.dir, os.path.splitext(source)[0])
        if not os.path.exists(target):
            here = os.path.dirname(os.path.abspath(__file__))
            subprocess.run(["gcc", "-O2", "-o", target, os.path.join(here, source)], check=True)
        return target

    # -- the origin ---------------------------------------------------------

    def nginx_common(self, name):
        paths = " ".join(f"{kind}_temp_path {self.dir}/{name}-{kind};"
                         for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        return (f"worker_processes 1; daemon off; pid {self.dir}/{name}.pid; error_log {self.dir}/{name}.err;\n"
                f"events {{ worker_connections 8192; }}\n"
                f"http {{ access_log off; keepalive_requests 100000000; sendfile on; tcp_nopush on; {paths}\n"
                f"  open_file_cache max=20000; open_file_cache_valid 600s;\n")

    def origin(self):
        root = os.path.join(self.dir, "www")
        os.makedirs(os.path.join(root, "mix"))
        for name, size in SIZES.items():
            with open(os.path.join(root, name), "w") as out:
                out.write("x" * size)
        for number in range(MIX_OBJECTS):  # 1 to 32 KiB, small ones more often
            with open(os.path.join(root, "mix", str(number)), "w") as out:
                out.write("x" * (1024 << (number % 11) // 2))
        config = self.write("origin.conf", self.nginx_common("origin") + f"""
  server {{ listen 127.0.0.1:{self.origin_port} backlog=8192; root {root}; default_type application/json;
    location / {{ add_header Cache-Control "public, max-age=3600"; }}
    location /pass/ {{ alias {root}/; add_header Cache-Control "no-store"; }}
    location = /requests {{ stub_status; }} }} }}
""")
        return ["nginx", "-c", config]

    # -- in front of it -----------------------------------------------------

    def homeostat(self, port):
        # Admission is off: this measures the cost of a request, not of refusing one.
        return [self.binary, "run", "--listen", f"127.0.0.1:{port}",
                "--upstream", f"http://127.0.0.1:{self.origin_port}",
                "--set", "workers=1", "--set", "admin.listen=127.0.0.1:0",
                "--set", f"cache.memory={CACHE_MIB}MiB",
                "--set", "admission.mode=off", "--set", "log.level=warn"]

    def nginx(self, port):
        config = self.write("nginx.conf", self.nginx_common("nginx") + f"""
  proxy_cache_path {self.store} levels=1:2 keys_zone=z:50m max_size={CACHE_MIB}m use_temp_path=off;
  upstream o {{ server 127.0.0.1:{self.origin_port}; keepalive 64; }}
  server {{ listen 127.0.0.1:{port} backlog=8192;
    location / {{ proxy_pass http://o; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_cache z; proxy_cache_lock on; }}
    location /pass/ {{ proxy_pass http://o; proxy_http_version 1.1; proxy_set_header Connection ""; }} }} }}
""")
        return ["nginx", "-c", config]

    def haproxy(self, port):
        config = self.write("haproxy.cfg", f"""
global
  nbthread 1
  maxconn 8192
  tune.bufsize 32768
defaults
  mode http
  timeout client 30s
  timeout server 30s
  timeout connect 5s
cache c
  total-max-size {CACHE_MIB}
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

    def varnish(self, port):
        config = self.write("default.vcl", f"""vcl 4.1;
backend default {{ .host = "127.0.0.1"; .port = "{self.origin_port}"; }}
sub vcl_recv {{ if (req.url ~ "^/pass/") {{ return (pass); }} }}
""")
        # Parsed without the jail's user change: the directory is the bench's own.
        return ["varnishd", "-j", "none", "-F", "-n", os.path.join(self.dir, "varnish"),
                "-a", f"127.0.0.1:{port}", "-f", config, "-s", f"malloc,{CACHE_MIB}m",
                "-p", "thread_pools=1", "-p", "thread_pool_min=100", "-p", "thread_pool_max=2000", "-T", "none"]

    def trafficserver(self, port):
        base = os.path.join(self.dir, "ats")
        for part in ("etc", "var", "log", "cache", "run"):
            os.makedirs(os.path.join(base, part), exist_ok=True)
        subprocess.run(["cp", "-r", "/etc/trafficserver/.", base + "/etc/"], check=True)
        self.write("ats/etc/records.config", f"""CONFIG proxy.config.http.server_ports STRING {port}
CONFIG proxy.config.exec_thread.autoconfig INT 0
CONFIG proxy.config.exec_thread.limit INT 1
CONFIG proxy.config.accept_threads INT 0
CONFIG proxy.config.cache.ram_cache.size INT {CACHE_MIB}M
CONFIG proxy.config.log.logging_enabled INT 0
CONFIG proxy.config.url_remap.remap_required INT 1
CONFIG proxy.config.http.insert_response_via_str INT 0
CONFIG proxy.config.http.keep_alive_no_activity_timeout_in INT 120
CONFIG proxy.config.net.connections_throttle INT 8192
CONFIG proxy.config.diags.debug.enabled INT 0
CONFIG proxy.config.admin.user_id STRING trafficserver
""")
        self.write("ats/etc/remap.config", f"map / http://127.0.0.1:{self.origin_port}/\n")
        self.write("ats/etc/storage.config", f"{base}/cache 256M\n")
        run_root = self.write("ats/runroot.yaml", f"""prefix: /usr
exec_prefix: /usr
bindir: /usr/bin
sbindir: /usr/sbin
sysconfdir: {base}/etc
datadir: {base}/cache
includedir: /usr/include
libdir: /usr/lib
libexecdir: /usr/lib/x86_64-linux-gnu/trafficserver/modules
localstatedir: {base}/var
runtimedir: {base}/run
logdir: {base}/log
cachedir: {base}/cache
""")
        subprocess.run(["chmod", "-R", "a+rwX", self.dir], check=True)
        return ["traffic_server", f"--run-root={run_root}"]

    def floor_hit(self, port, size):
        return [self.compile("floor.c"), str(port), "hit", str(SIZES[size])]

    def floor_pass(self, port):
        return [self.compile("floor.c"), str(port), "pass", str(self.origin_port)]


TOOLS = {"homeostat": None, "nginx": "nginx", "haproxy": "haproxy", "varnish": "varnishd",
         "trafficserver": "traffic_server", "floor": "gcc"}
