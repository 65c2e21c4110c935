#include "runtime/cache/fill.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <cstring>
#include <utility>

#include "runtime/cache/stale.hpp"

namespace homeostat::cache {
namespace {

constexpr std::size_t contiguous_max = 1024 * 1024;
constexpr std::size_t first_block = 8 * 1024;
constexpr std::size_t next_block = 64 * 1024;
// A tail with more unused bytes than this is copied into a block that fits.
constexpr std::size_t slack_max = 256;

bool terminal(FillState state) noexcept {
  return state != FillState::waiting && state != FillState::streaming;
}

}  // namespace

// -- FillWaiter -----------------------------------------------------------------

FillWaiter& FillWaiter::operator=(FillWaiter&& other) noexcept {
  if (this != &other) {
    cancel();
    shared_ = std::move(other.shared_);
  }
  return *this;
}

FillWaiter::Ticket FillWaiter::arm(boost::asio::any_io_executor executor, Callback callback) {
  shared_->callback = std::move(callback);
  const std::uint64_t generation = ++shared_->generation;
  return {std::move(executor), [shared = shared_, generation] {
            if (shared->generation != generation || !shared->callback) return;
            const Callback run = std::exchange(shared->callback, nullptr);
            run();
          }};
}

void FillWaiter::cancel() noexcept {
  if (!shared_) return;
  ++shared_->generation;
  shared_->callback = nullptr;
}

// -- Fill -----------------------------------------------------------------------

Fill::Fill(Identity identity, MemoryBudget& budget, const TagIndex& tags,
           std::uint64_t object_bytes_max)
    : identity_(std::move(identity)),
      budget_(budget),
      tags_(tags),
      object_bytes_max_(object_bytes_max) {}

Fill::~Fill() { budget_.release(reserved_); }

VarySpecPtr Fill::published_spec() const {
  const std::lock_guard lock(mutex_);
  return published_ ? spec_ : VarySpecPtr();
}

bool Fill::news(const ReaderEntry& reader) const {
  if (reader.only_cut_off) return reader.cut_off;
  return state_ != reader.seen || size_ > reader.cursor || terminal(state_);
}

void Fill::collect_waiters(Tickets& out) {
  for (ReaderEntry* reader : readers_) {
    if (!reader->waiting || !news(*reader)) continue;
    out.push_back(std::move(*reader->waiting));
    reader->waiting.reset();
  }
}

void Fill::collect_drained(Tickets& out) {
  if (!drain_waiting_) return;
  if (!storing_ && !readers_.empty() && size_ - slowest() > drain_below_) return;
  out.push_back(std::move(*drain_waiting_));
  drain_waiting_.reset();
}

void Fill::post(Tickets& tickets) {
  for (FillWaiter::Ticket& ticket : tickets) {
    boost::asio::post(ticket.executor, std::move(ticket.run));
  }
  tickets.clear();
}

void Fill::stop_storing(Reason reason) {
  if (!storing_) return;
  storing_ = false;  // what is held stays accounted for until it is dropped
  reason_ = reason;
}

std::uint64_t Fill::slowest() const {
  std::uint64_t lowest = size_;
  for (const ReaderEntry* reader : readers_) lowest = std::min(lowest, reader->cursor);
  return lowest;
}

void Fill::drop_consumed() {
  if (storing_) return;
  const std::uint64_t needed = slowest();
  while (!parts_.empty()) {
    const BodyPart& part = parts_.front();
    // A tail that still takes bytes stays, whoever has read it.
    if (part.size < part.block->capacity() || base_ + part.size > needed) return;
    base_ += part.size;
    reserved_ -= part.block->capacity();
    budget_.release(part.block->capacity());
    parts_.pop_front();
  }
}

void Fill::grow() {
  if (!parts_.empty() && parts_.back().size < parts_.back().block->capacity()) return;
  std::size_t capacity = size_ == 0 ? first_block : next_block;
  if (content_length_) {
    const std::uint64_t left = *content_length_ - std::min(*content_length_, size_);
    const bool whole = size_ == 0 && left <= contiguous_max && storing_;
    capacity = static_cast<std::size_t>(whole ? left : std::min<std::uint64_t>(left, next_block));
    if (capacity == 0) return;
  }
  if (storing_ && !budget_.reserve(capacity)) {
    stop_storing(Reason::fill_memory);
    capacity = std::min(capacity, next_block);
  }
  if (!storing_) budget_.charge(capacity);  // the leader pauses before it is much
  reserved_ += capacity;
  parts_.push_back({Block::allocate(capacity), 0});
}

Body Fill::take_body() const {
  Body body(parts_.begin(), parts_.end());
  if (!body.empty() && body.back().size == 0) body.pop_back();
  if (body.empty()) return body;
  BodyPart& tail = body.back();
  if (tail.block->capacity() - tail.size > slack_max) {
    BlockPtr exact = Block::allocate(tail.size);
    std::memcpy(exact->data(), tail.block->data(), tail.size);
    tail.block = std::move(exact);
  }
  return body;
}

void Fill::finish(FillState state, Reason reason, Tickets& out) {
  state_ = state;
  if (reason != Reason::none) reason_ = reason;
  collect_waiters(out);
  collect_drained(out);
}

// -- FillReader -----------------------------------------------------------------

FillReader::FillReader(FillPtr fill, bool same_query)
    : fill_(std::move(fill)),
      joined_(fill_->tags_.current()),
      entry_(std::make_unique<Fill::ReaderEntry>()) {
  entry_->same_query = same_query;
  const std::lock_guard lock(fill_->mutex_);
  entry_->cursor = fill_->base_;
  fill_->readers_.push_back(entry_.get());
}

FillReader::~FillReader() { leave(); }

FillReader& FillReader::operator=(FillReader&& other) noexcept {
  if (this != &other) {
    leave();
    fill_ = std::move(other.fill_);
    joined_ = other.joined_;
    entry_ = std::move(other.entry_);
    waiter_ = std::move(other.waiter_);
  }
  return *this;
}

void FillReader::leave() noexcept {
  if (!fill_) return;
  Fill::Tickets tickets;
  {
    const std::lock_guard lock(fill_->mutex_);
    std::erase(fill_->readers_, entry_.get());
    fill_->drop_consumed();
    fill_->collect_drained(tickets);
  }
  Fill::post(tickets);
  fill_.reset();
}

FillState FillReader::state() {
  const std::lock_guard lock(fill_->mutex_);
  entry_->seen = fill_->state_;
  return fill_->state_;
}

Reason FillReader::reason() const {
  const std::lock_guard lock(fill_->mutex_);
  return fill_->reason_;
}

const ObjectHead* FillReader::head() const {
  const std::lock_guard lock(fill_->mutex_);
  return fill_->published_ ? &fill_->head_ : nullptr;
}

bool FillReader::accepts(const Fields& request) const {
  VarySpecPtr spec;
  {
    const std::lock_guard lock(fill_->mutex_);
    if (!fill_->published_) return false;
    if (fill_->exact_only_ && !entry_->same_query) return false;
    spec = fill_->spec_;
  }
  if (overtaken()) return false;
  if (!spec) return true;
  std::string variant;
  spec->write_variant(request, variant);
  return variant == fill_->variant_;  // constant once published
}

Reason FillReader::refusal(const RequestDecision& request, Instant now) const {
  const ObjectHead* published = head();
  return published != nullptr ? sharing_refusal(published->freshness, request, now) : Reason::none;
}

bool FillReader::overtaken() const {
  const PurgeNumber since = fill_->identity().since;
  if (joined_ == since) return false;
  {
    const std::lock_guard lock(fill_->mutex_);
    if (!fill_->published_) return false;
  }
  return fill_->tags_.purged(fill_->head_.tags, since);  // constant once published
}

std::optional<std::uint64_t> FillReader::content_length() const {
  const std::lock_guard lock(fill_->mutex_);
  return fill_->content_length_;
}

std::size_t FillReader::gather(std::span<std::string_view> views) const {
  const std::lock_guard lock(fill_->mutex_);
  std::uint64_t offset = fill_->base_;
  std::size_t count = 0;
  for (const BodyPart& part : fill_->parts_) {
    if (count == views.size()) break;
    const std::uint64_t end = offset + part.size;
    if (end > entry_->cursor) {
      const auto skip =
          static_cast<std::size_t>(entry_->cursor > offset ? entry_->cursor - offset : 0);
      views[count++] = part.view().substr(skip);
    }
    offset = end;
  }
  return count;
}

void FillReader::consume(std::size_t bytes) {
  Fill::Tickets tickets;
  {
    const std::lock_guard lock(fill_->mutex_);
    entry_->cursor = std::min(fill_->size_, entry_->cursor + bytes);
    if (fill_->size_ - entry_->cursor <= fill_->drain_below_)
      entry_->cut_off = false;  // it is back
    fill_->drop_consumed();
    fill_->collect_drained(tickets);
  }
  Fill::post(tickets);
}

std::uint64_t FillReader::consumed() const {
  const std::lock_guard lock(fill_->mutex_);
  return entry_->cursor;
}

bool FillReader::finished() const {
  const std::lock_guard lock(fill_->mutex_);
  return fill_->state_ == FillState::complete && entry_->cursor == fill_->size_;
}

ObjectPtr FillReader::object() const {
  const std::lock_guard lock(fill_->mutex_);
  return fill_->object_;
}

void FillReader::wait(boost::asio::any_io_executor executor, FillWaiter::Callback callback) {
  arm(false, std::move(executor), std::move(callback));
}

void FillReader::wait_cut_off(boost::asio::any_io_executor executor,
                              FillWaiter::Callback callback) {
  arm(true, std::move(executor), std::move(callback));
}

bool FillReader::cut_off() const {
  const std::lock_guard lock(fill_->mutex_);
  return entry_->cut_off;
}

void FillReader::arm(bool only_cut_off, boost::asio::any_io_executor executor,
                     FillWaiter::Callback callback) {
  Fill::Tickets tickets;
  {
    const std::lock_guard lock(fill_->mutex_);
    entry_->only_cut_off = only_cut_off;
    entry_->waiting = waiter_.arm(std::move(executor), std::move(callback));
    if (fill_->news(*entry_)) {
      tickets.push_back(std::move(*entry_->waiting));
      entry_->waiting.reset();
    }
  }
  Fill::post(tickets);
}

void FillReader::cancel() noexcept {
  if (!fill_) return;
  waiter_.cancel();
  const std::lock_guard lock(fill_->mutex_);
  entry_->waiting.reset();
}

}  // namespace homeostat::cache
