#include "runtime/proxy/pattern_watch.hpp"

#include <algorithm>
#include <cstring>
#include <functional>
#include <new>
#include <optional>

#include "runtime/http/query.hpp"
#include "runtime/proxy/paging.hpp"

namespace homeostat::proxy {
namespace {

constexpr std::uint64_t compared_bytes_max = std::uint64_t{64} * 1024;
constexpr std::uint64_t seconds_mask = 0xffffff;

std::uint64_t mixed(std::uint64_t hash, std::uint64_t other) noexcept {
  return (hash ^ other) * 0x9e3779b97f4a7c15ULL;
}

std::uint64_t hash_of(std::string_view text) noexcept {
  return std::hash<std::string_view>{}(text);
}

std::uint64_t second_of(Instant now) noexcept {
  // From 1 on: 0 is an entry that was never written.
  return static_cast<std::uint64_t>(
             std::chrono::floor<std::chrono::seconds>(now.time_since_epoch()).count()) %
             seconds_mask +
         1;
}

bool is_deep(const PageRequest& request) noexcept {
  return request.page.value_or(0) >= PatternWatch::page_deep ||
         request.offset.value_or(0) >= PatternWatch::offset_deep;
}

}  // namespace

struct PatternWatch::Row {
  explicit Row(rules::EndpointId id) : endpoint(id) {}
  const rules::EndpointId endpoint;
  telemetry::WorkerCounter requests, fetched, fetched_nanoseconds, in_runs, deep_pages,
      deep_page_nanoseconds, large_lists, large_list_bytes, tracking_splits, retries, refetched,
      unchanged, unchanged_lifetime_milliseconds;
};

void PatternMemory::put(std::uint64_t hash, Instant now) noexcept {
  entries_[hash % size].store((hash & ~seconds_mask) | second_of(now), std::memory_order_relaxed);
}

bool PatternMemory::recent(std::uint64_t hash, Instant now,
                           std::chrono::seconds window) const noexcept {
  const std::uint64_t entry = entries_[hash % size].load(std::memory_order_relaxed);
  if ((entry & seconds_mask) == 0 || (entry & ~seconds_mask) != (hash & ~seconds_mask))
    return false;
  const std::uint64_t age = (second_of(now) + seconds_mask - (entry & seconds_mask)) % seconds_mask;
  return age <= static_cast<std::uint64_t>(window.count());
}

PatternWatch::~PatternWatch() {
  for (std::atomic<Row*>& row : rows_) delete row.load(std::memory_order_relaxed);
}

/// Null for the endpoint of everything unknown, and once the table is full.
PatternWatch::Row* PatternWatch::row(rules::EndpointId endpoint) noexcept {
  if (endpoint == telemetry::other_endpoint) return nullptr;
  for (std::size_t i = 0; i < rows_max; ++i) {
    std::atomic<Row*>& place = rows_[(endpoint + i) % rows_max];
    Row* found = place.load(std::memory_order_relaxed);
    if (found != nullptr && found->endpoint == endpoint) return found;
    if (found != nullptr) continue;
    found = new (std::nothrow) Row(endpoint);
    place.store(found, std::memory_order_release);
    return found;
  }
  return nullptr;
}

void PatternWatch::note(const WatchedRequest& request, const telemetry::RequestRecord& record,
                        RequestRun& run) {
  Row* found = row(record.endpoint);
  if (found == nullptr) return;
  found->requests.add(1);
  const std::uint64_t target = mixed(hash_of(request.target), hash_of(request.host));
  note_run(*found, target, request.now, run);
  note_failures(*found, mixed(target, request.client), request.now, record);
  if (!record.upstream_latency || record.failed()) return;
  found->fetched.add(1);
  found->fetched_nanoseconds.add(static_cast<std::uint64_t>(record.upstream_latency->count()));
  note_query(*found, request, record);
}

void PatternWatch::note_run(Row& row, std::uint64_t target, Instant now, RequestRun& run) noexcept {
  const bool goes_on =
      run.endpoint == row.endpoint && run.target != target && now - run.last <= run_gap;
  run = {row.endpoint, goes_on ? run.length + 1 : 1, target, now};
  if (run.length == RequestPatterns::run_min) row.in_runs.add(run.length);
  if (run.length > RequestPatterns::run_min) row.in_runs.add(1);
}

void PatternWatch::note_failures(Row& row, std::uint64_t who, Instant now,
                                 const telemetry::RequestRecord& record) noexcept {
  if (memories_.failures.recent(who, now, retry_window)) row.retries.add(1);
  if (record.failed() || record.rejected || record.upstream_error || record.upstream_timeout) {
    memories_.failures.put(who, now);
  }
}

void PatternWatch::note_query(Row& row, const WatchedRequest& request,
                              const telemetry::RequestRecord& record) {
  const PageRequest asked = page_request_of(request.query);
  if (is_deep(asked)) {
    row.deep_pages.add(1);
    row.deep_page_nanoseconds.add(static_cast<std::uint64_t>(record.upstream_latency->count()));
  }
  if (!asked.divided && request.json && record.response_bytes >= large_bytes) {
    row.large_lists.add(1);
    row.large_list_bytes.add(record.response_bytes);
  }
  if (!request.cache_key.empty()) note_tracking(row, request);
}

void PatternWatch::note_tracking(Row& row, const WatchedRequest& request) {
  static const http::QueryNormalizer without(http::tracking_parameters(), {}, false);
  std::string_view tracking;  // the first such parameter
  for_each_parameter(request.query, [&](std::string_view name, std::string_view value) {
    if (name.empty() || !tracking.empty()) return;
    scratch_.clear();
    without.append(scratch_, name);
    if (scratch_.empty()) {
      tracking = {name.data(), static_cast<std::size_t>(value.data() + value.size() - name.data())};
    }
  });
  scratch_.clear();
  without.append(scratch_, request.query);
  const std::uint64_t rest =
      mixed(mixed(hash_of(request.path), hash_of(request.host)), hash_of(scratch_));
  // Where the key leaves them out they split nothing.
  const bool in_key =
      !tracking.empty() && request.cache_key.find(tracking) != std::string_view::npos;
  if (in_key && memories_.fetches.recent(rest, request.now, split_window)) {
    row.tracking_splits.add(1);
  }
  memories_.fetches.put(rest, request.now);
}

void PatternWatch::note_refetch(rules::EndpointId endpoint, bool unchanged,
                                Duration lifetime) noexcept {
  Row* found = row(endpoint);
  if (found == nullptr) return;
  found->refetched.add(1);
  if (!unchanged) return;
  found->unchanged.add(1);
  const auto fresh = std::chrono::floor<std::chrono::milliseconds>(lifetime).count();
  found->unchanged_lifetime_milliseconds.add(
      static_cast<std::uint64_t>(std::max<std::int64_t>(0, fresh)));
}

void PatternWatch::add_to(std::vector<RequestPatterns>& totals) const {
  for (const std::atomic<Row*>& place : rows_) {
    const Row* row = place.load(std::memory_order_acquire);
    if (row == nullptr) continue;
    auto found = std::find_if(totals.begin(), totals.end(), [row](const RequestPatterns& known) {
      return known.endpoint == row->endpoint;
    });
    if (found == totals.end()) {
      totals.emplace_back().endpoint = row->endpoint;
      found = totals.end() - 1;
    }
    const auto seconds = [](const telemetry::WorkerCounter& counter, double unit) {
      return static_cast<double>(counter.get()) * unit;
    };
    found->requests += row->requests.get();
    found->fetched += row->fetched.get();
    found->fetched_seconds += seconds(row->fetched_nanoseconds, 1e-9);
    found->in_runs += row->in_runs.get();
    found->deep_pages += row->deep_pages.get();
    found->deep_page_seconds += seconds(row->deep_page_nanoseconds, 1e-9);
    found->large_lists += row->large_lists.get();
    found->large_list_bytes += seconds(row->large_list_bytes, 1);
    found->tracking_splits += row->tracking_splits.get();
    found->retries += row->retries.get();
    found->refetched += row->refetched.get();
    found->unchanged += row->unchanged.get();
    found->unchanged_lifetime_seconds += seconds(row->unchanged_lifetime_milliseconds, 1e-3);
  }
}

std::optional<bool> same_content(const cache::Object& a, const cache::Object& b) {
  if (a.status() != b.status() || a.body_bytes() != b.body_bytes()) return false;
  const cache::ObjectHead &one = a.head(), &other = b.head();
  if (one.own_etag && other.own_etag) return one.etag() == other.etag();
  const std::string_view tag = one.origin_etag();
  if (!tag.empty() && tag == other.origin_etag()) return true;
  if (a.body_bytes() > compared_bytes_max) {
    const bool both_tagged = !tag.empty() && !other.origin_etag().empty();
    return both_tagged ? std::optional(false) : std::nullopt;
  }
  // Replicas of an application may tag the same content each in its own way.
  std::string left, right;
  for (const auto& [object, text] : {std::pair{&a, &left}, std::pair{&b, &right}}) {
    for (const cache::BodyPart& part : object->body()) text->append(part.view());
  }
  return left == right;
}

}  // namespace homeostat::proxy
