#include "runtime/tier/behind_writer.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "runtime/tier/data_script.hpp"
#include "runtime/tier/tier.hpp"

namespace homeostat::tier {

using redis::CallError;
using redis::CallResult;
using std::chrono::milliseconds;

BehindWriter::BehindWriter(boost::asio::io_context& context, const Clock& clock,
                           const config::EntrySettings& settings, std::string prefix, Tier& tier)
    : clock_(clock),
      interval_(settings.behind_interval),
      prefix_(std::move(prefix)),
      tier_(tier),
      queue_(settings.behind_memory, settings.behind_entries_max),
      timer_(context),
      drain_timer_(context) {}

bool BehindWriter::accept(BehindQueue::Write write) {
  if (draining_) return false;
  switch (queue_.add(std::move(write))) {
    case BehindQueue::Added::refused: return false;
    case BehindQueue::Added::replaces: BehindCounters::add(counters_.replaced); break;
    case BehindQueue::Added::waits: break;
  }
  BehindCounters::add(counters_.accepted);
  schedule();
  return true;
}

void BehindWriter::drop(const std::string& key) {
  BehindCounters::add(counters_.dropped, queue_.drop(key));
}

void BehindWriter::purge(const PurgeRequest& request) {
  // Lost entries of the log say nothing about what was never in Redis; and what is for this agent
  // alone does not touch what is on its way to all.
  if (request.doubt || request.reach == PurgeReach::here) return;
  BehindCounters::add(counters_.dropped, queue_.purge(request));
}

/// When the oldest has waited for `interval_`.
void BehindWriter::schedule() {
  const auto oldest = queue_.oldest();
  if (!oldest || under_way_ || armed_) return;
  flush_after(draining_ ? Duration::zero()
                        : std::max(Duration::zero(), *oldest + interval_ - clock_.now()));
}

void BehindWriter::flush_after(Duration delay) {
  armed_ = true;
  timer_.expires_after(delay);
  timer_.async_wait([this](boost::system::error_code error) {
    if (error) return;
    armed_ = false;
    flush();
  });
}

void BehindWriter::flush() {
  if (drained() || under_way_) return;
  if (!tier_.client().up() || !tier_.in_step()) return flush_after(retry);
  Invalidation before;
  before.data = queue_.take(batch_max, batch_bytes_max);
  if (before.data.empty()) return;
  under_way_ = true;
  tier_.publish(std::move(before), [this](std::optional<LogPosition> position) {
    if (!position) return batch_ended(false);
    numbered(*position);
  });
}

/// Others may have taken lower numbers that have not been read yet.
void BehindWriter::numbered(LogPosition position) {
  const LogPosition known = tier_.position();
  if (known.epoch != position.epoch || !tier_.in_step()) return batch_ended(false);
  if (known.number >= position.number) return send(position);
  timer_.expires_after(follow);
  timer_.async_wait([this, position](boost::system::error_code error) {
    if (!error) numbered(position);
  });
}

void BehindWriter::send(LogPosition position) {
  all_taken_ = true;
  unanswered_ = 1;  // this function's
  const Instant now = clock_.now();
  for (BehindQueue::Write& write : queue_.on_the_way()) {
    const auto left = std::chrono::duration_cast<milliseconds>(write.expires - now);
    if (left <= milliseconds::zero()) {
      queue_.end_way(write.key);
      BehindCounters::add(counters_.dropped);
      continue;
    }
    Entry entry = make_data_entry(prefix_ + write.key, std::move(write.value),
                                  std::move(write.tags), clock_.wall_now(), left);
    entry.since = position;
    ++unanswered_;
    const CallError refused = tier_.client().call(
        entry.key, data_set_command(entry, left), answer_max,
        [this, key = write.key](const CallResult& result) { answered(key, result.ok()); });
    if (refused != CallError::none) answered(write.key, false);
  }
  if (--unanswered_ == 0) batch_ended(all_taken_);
}

void BehindWriter::answered(const std::string& key, bool taken) {
  if (taken) {
    queue_.end_way(key);
    BehindCounters::add(counters_.written);
  } else {
    BehindCounters::add(counters_.failed);
    all_taken_ = false;
  }
  if (--unanswered_ == 0) batch_ended(all_taken_);
}

void BehindWriter::batch_ended(bool all_taken) {
  under_way_ = false;
  queue_.put_back();
  if (drained()) return;
  if (all_taken) {
    schedule();
  } else if (!armed_) {
    flush_after(retry);
  }
}

void BehindWriter::drain(std::function<void(std::size_t)> done) {
  draining_ = true;
  drained_ = std::move(done);
  if (drained()) return;
  drain_timer_.expires_after(drain_max);
  drain_timer_.async_wait([this](boost::system::error_code error) {
    if (error) return;
    if (const auto ended = std::exchange(drained_, nullptr)) ended(figures().entries);
  });
  if (!under_way_) flush_after(Duration::zero());
}

/// Whoever waits for the end is told.
bool BehindWriter::drained() {
  if (!draining_ || under_way_ || queue_.oldest()) return false;
  drain_timer_.cancel();
  if (const auto ended = std::exchange(drained_, nullptr)) ended(0);
  return true;
}

}  // namespace homeostat::tier
