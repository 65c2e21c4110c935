// Delivers alerts to Alertmanager (v2 API) and webhooks, and to the log.
//
// While an alert fires it is sent again every `resend`, with an end time of
// four resend periods ahead, so that Alertmanager resolves it by itself when
// the agent dies (Prometheus: rules/alerting.go, endsAt = 4 x resend delay).
// A resolved alert is sent until delivered and then again every `resend` for
// `resolved_retention`, as Prometheus does, in case Alertmanager restarts.
// Webhooks get one POST per change of state and repeats while firing.
//
// Thread safety: fire(), resolve() and all getters from any thread; they take
// a short lock and never wait for IO. IO runs on the given io_context.
// Ownership: io_context and clock must outlive the dispatcher and the handlers
// it left in the io_context. Without targets it still logs and counts.
// Bounds: alerts_max alerts known at once; per target queue_max queued
// messages, where repeats make way and changes of state are never dropped (at
// most two per known alert are kept; older ones are superseded). Texts are
// cut at 4 KiB. One call in flight per target, in order; failures retried with
// exponential back-off and jitter for as long as the alert is known.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/settings/alerts.hpp"
#include "runtime/ports/actuators.hpp"
#include "runtime/ports/clock.hpp"

namespace homeostat::alert {

/// Who speaks: becomes labels of every alert.
struct AlertIdentity {
  std::string service = "homeostat";
  std::string instance;       ///< host:port of the agent
  std::string generator_url;  ///< admin address, shown as source link; may be empty
};

struct AlertTiming {
  std::chrono::milliseconds resend{60'000};
  std::chrono::milliseconds resolved_retention{15 * 60'000};
  std::chrono::milliseconds backoff_min{500};
  std::chrono::milliseconds backoff_max{60'000};
  std::size_t alerts_max = 1024;

  [[nodiscard]] static AlertTiming of(const config::AlertSettings& settings) {
    AlertTiming timing;
    timing.resend = settings.resend;
    return timing;
  }
};

/// Totals since start, and the present queue.
struct AlertFigures {
  std::uint64_t sent = 0;        ///< alerts delivered, per target
  std::uint64_t failed = 0;      ///< delivery attempts that failed
  std::uint64_t dropped = 0;     ///< repeats given up, alerts refused or rejected for good
  std::uint64_t superseded = 0;  ///< unsent changes overtaken by newer ones
  std::size_t queue_length = 0;
};

struct AlertTargetFigures {
  std::string target;  ///< URL without its query
  std::string kind;    ///< "alertmanager" or "webhook"
  AlertFigures figures;
  std::string last_error;  ///< empty after a success
};

/// What is wrong with one key.
struct SettingProblem {
  std::string key;  ///< dotted, e.g. "alerts.webhooks[1]"
  std::string message;

  bool operator==(const SettingProblem&) const = default;
};

/// All that is wrong with the URLs of `alerts`.
[[nodiscard]] std::vector<SettingProblem> validate(const config::AlertSettings& settings);

class AlertDispatcher final : public AlertSink {
 public:
  /// REQUIRES: validate(settings).empty(). Invalid URLs are logged and left out.
  AlertDispatcher(boost::asio::io_context& context, const Clock& clock,
                  const config::AlertSettings& settings, AlertIdentity identity,
                  std::optional<AlertTiming> timing = std::nullopt);
  ~AlertDispatcher() override;
  AlertDispatcher(const AlertDispatcher&) = delete;
  AlertDispatcher& operator=(const AlertDispatcher&) = delete;

  void fire(const Alert& alert, WallTime since) override;
  void resolve(const Alert& alert, WallTime at) override;

  /// Stops timers and sending; what is queued stays unsent.
  void stop();

  [[nodiscard]] AlertFigures figures() const;  ///< all targets together
  [[nodiscard]] std::vector<AlertTargetFigures> targets() const;
  [[nodiscard]] std::size_t firing() const;  ///< alerts firing now

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace homeostat::alert
