// Fakes of every port of the control plane: they answer what a test sets and
// remember what was asked of them.
//
// Thread safety: all of them may be used from actors and the test at once.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "runtime/ports/actuators.hpp"
#include "runtime/ports/signals.hpp"

namespace homeostat::test {

/// Waits for something a fake has seen; generous, so that only a real defect
/// runs into it.
inline constexpr std::chrono::seconds ports_patience{10};

/// A fake's state, its lock, and a way to wait for a change.
class Watched {
 public:
  template <class Predicate>
  [[nodiscard]] bool wait_until(Predicate predicate) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, ports_patience, predicate);
  }

 protected:
  template <class Change>
  auto with_lock(Change change) {
    const std::lock_guard lock(mutex_);
    changed_.notify_all();
    return change();
  }
  std::mutex mutex_;
  std::condition_variable changed_;
};

class FakeResourceSensor final : public ResourceSensor, public Watched {
 public:
  void sample(Instant now, rules::SignalValues& values) override {
    std::unique_lock lock(mutex_);
    ++samples_;
    times_.push_back(now);
    changed_.notify_all();
    changed_.wait(lock, [this] { return !blocked_; });
    if (fault_) throw std::runtime_error(*fault_);
    for (const auto& [id, value] : values_) {
      values[static_cast<std::size_t>(id)] = {value, now, rules::Quality::good, "fake"};
    }
  }
  void set(rules::SignalId id, double value) {
    with_lock([&] { values_[id] = value; });
  }
  void fail_with(std::optional<std::string> fault) {
    with_lock([&] { fault_ = std::move(fault); });
  }
  void block(bool blocked) {
    with_lock([&] { blocked_ = blocked; });
  }
  [[nodiscard]] std::size_t samples() {
    return with_lock([&] { return samples_; });
  }
  [[nodiscard]] std::vector<Instant> times() {
    return with_lock([&] { return times_; });
  }
  [[nodiscard]] bool wait_for_samples(std::size_t count) {
    return wait_until([&] { return samples_ >= count; });
  }

 private:
  std::map<rules::SignalId, double> values_;
  std::size_t samples_ = 0;
  std::vector<Instant> times_;
  std::optional<std::string> fault_;
  bool blocked_ = false;
};

class FakeTrafficSource final : public TrafficSource, public Watched {
 public:
  TrafficFigures collect(Instant now) override {
    return with_lock([&] {
      TrafficFigures figures = figures_;
      figures.at = now;
      ++collections_;
      return figures;
    });
  }
  void set(TrafficFigures figures) {
    with_lock([&] { figures_ = std::move(figures); });
  }
  [[nodiscard]] std::size_t collections() {
    return with_lock([&] { return collections_; });
  }

 private:
  TrafficFigures figures_;
  std::size_t collections_ = 0;
};

/// Values by the selector's text; only what is wanted is given.
class FakeLabelledSource final : public LabelledSource, public Watched {
 public:
  void want(std::vector<rules::Selector> selectors) override {
    with_lock([&] { selectors_ = std::move(selectors); });
  }
  void collect(Instant now, std::vector<rules::LabelledReading>& readings) override {
    with_lock([&] {
      for (const rules::Selector& selector : selectors_) {
        const auto found = values_.find(selector.text);
        if (found == values_.end()) continue;
        readings.push_back({selector.key, {found->second, now, rules::Quality::good, "fake"}});
      }
    });
  }
  void set(const std::string& selector, double value) {
    with_lock([&] { values_[selector] = value; });
  }
  [[nodiscard]] std::vector<std::string> wanted() {
    return with_lock([&] {
      std::vector<std::string> texts;
      for (const rules::Selector& selector : selectors_) texts.push_back(selector.text);
      return texts;
    });
  }

 private:
  std::vector<rules::Selector> selectors_;
  std::map<std::string, double> values_;
};

/// The window's instant and length are filled in from the calls.
class FakeGateSource final : public GateSource, public Watched {
 public:
  GateFigures collect(Instant now) override {
    return with_lock([&] {
      GateFigures figures = figures_;
      figures.window.now = now;
      figures.window.length = last_ ? now - *last_ : Duration::zero();
      last_ = now;
      times_.push_back(now);
      return figures;
    });
  }
  void set(GateFigures figures) {
    with_lock([&] { figures_ = std::move(figures); });
  }
  [[nodiscard]] std::vector<Instant> times() {
    return with_lock([&] { return times_; });
  }

 private:
  GateFigures figures_;
  std::optional<Instant> last_;
  std::vector<Instant> times_;
};

class FakeCacheControl final : public CacheControl, public Watched {
 public:
  [[nodiscard]] CacheFigures figures() const override {
    const std::lock_guard lock(const_mutex());
    return figures_;
  }
  std::size_t drop_expired() override {
    return with_lock([&] {
      ++expired_drops_;
      return std::size_t{1000};
    });
  }
  std::size_t shrink_to(double ratio) override {
    return with_lock([&] {
      ratios_.push_back(ratio);
      return std::size_t{2000};
    });
  }
  std::vector<UncachedEndpoint> uncached(std::size_t) const override { return {}; }
  PurgeResult purge(const PurgeRequest&) override { return {}; }
  std::optional<CacheKeyPage> keys(const CacheKeyQuery&) override { return CacheKeyPage{}; }
  CacheTenants tenants(std::size_t) const override { return {}; }
  std::vector<LoweredLifetime> lowered_lifetimes(std::size_t) const override { return {}; }
  void set(const CacheFigures& figures) {
    with_lock([&] { figures_ = figures; });
  }
  [[nodiscard]] std::vector<double> ratios() {
    return with_lock([&] { return ratios_; });
  }
  [[nodiscard]] std::size_t expired_drops() {
    return with_lock([&] { return expired_drops_; });
  }

 private:
  std::mutex& const_mutex() const { return const_cast<FakeCacheControl*>(this)->mutex_; }
  CacheFigures figures_;
  std::vector<double> ratios_;
  std::size_t expired_drops_ = 0;
};

class FakeMemoryControl final : public MemoryControl, public Watched {
 public:
  std::size_t release_allocator() override {
    return with_lock([&] {
      ++releases_;
      return std::size_t{4096};
    });
  }
  void call_hook(const std::string& reason) override {
    with_lock([&] { hooks_.push_back(reason); });
  }
  [[nodiscard]] std::size_t releases() {
    return with_lock([&] { return releases_; });
  }
  [[nodiscard]] std::vector<std::string> hooks() {
    return with_lock([&] { return hooks_; });
  }

 private:
  std::size_t releases_ = 0;
  std::vector<std::string> hooks_;
};

class FakeAlertSink final : public AlertSink, public Watched {
 public:
  struct Call {
    bool fired = false;  ///< else resolved
    Alert alert;
    WallTime at{};
  };
  void fire(const Alert& alert, WallTime since) override {
    with_lock([&] { calls_.push_back({true, alert, since}); });
  }
  void resolve(const Alert& alert, WallTime at) override {
    with_lock([&] { calls_.push_back({false, alert, at}); });
  }
  [[nodiscard]] std::vector<Call> calls() {
    return with_lock([&] { return calls_; });
  }
  [[nodiscard]] bool wait_for(const std::string& name, const std::string& scope, bool fired) {
    return wait_until([&] {
      for (const Call& call : calls_) {
        if (call.fired == fired && call.alert.name == name && call.alert.scope == scope)
          return true;
      }
      return false;
    });
  }
  /// How often the alert was fired or resolved, whatever its scope.
  [[nodiscard]] std::size_t count(const std::string& name, bool fired) {
    return with_lock([&] {
      std::size_t count = 0;
      for (const Call& call : calls_) {
        if (call.fired == fired && call.alert.name == name) ++count;
      }
      return count;
    });
  }

 private:
  std::vector<Call> calls_;
};

}  // namespace homeostat::test
