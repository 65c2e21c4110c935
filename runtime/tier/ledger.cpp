#include "runtime/tier/ledger.hpp"

#include <algorithm>

#include "runtime/cache/key.hpp"

namespace homeostat::tier {
namespace {

constexpr std::string_view every_path = "*";
constexpr std::uint64_t tag_seed = 1, key_seed = 2;

std::uint64_t tag_hash(std::string_view identity) noexcept {
  return cache::hash_key(identity, tag_seed);
}
std::uint64_t key_hash(std::string_view key) noexcept { return cache::hash_key(key, key_seed); }

}  // namespace

void Names::add_tag(std::string_view identity) { hashes.push_back(tag_hash(identity)); }
void Names::add_key(std::string_view key) { hashes.push_back(key_hash(key)); }
void Names::add_location(std::uint64_t location) { hashes.push_back(location); }

void Names::add_pattern(std::string_view pattern) {
  if (pattern.empty() || pattern == every_path) {
    everything = true;
  } else {
    patterns.emplace_back(pattern);
  }
}

void Ledger::begin(std::uint64_t epoch, std::uint64_t first) {
  const std::lock_guard lock(mutex_);
  epoch_ = epoch;
  applied_ = floor_ = highest_ = first > 0 ? first - 1 : 0;
  ready_ = false;
}

void Ledger::restart(LogPosition position) {
  const std::lock_guard lock(mutex_);
  epoch_ = position.epoch;
  applied_ = floor_ = highest_ = position.number;
  // What is expected still is; the rest is below the floor.
  std::erase_if(marks_, [](const auto& entry) { return entry.second.expected == 0; });
  std::erase_if(patterns_, [](const auto& entry) { return entry.second.mark.expected == 0; });
  for (auto& [hash, mark] : marks_) mark.number = 0;
  for (auto& [text, pattern] : patterns_) pattern.mark.number = 0;
}

void Ledger::confirm(Instant now) {
  const std::lock_guard lock(mutex_);
  ready_ = epoch_ != 0;
  confirmed_ = std::max(confirmed_, now);
}

void Ledger::put(const Names& names, std::uint64_t number, int expected) {
  highest_ = std::max(highest_, number);
  const auto change = [&](Mark& mark) {
    mark.number = std::max(mark.number, number);
    if (expected > 0) ++mark.expected;
    if (expected < 0 && mark.expected > 0) --mark.expected;
  };
  for (const std::uint64_t hash : names.hashes) change(marks_[hash]);
  for (const std::string& text : names.patterns) {
    auto found = patterns_.find(text);
    if (found == patterns_.end()) {
      found = patterns_.emplace(text, PatternMark{cache::KeyPattern(text), {}}).first;
    }
    change(found->second.mark);
  }
  if (names.everything) {
    if (expected > 0) ++everything_expected_;
    if (expected < 0 && everything_expected_ > 0) --everything_expected_;
    floor_ = std::max(floor_, number);
  }
  bound();
}

void Ledger::expect(const Names& names) {
  const std::lock_guard lock(mutex_);
  put(names, 0, 1);
}

void Ledger::settle(const Names& names, std::uint64_t number) {
  const std::lock_guard lock(mutex_);
  put(names, number, -1);
}

void Ledger::expect_only_everything() {
  const std::lock_guard lock(mutex_);
  for (auto& [hash, mark] : marks_) mark.expected = 0;
  for (auto& [text, pattern] : patterns_) pattern.mark.expected = 0;
  everything_expected_ = 1;
}

void Ledger::record(const Names& names, std::uint64_t number) {
  const std::lock_guard lock(mutex_);
  put(names, number, 0);
  if (number == applied_ + 1) applied_ = number;
}

void Ledger::applied(std::uint64_t first, std::uint64_t last) {
  const std::lock_guard lock(mutex_);
  if (first <= applied_ + 1 && last > applied_) applied_ = last;
}

void Ledger::bound() {
  const auto forget = [this](auto& all, std::size_t count_max, auto mark_of) {
    if (all.size() <= count_max) return;
    std::vector<std::uint64_t> numbers;
    for (const auto& entry : all) {
      if (mark_of(entry).expected == 0) numbers.push_back(mark_of(entry).number);
    }
    if (numbers.empty()) return;
    const auto middle = numbers.begin() + static_cast<std::ptrdiff_t>(numbers.size() / 2);
    std::nth_element(numbers.begin(), middle, numbers.end());
    const std::uint64_t limit = *middle;
    floor_ = std::max(floor_, limit);
    std::erase_if(all, [&](const auto& entry) {
      return mark_of(entry).expected == 0 && mark_of(entry).number <= limit;
    });
  };
  forget(marks_, marks_max, [](const auto& entry) { return entry.second; });
  forget(patterns_, patterns_max, [](const auto& entry) { return entry.second.mark; });
}

LogPosition Ledger::position() const {
  const std::lock_guard lock(mutex_);
  return {epoch_, applied_};
}

bool Ledger::trusted(Instant now) const {
  const std::lock_guard lock(mutex_);
  return ready_ && now - confirmed_ <= trust_max;
}

Instant Ledger::confirmed() const {
  const std::lock_guard lock(mutex_);
  return confirmed_;
}

std::optional<LogPosition> Ledger::stamp(Instant now) const {
  const std::lock_guard lock(mutex_);
  if (!ready_ || now - confirmed_ > trust_max) return std::nullopt;
  return LogPosition{epoch_, applied_};
}

bool Ledger::dead(std::uint64_t hash, std::uint64_t since) const {
  const auto found = marks_.find(hash);
  return found != marks_.end() && (found->second.expected > 0 || found->second.number > since);
}

bool Ledger::usable(const Subject& subject, LogPosition since) const {
  const std::lock_guard lock(mutex_);
  // Others may be ahead of this agent, but not by far.
  const bool possible = since.number <= highest_ + ahead_max;
  if (!ready_ || since.epoch != epoch_ || since.number < floor_ || !possible ||
      everything_expected_ > 0) {
    return false;
  }
  if (dead(key_hash(subject.key), since.number) || dead(key_hash(subject.primary), since.number) ||
      dead(subject.location, since.number)) {
    return false;
  }
  bool alive = true;
  subject.tags.for_each(
      [&](std::string_view identity) { alive = alive && !dead(tag_hash(identity), since.number); });
  if (!alive) return false;
  return std::none_of(patterns_.begin(), patterns_.end(), [&](const auto& entry) {
    const auto& [pattern, mark] = entry.second;
    const bool newer = mark.expected > 0 || mark.number > since.number;
    return newer && (pattern.matches(subject.path, subject.key) ||
                     pattern.matches(subject.path, subject.primary));
  });
}

std::optional<std::uint64_t> Ledger::alive_from(const Subject& subject) const {
  const std::lock_guard lock(mutex_);
  if (!ready_ || everything_expected_ > 0) return std::nullopt;
  std::uint64_t from = floor_;
  bool numbered = true;
  const auto see = [&](const Mark& mark) {
    numbered = numbered && mark.expected == 0;
    from = std::max(from, mark.number);
  };
  const auto look_up = [&](std::uint64_t hash) {
    if (const auto found = marks_.find(hash); found != marks_.end()) see(found->second);
  };
  look_up(key_hash(subject.key));
  look_up(key_hash(subject.primary));
  look_up(subject.location);
  subject.tags.for_each([&](std::string_view identity) { look_up(tag_hash(identity)); });
  for (const auto& [text, entry] : patterns_) {
    const auto& [pattern, mark] = entry;
    if (mark.expected == 0 && mark.number <= from) continue;
    if (pattern.matches(subject.path, subject.key) ||
        pattern.matches(subject.path, subject.primary)) {
      see(mark);
    }
  }
  return numbered ? std::optional(from) : std::nullopt;
}

std::size_t Ledger::size() const {
  const std::lock_guard lock(mutex_);
  return marks_.size() + patterns_.size();
}

}  // namespace homeostat::tier
