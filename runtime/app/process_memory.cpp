#include "runtime/app/process_memory.hpp"

#include <spdlog/spdlog.h>

#include "runtime/sense/allocator.hpp"

namespace homeostat::app {

ProcessMemory::ProcessMemory(boost::asio::io_context& context, const Clock& clock,
                             const config::OptimizationSettings& settings) {
  if (settings.memory_hook.empty()) return;
  auto parsed = alert::parse_http_url(settings.memory_hook);
  if (auto* url = std::get_if<alert::HttpUrl>(&parsed)) {
    hook_ = std::make_unique<alert::MemoryHook>(context, clock, std::move(*url),
                                                settings.memory_hook_timeout);
    return;
  }
  spdlog::error("optimization.memory_hook is not used: {}",
                std::get<alert::UrlError>(parsed).message);
}

std::size_t ProcessMemory::release_allocator() {
  const std::size_t bytes = sense::release_free_pages();
  releases_.fetch_add(1, std::memory_order_relaxed);
  released_bytes_.fetch_add(bytes, std::memory_order_relaxed);
  return bytes;
}

void ProcessMemory::call_hook(const std::string& reason) {
  if (hook_) hook_->call(reason);
}

}  // namespace homeostat::app
