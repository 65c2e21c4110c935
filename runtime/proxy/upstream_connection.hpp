// One connection to an upstream server: connecting, serving one request, or
// idle in the pool.
//
// Thread safety: none; lives on one worker. Ownership: referenced by the pool
// while idle and by the call that uses it while busy.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "runtime/http/parser.hpp"
#include "runtime/proxy/buffer.hpp"
#include "runtime/proxy/deadline_wheel.hpp"
#include "runtime/proxy/stream.hpp"
#include "runtime/proxy/upstream_target.hpp"

namespace homeostat::proxy {

class UpstreamPool;

/// Whoever uses the connection at the moment.
class UpstreamUser {
 public:
  virtual void on_upstream_connected(int error) = 0;  ///< errno; 0 = connected
  virtual void on_upstream_readable() = 0;
  virtual void on_upstream_writable() = 0;
  virtual void on_upstream_deadline() = 0;

 protected:
  ~UpstreamUser() = default;
};

/// An errno that says nothing about the peer: this process or machine has no
/// descriptor, memory, local port or address left.
[[nodiscard]] bool is_local_failure(int error) noexcept;

class UpstreamConnection final : public StreamOwner, public Deadline {
 public:
  /// `set` owns `target` and is kept alive with the connection.
  UpstreamConnection(UpstreamPool& pool, std::shared_ptr<UpstreamSet> set, UpstreamTarget& target,
                     const Executor& executor)
      : stream(*this, executor), pool_(pool), set_(std::move(set)), target_(target) {}
  ~UpstreamConnection() override;

  /// Starts connecting; false (with errno in `error`) when that fails at once.
  [[nodiscard]] bool connect(int& error);

  /// Others may use its place from here on, though it may live until an event has ended.
  void close() noexcept;
  void set_user(UpstreamUser* user) noexcept { user_ = user; }
  [[nodiscard]] UpstreamTarget& target() noexcept { return target_; }
  [[nodiscard]] bool connecting() const noexcept { return connecting_; }
  /// Requests served before the current one.
  [[nodiscard]] std::uint64_t served() const noexcept { return served_; }
  void note_served() noexcept { ++served_; }

  void on_readable() override;
  void on_writable() override;
  void on_deadline() override;

  Stream stream;
  Buffer in;                                     ///< lent only while a response is being read
  std::unique_ptr<http::ResponseParser> parser;  ///< made at the first response, then reused

 private:
  UpstreamPool& pool_;
  std::shared_ptr<UpstreamSet> set_;
  UpstreamTarget& target_;
  UpstreamUser* user_ = nullptr;
  bool connecting_ = false;
  bool counted_ = true;  ///< among the target's connections
  std::uint64_t served_ = 0;
};

}  // namespace homeostat::proxy
