// FleetLog: this agent's own invalidations, until Redis has taken them.
#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

#include "runtime/tier/fleet_log.hpp"

namespace homeostat::tier {

using redis::CallError;
using redis::CallResult;

namespace {

/// How much of `waiting_names_max` names take. No more than patterns_max patterns may wait: every
/// read of the tier is compared with all of them.
std::size_t room_of(const Names& names) {
  return names.hashes.size() +
         names.patterns.size() * (Ledger::marks_max / 2 / Ledger::patterns_max);
}

}  // namespace

void FleetLog::publish(Invalidation invalidation, Names names, Settled settled) {
  if (invalidation.empty()) return;
  invalidation.agent = agent_;
  Outgoing outgoing;
  outgoing.names = std::move(names);
  outgoing.settled = std::move(settled);
  outgoing.text = to_text(invalidation);
  // Rather everything than something forgotten.
  if (outgoing.text.size() > Invalidation::bytes_max ||
      room_of(outgoing.names) > waiting_names_max) {
    outgoing.names = names_of(everything(), parts_.cache);
    outgoing.text = to_text(everything());
  }
  parts_.ledger.expect(outgoing.names);
  boost::asio::post(parts_.context, [this, outgoing = std::move(outgoing)]() mutable {
    enqueue(std::move(outgoing));
  });
}

Invalidation FleetLog::everything() const {
  Invalidation all;
  all.agent = agent_;
  all.patterns.emplace_back("*");
  return all;
}

void FleetLog::enqueue(Outgoing outgoing) {
  if (waiting_.size() >= waiting_max || waiting_bytes_ >= waiting_bytes_max ||
      waiting_names_ >= waiting_names_max) {
    // A batch under way may still come through; what it names is in here as well, and
    // is not expected on its own account any more.
    for (std::size_t i = writing_; i < waiting_.size(); ++i) waiting_[i].settle(std::nullopt);
    waiting_.resize(writing_);
    waiting_bytes_ = waiting_names_ = 0;
    for (Outgoing& under_way : waiting_) {
      under_way.names = {};
      waiting_bytes_ += under_way.text.size();
    }
    parts_.ledger.expect_only_everything();
    outgoing.names = names_of(everything(), parts_.cache);
    outgoing.text = to_text(everything());
  }
  waiting_bytes_ += outgoing.text.size();
  waiting_names_ += room_of(outgoing.names);
  waiting_.push_back(std::move(outgoing));
  parts_.counters.invalidations_waiting.store(waiting_.size(), std::memory_order_relaxed);
  write();
}

void FleetLog::write() {
  if (writing_ > 0 || stopped_ || waiting_.empty()) return;
  std::vector<std::string> texts;
  std::size_t bytes = 0;
  for (const Outgoing& next : waiting_) {
    bytes += next.text.size();
    if (texts.size() == batch_max || (!texts.empty() && bytes > batch_bytes_max)) break;
    texts.push_back(next.text);
  }
  const std::size_t count = writing_ = texts.size();
  const CallError refused = writer_->call(
      key_, log_command(key_, settings_.redis.log_length, seen_, fresh_number(), texts), answer_max,
      [this, count](const CallResult& result) {
        writing_ = 0;
        if (!stopped_) written(count, result);
      });
  if (refused == CallError::none) return;
  writing_ = 0;
  written(0, {refused, {}});
}

void FleetLog::written(std::size_t count, const CallResult& result) {
  const auto state = result.ok() ? read_log_state(result.reply) : std::nullopt;
  if (!state) {
    // It may have been carried out all the same: twice does no harm.
    write_timer_.expires_after(retry);
    write_timer_.async_wait([this](boost::system::error_code error) {
      if (!error && !stopped_) write();
    });
    return;
  }
  if (began_ && state->last.epoch != parts_.ledger.position().epoch) {
    distrust(state->last, "it was lost");
  }
  see({state->last, state->nonce});
  const std::uint64_t first = state->last.number - count + 1;
  std::vector<Outgoing> settled;
  for (std::size_t i = 0; i < count; ++i) {
    parts_.ledger.settle(waiting_.front().names, first + i);
    waiting_bytes_ -= waiting_.front().text.size();
    waiting_names_ -= room_of(waiting_.front().names);
    settled.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  if (began_) parts_.ledger.applied(first, state->last.number);
  if (parts_.ledger.position() == state->last) at_ = {state->last, state->nonce};
  TierCounters::add(parts_.counters.invalidations_sent, count);
  parts_.counters.invalidations_waiting.store(waiting_.size(), std::memory_order_relaxed);
  for (std::size_t i = 0; i < settled.size(); ++i) {
    settled[i].settle(LogPosition{state->last.epoch, first + i});
  }
  if (waiting_.empty()) all_told();
  write();
}

void FleetLog::when_told(std::function<void()> done) {
  told_ = std::move(done);
  if (waiting_.empty() || stopped_) return all_told();
  told_timer_.expires_after(told_max);
  told_timer_.async_wait([this](boost::system::error_code error) {
    if (error || stopped_) return;
    parts_.log("Redis did not take " + std::to_string(waiting_.size()) +
               " invalidations in time: the fleet does not know of them");
    all_told();
  });
}

void FleetLog::all_told() {
  told_timer_.cancel();
  if (const auto told = std::exchange(told_, nullptr)) told();
}

}  // namespace homeostat::tier
