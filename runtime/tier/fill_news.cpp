#include "runtime/tier/fill_news.hpp"

#include <utility>

namespace homeostat::tier {

using redis::CallError;
using redis::CallResult;

FillNews::FillNews(boost::asio::io_context& context, const Clock& clock,
                   const config::CacheSettings& settings, std::shared_ptr<redis::TlsContext> tls,
                   redis::CallCounters& calls, std::uint64_t seed)
    : stream_(fill_news_key(settings.key_prefix, settings.key_namespace)), retry_timer_(context) {
  redis::ClientOptions options;
  options.settings = settings.redis;
  options.tls = std::move(tls);
  options.seed = seed;
  options.blocks_max = wait;
  options.changed = [this](bool up, const std::string&) {
    if (up) {
      look();
    } else {
      lost();
    }
  };
  client_ = redis::make_client(context, clock, std::move(options), calls);
}

FillNews::~FillNews() { stop(); }

void FillNews::start() {
  stopped_ = false;
  client_->start();
}

void FillNews::stop() noexcept {
  stopped_ = true;
  following_.store(false, std::memory_order_release);
  client_->stop();
  retry_timer_.cancel();
}

/// What was told before is nobody's concern: whoever waits began to afterwards.
void FillNews::look() {
  if (asking_ || stopped_) return;
  asking_ = client_->call(
                stream_, last_news_command(stream_), answer_max, [this](const CallResult& result) {
                  asking_ = false;
                  if (stopped_) return;
                  const auto page = result.ok() ? read_last_news(result.reply) : std::nullopt;
                  if (!page) return lost();
                  last_ = page->last.empty() ? "0-0" : page->last;
                  following_.store(true, std::memory_order_release);
                  read();
                }) == CallError::none;
  if (!asking_) lost();
}

void FillNews::read() {
  if (asking_ || stopped_) return;
  asking_ = client_->call(stream_, read_news_command(stream_, last_, read_max, wait),
                          wait + answer_max, [this](const CallResult& result) {
                            asking_ = false;
                            if (!stopped_) take(result);
                          }) == CallError::none;
  if (!asking_) lost();
}

void FillNews::take(const CallResult& result) {
  auto page = result.ok() ? read_news(result.reply) : std::nullopt;
  if (!page) return lost();
  for (const FillNewsEntry& entry : page->entries) tell(entry);
  if (!page->last.empty()) last_ = std::move(page->last);
  read();
}

/// Nobody waits for news that may never come.
void FillNews::lost() {
  following_.store(false, std::memory_order_release);
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [key, all] : waiters_) {
      for (const auto& [number, tell] : all) tell(FillNewsKind::gone);
    }
  }
  retry_timer_.expires_after(retry);
  retry_timer_.async_wait([this](boost::system::error_code error) {
    if (!error && !stopped_ && client_->up()) look();
  });
}

std::unique_ptr<FillNews::Waiter> FillNews::wait_for(std::uint64_t key, Tell tell) {
  const std::lock_guard lock(mutex_);
  if (waiting_ >= waiters_max) return nullptr;
  ++waiting_;
  const std::uint64_t number = next_number_++;
  waiters_[key].emplace(number, std::move(tell));
  return std::make_unique<Waiter>(*this, key, number);
}

void FillNews::forget(std::uint64_t key, std::uint64_t number) noexcept {
  const std::lock_guard lock(mutex_);
  const auto found = waiters_.find(key);
  if (found == waiters_.end() || found->second.erase(number) == 0) return;
  --waiting_;
  if (found->second.empty()) waiters_.erase(found);
}

void FillNews::tell(const FillNewsEntry& entry) {
  const std::lock_guard lock(mutex_);
  const auto found = waiters_.find(entry.key);
  if (found == waiters_.end()) return;
  for (const auto& [number, tell] : found->second) tell(entry.kind);
}

}  // namespace homeostat::tier
