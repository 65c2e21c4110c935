// Accepts connections on one listening socket for one worker.
//
// Each worker has its own socket on the same port (SO_REUSEPORT), so that the
// kernel spreads connections without a lock of ours; a Unix socket is shared.
// Only the workers of one agent share: the first socket is opened exclusively,
// so that an address somebody else serves on is an error and not half of his
// traffic.
// Closing a socket resets whoever stands in its queue: draining empties that first.
// Accepts a bounded number per event so that others get their turn. When the
// process runs out of descriptors it pauses instead of spinning, counts that and
// says so at most once a minute.
// Thread safety: none; one worker.
#pragma once

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "config/settings/common.hpp"
#include "runtime/ports/clock.hpp"

namespace homeostat::proxy {

class Worker;

inline constexpr int listen_backlog = 4096;

enum class ListenerRank : std::uint8_t {
  first,    ///< fails if anybody listens there already; then lets others join
  further,  ///< joins the first one of this agent
};

/// Opens a listening socket. -1 on failure, with the reason in `error`.
/// `bound` receives the address with the port the kernel chose.
[[nodiscard]] int open_listener(const config::Address& address, ListenerRank rank,
                                config::Address& bound, std::string& error);

class Listener {
 public:
  Listener(Worker& worker, int descriptor);
  void start();
  /// Turns newcomers away, accepts who is connected already, closes.
  void drain();
  void close();

 private:
  static constexpr int accepts_per_event = 64;

  void wait();
  void accept();
  [[nodiscard]] int accept_one();
  void pause();
  void note_failure(int error);

  Worker& worker_;
  boost::asio::posix::stream_descriptor descriptor_;
  boost::asio::basic_waitable_timer<std::chrono::steady_clock> retry_;
  std::optional<Instant> warned_;  ///< when it last said that it cannot accept
};

}  // namespace homeostat::proxy
