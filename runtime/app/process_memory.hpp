// Memory outside the cache: the allocator's free pages, and the application's
// own hook.
//
// Thread safety: any thread. Ownership: the io_context outlives it.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>

#include "config/settings/optimization.hpp"
#include "runtime/alert/memory_hook.hpp"
#include "runtime/ports/actuators.hpp"

namespace homeostat::app {

class ProcessMemory final : public MemoryControl {
 public:
  ProcessMemory(boost::asio::io_context& context, const Clock& clock,
                const config::OptimizationSettings& settings);

  std::size_t release_allocator() override;
  void call_hook(const std::string& reason) override;

  [[nodiscard]] std::uint64_t releases() const noexcept { return releases_.load(); }
  [[nodiscard]] std::uint64_t released_bytes() const noexcept { return released_bytes_.load(); }
  /// Null without optimization.memory_hook.
  [[nodiscard]] const alert::MemoryHook* hook() const noexcept { return hook_.get(); }

 private:
  std::unique_ptr<alert::MemoryHook> hook_;
  std::atomic<std::uint64_t> releases_{0}, released_bytes_{0};
};

}  // namespace homeostat::app
