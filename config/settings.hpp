// The operator's configuration as plain values.
//
// Every field carries its default in `settings/` and nowhere else; docs/config_reference.md
// is generated from the same facts and checked by a test. The structs have no
// behaviour, own their strings, and may be copied between threads freely. A
// loaded `Settings` is immutable: reload builds a new one.
//
// Units: durations are std::chrono types, sizes are bytes, ratios are 0..1.
#pragma once

#include <string>
#include <vector>

#include "config/settings/admin.hpp"
#include "config/settings/admission.hpp"
#include "config/settings/alerts.hpp"
#include "config/settings/cache.hpp"
#include "config/settings/common.hpp"
#include "config/settings/compression.hpp"
#include "config/settings/log.hpp"
#include "config/settings/monitor.hpp"
#include "config/settings/optimization.hpp"
#include "config/settings/server.hpp"
#include "config/settings/slo.hpp"
#include "config/settings/upstream.hpp"

namespace homeostat::config {

struct Settings {
  std::vector<Address> listen;
  unsigned workers = 0;          ///< 0 = one per usable CPU
  bool reload_on_change = true;  ///< look at the configuration and rule files once a second
  ServerSettings server;
  UpstreamSettings upstream;
  AdminSettings admin;
  CacheSettings cache;
  CompressionSettings compression;
  AdmissionSettings admission;
  MonitorSettings monitor;
  OptimizationSettings optimization;
  std::vector<ObjectiveSettings> slo;
  AlertSettings alerts;
  LogSettings log;
  std::string source_path;  ///< file it came from; empty when built from flags
};

}  // namespace homeostat::config
