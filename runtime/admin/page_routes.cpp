// GET / and its script: a static page without any data of its own. It asks for
// a token where one is needed, keeps it in memory only, and shows what
// /performance/status answers.
#include <string>
#include <string_view>

#include "runtime/admin/routes.hpp"

namespace homeostat::admin {

namespace {

constexpr std::string_view page = R"html(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>homeostat</title>
<link rel="stylesheet" href="/page.css">
</head>
<body>
<h1>homeostat</h1>
<p id="summary">Loading the status.</p>
<form id="login" hidden>
<label>Token <input id="token" type="password" autocomplete="off" required></label>
<button>Show status</button>
</form>
<table id="metrics" hidden><caption>Current metrics</caption><tbody></tbody></table>
<h2>Active optimizations</h2>
<ul id="active"></ul>
<h2>Recent decisions</h2>
<ul id="decisions"></ul>
<h2>Resources</h2>
<ul>
<li><a href="/metrics">/metrics</a></li>
<li><a href="/livez">/livez</a>, <a href="/readyz">/readyz</a></li>
<li><a href="/api/v1/performance/status">/api/v1/performance/status</a></li>
<li><a href="/api/v1/performance/report">/api/v1/performance/report</a></li>
<li><a href="/api/v1/performance/profiles">/api/v1/performance/profiles</a></li>
<li><a href="/api/v1/rules">/api/v1/rules</a></li>
<li><a href="/api/v1/cache/stats">/api/v1/cache/stats</a></li>
</ul>
<script src="/page.js"></script>
</body>
</html>
)html";

constexpr std::string_view style =
    R"css(body { font-family: sans-serif; margin: 2rem; max-width: 60rem; }
table { border-collapse: collapse; }
caption { text-align: left; font-weight: bold; }
td { border-bottom: 1px solid #ccc; padding: 0.2rem 1rem 0.2rem 0; }
.emergency { color: #b00020; }
)css";

constexpr std::string_view script = R"js("use strict";
const element = (id) => document.getElementById(id);
let token = "";

const list = (id, lines, none) => {
  const target = element(id);
  target.replaceChildren(...(lines.length ? lines : [none]).map((line) => {
    const item = document.createElement("li");
    item.textContent = line;
    return item;
  }));
};

const marks = (item) =>
  ["dry_run", "injected", "shadow"].filter((mark) => item[mark]).map((mark) => ` [${mark.replace("_", " ")}]`).join("");

const show = (status) => {
  const emergency = status.emergency ? `EMERGENCY: ${status.emergency_details.reason}` : "no emergency";
  const injected = status.injected_signals.length ? `; INJECTED: ${status.injected_signals.join(", ")}` : "";
  element("summary").textContent =
    `Level ${status.optimization_level} (effective ${status.effective_level}), ` +
    `mode ${status.optimization_mode}, ${emergency}${injected}`;
  element("summary").className = status.emergency ? "emergency" : "";
  const rows = Object.entries(status.current_metrics).map(([name, value]) => {
    const row = document.createElement("tr");
    for (const text of [name, value === null ? "not known" : Number(value).toPrecision(4)]) {
      const cell = document.createElement("td");
      cell.textContent = text;
      row.append(cell);
    }
    return row;
  });
  element("metrics").tBodies[0].replaceChildren(...rows);
  element("metrics").hidden = false;
  const at = (item) => (item.endpoint ? " on " + item.endpoint : "");
  const active = status.active_optimizations.map((a) =>
    `${a.name}${at(a)}: ${a.action} since ${a.enabled_at} (${a.reason})${marks(a)}`);
  const more = status.active_optimizations_total - active.length;
  list("active", more > 0 ? [...active, `and ${more} more`] : active, "none");
  list("decisions", status.recent_decisions.map((d) =>
    `${d.at} ${d.rule}${at(d)}: ${d.from} to ${d.to} (${d.reason})${marks(d)}`), "none yet");
};

const refresh = async () => {
  let wait = 2000;
  try {
    const headers = token ? { Authorization: `Bearer ${token}` } : {};
    const answer = await fetch("/api/v1/performance/status", { headers });
    const body = await answer.json();
    element("login").hidden = answer.status !== 401;
    if (answer.ok) {
      show(body.performance_status);
    } else {
      element("summary").textContent = body.detail;
      if (answer.status === 401) return;
      wait = 10000;
    }
  } catch (error) {
    element("summary").textContent = `The agent does not answer: ${error.message}`;
    wait = 10000;
  }
  setTimeout(refresh, wait);
};

element("login").addEventListener("submit", (event) => {
  event.preventDefault();
  token = element("token").value;
  refresh();
});
refresh();
)js";

Reply raw(const char* content_type, std::string_view text) {
  Reply reply;
  reply.raw = RawBody{content_type, std::string(text)};
  reply.headers.emplace_back("Content-Security-Policy",
                             "default-src 'none'; script-src 'self'; style-src 'self'; "
                             "connect-src 'self'; base-uri 'none'; form-action 'none'; "
                             "frame-ancestors 'none'");
  return reply;
}

}  // namespace

void add_page_routes(Router& router) {
  router.add({"GET", "/", Access::open,
              [](const Call&) { return raw("text/html; charset=utf-8", page); }});
  router.add({"GET", "/page.js", Access::open,
              [](const Call&) { return raw("text/javascript; charset=utf-8", script); }});
  router.add({"GET", "/page.css", Access::open,
              [](const Call&) { return raw("text/css; charset=utf-8", style); }});
}

}  // namespace homeostat::admin
