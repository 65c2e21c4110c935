// The room's logger: the process logger "homeostat" if it is registered, else
// spdlog's default. Thread safety: any thread.
#pragma once

#include <spdlog/spdlog.h>

#include <memory>

namespace homeostat::alert {

[[nodiscard]] inline std::shared_ptr<spdlog::logger> process_log() {
  auto logger = spdlog::get("homeostat");
  return logger ? logger : spdlog::default_logger();
}

}  // namespace homeostat::alert
