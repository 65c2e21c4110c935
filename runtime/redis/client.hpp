// Redis as its users see it, whatever stands behind the name: one server, a master
// that sentinels know, or a cluster.
//
// No call blocks. A call that cannot be made is refused at once; one that was made
// is answered exactly once, except after stop(), which drops them.
//
// Thread safety: none; one event loop, all methods on its thread. up() and
// trouble() may be wrong a moment later.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/settings/redis.hpp"
#include "runtime/ports/clock.hpp"
#include "runtime/redis/call.hpp"
#include "runtime/redis/node.hpp"

namespace homeostat::redis {

class Client {
 public:
  virtual ~Client() = default;
  virtual void start() = 0;
  virtual void stop() noexcept = 0;
  /// A server that would take a call for some key is there.
  [[nodiscard]] virtual bool up() const noexcept = 0;
  /// Why it is not up.
  [[nodiscard]] virtual std::string trouble() const = 0;
  /// Sends to the server `key` belongs to. Anything but `none`: refused, and
  /// `callback` will not run. `command` may be sent again to another server if
  /// this one says that the key is there.
  [[nodiscard]] virtual CallError call(std::string_view key, std::string command, Duration timeout,
                                       Callback callback) = 0;
  /// Sends to every server that holds data; `done` gets the results of those that
  /// are up, maybe none, once all have answered.
  virtual void call_each(const std::string& command, Duration timeout,
                         std::function<void(std::vector<CallResult>)> done) = 0;
  /// Bytes that wait to be sent to the server of `key`, before what would be sent now.
  [[nodiscard]] virtual std::size_t unsent(std::string_view key) const = 0;
  /// How many servers hold data, in an order that stays while none comes or goes.
  [[nodiscard]] virtual std::size_t servers() const { return 1; }
  /// Sends to one of them; `index` below servers().
  [[nodiscard]] virtual CallError call_server(std::size_t index, std::string command,
                                              Duration timeout, Callback callback) {
    static_cast<void>(index);
    return call({}, std::move(command), timeout, std::move(callback));
  }
};

struct ClientOptions {
  config::RedisSettings settings;
  std::shared_ptr<TlsContext> tls;  ///< null: where no server wants it
  std::uint64_t seed = 1;           ///< of the jitter
  Duration blocks_max{};            ///< calls may wait this long at the server; zero: none does
  Duration answer_max{};  ///< calls may take this long, and pings; at least `settings.timeout`
  Duration look_again = std::chrono::seconds(10);  ///< sentinels are asked this often
  /// Told when the client came up or went down.
  std::function<void(bool up, const std::string& reason)> changed;
};

[[nodiscard]] std::unique_ptr<Client> make_client(boost::asio::io_context& context,
                                                  const Clock& clock, ClientOptions options,
                                                  CallCounters& counters);

/// What a client asks of one server. Shared by the kinds of clients.
[[nodiscard]] NodeOptions node_options(const ClientOptions& options,
                                       const config::Address& address);

}  // namespace homeostat::redis
