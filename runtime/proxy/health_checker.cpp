#include "runtime/proxy/health_checker.hpp"

#include <array>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/write.hpp>
#include <utility>

#include "runtime/proxy/upstream_connection.hpp"

namespace homeostat::proxy {
namespace {

constexpr std::size_t status_end = 12;  // "HTTP/1.1 200"
constexpr std::size_t answer_bytes_max = 8192;

}  // namespace

/// One target's check: connect, send, read the status line, judge. What a probe that has
/// ended still gets to hear must not end the next one: each has a number.
struct HealthChecker::Probe : std::enable_shared_from_this<Probe> {
  Probe(boost::asio::io_context& context, UpstreamTarget& checked,
        const config::HealthCheckSettings& how, Change& on_change)
      : target(checked), settings(how), change(on_change), socket(context), timer(context) {
    request = "GET " + settings.path + " HTTP/1.1\r\nHost: " + target.settings().host_header +
              "\r\nUser-Agent: homeostat-health\r\nConnection: close\r\n\r\n";
  }

  void begin() {
    if (running) return;
    running = true;
    ++round;
    answer.clear();
    addresses_tried = 0;
    timer.expires_after(settings.timeout);
    timer.async_wait([self = shared_from_this(), now = round](boost::system::error_code error) {
      if (!error && self->lasts(now)) self->too_late();
    });
    connect();
  }

  void connect() {
    const SocketAddress address = target.next_address();
    const boost::asio::generic::stream_protocol::endpoint endpoint(address.get(), address.length);
    boost::system::error_code ignored;
    socket.close(ignored);
    connected = false;
    socket.async_connect(endpoint,
                         [self = shared_from_this(), now = round](boost::system::error_code error) {
                           if (!self->lasts(now)) return;
                           if (error && is_local_failure(error.value())) {
                             self->give_up();
                           } else if (error) {
                             self->refused("cannot connect: " + error.message());
                           } else {
                             self->connected = true;
                             self->send();
                           }
                         });
  }

  /// A name with several addresses is one target: all are tried before it has failed.
  void refused(const std::string& reason) {
    target.address_failed();
    if (++addresses_tried < target.address_count()) {
      connect();
    } else {
      end(false, reason);
    }
  }

  void too_late() {
    if (!connected) target.address_failed();  // the next check asks another one
    end(false, "no answer within the timeout");
  }

  void send() {
    boost::asio::async_write(
        socket, boost::asio::buffer(request),
        [self = shared_from_this(), now = round](boost::system::error_code error, std::size_t) {
          if (!self->lasts(now)) return;
          if (error) {
            self->end(false, "cannot send: " + error.message());
          } else {
            self->receive();
          }
        });
  }

  void receive() {
    socket.async_read_some(boost::asio::buffer(buffer),
                           [self = shared_from_this(), now = round](boost::system::error_code error,
                                                                    std::size_t bytes) {
                             if (!self->lasts(now)) return;
                             self->answer.append(self->buffer.data(), bytes);
                             self->skip_interim();
                             if (self->answer.size() >= status_end && !self->interim()) {
                               self->judge();
                             } else if (self->answer.size() > answer_bytes_max) {
                               self->end(false, "interim answers without end");
                             } else if (error) {
                               self->end(false, "closed without an answer");
                             } else {
                               self->receive();
                             }
                           });
  }

  [[nodiscard]] bool interim() const {
    return answer.size() >= status_end && answer.starts_with("HTTP/1.") && answer[9] == '1';
  }

  /// Interim answers say nothing yet: the final one follows.
  void skip_interim() {
    while (interim()) {
      const std::size_t head_end = answer.find("\r\n\r\n");
      if (head_end == std::string::npos) return;
      answer.erase(0, head_end + 4);
    }
  }

  void judge() {
    const bool http = answer.starts_with("HTTP/1.");
    const char digit = answer[9];
    end(http && (digit == '2' || digit == '3'), "answered " + answer.substr(0, status_end));
  }

  [[nodiscard]] bool lasts(std::uint64_t probe) const noexcept { return running && probe == round; }

  /// Nothing was learned about the target.
  void give_up() {
    running = false;
    boost::system::error_code ignored;
    timer.cancel();
    socket.close(ignored);
  }

  void end(bool success, const std::string& reason) {
    give_up();
    streak = success == last ? streak + 1 : 1;
    last = success;
    const bool now_healthy = target.active_health();
    const unsigned needed = success ? settings.healthy_after : settings.unhealthy_after;
    if (success != now_healthy && streak >= needed) {
      target.set_active_health(success);
      if (change) change(target.name(), success, reason);
    }
  }

  UpstreamTarget& target;
  const config::HealthCheckSettings& settings;
  Change& change;
  boost::asio::basic_stream_socket<boost::asio::generic::stream_protocol> socket;
  boost::asio::basic_waitable_timer<std::chrono::steady_clock> timer;
  std::string request, answer;
  std::array<char, 512> buffer{};
  unsigned streak = 0;
  bool last = true;
  bool running = false;
  bool connected = false;
  std::size_t addresses_tried = 0;
  std::uint64_t round = 0;  ///< of the probe that runs, or ran last
};

HealthChecker::HealthChecker(boost::asio::io_context& context, std::shared_ptr<UpstreamSet> set,
                             Change change)
    : context_(context), set_(std::move(set)), change_(std::move(change)), timer_(context) {
  const config::HealthCheckSettings& settings = set_->settings().health;
  if (settings.path.empty()) return;
  for (const auto& target : set_->targets()) {
    probes_.push_back(std::make_shared<Probe>(context_, *target, settings, change_));
  }
}

HealthChecker::~HealthChecker() { stop(); }

void HealthChecker::start() {
  if (probes_.empty()) return;
  probe_all();
  schedule();
}

void HealthChecker::stop() {
  if (std::exchange(stopped_, true)) return;
  timer_.cancel();
  boost::system::error_code ignored;
  for (const auto& probe : probes_) {
    probe->running = false;  // late callbacks find nothing to report
    probe->timer.cancel();
    probe->socket.close(ignored);
  }
}

void HealthChecker::probe_all() {
  for (const auto& probe : probes_) probe->begin();
}

void HealthChecker::schedule() {
  timer_.expires_after(set_->settings().health.interval);
  timer_.async_wait([this, alive = std::weak_ptr<bool>(alive_)](boost::system::error_code error) {
    if (error || alive.expired() || stopped_) return;
    probe_all();
    schedule();
  });
}

}  // namespace homeostat::proxy
