#include "runtime/app/warm_up.hpp"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <unordered_set>
#include <utility>

#include "runtime/redis/command.hpp"

namespace homeostat::app {
namespace {

using std::chrono::seconds;

constexpr std::string_view scheme = "http://", secure_scheme = "https://";
constexpr const char* popular_lifetime = "604800";  // a week

/// Nothing: no absolute URL of HTTP, or with what no request can hold.
std::optional<proxy::WarmUrl> parse_url(std::string_view url) {
  if (url.starts_with(scheme)) {
    url.remove_prefix(scheme.size());
  } else if (url.starts_with(secure_scheme)) {
    url.remove_prefix(secure_scheme.size());
  } else {
    return std::nullopt;
  }
  const bool plain = std::all_of(url.begin(), url.end(), [](char c) {
    return static_cast<unsigned char>(c) > 0x20 && c != 0x7F && c != '#';
  });
  const std::size_t end = std::min(url.find_first_of("/?"), url.size());
  if (!plain || end == 0) return std::nullopt;
  proxy::WarmUrl result{std::string(url.substr(0, end)), std::string(url.substr(end))};
  if (!result.target.starts_with('/')) result.target.insert(0, "/");
  return result;
}

}  // namespace

struct WarmUp::Shared {
  WarmUp* owner = nullptr;  // null: gone
  std::size_t running = 0;
  std::uint64_t round = 0;
};

WarmUp::WarmUp(Parts parts)
    : parts_(std::move(parts)),
      settings_(parts_.settings.warm),
      popular_key_("{" + parts_.settings.key_prefix + ":" + parts_.settings.key_namespace +
                   "}:popular"),
      step_timer_(parts_.context),
      schedule_timer_(parts_.context),
      save_timer_(parts_.context),
      wait_timer_(parts_.context),
      shared_(std::make_shared<Shared>()) {
  shared_->owner = this;
  if (settings_.schedule.empty()) return;
  auto parsed = config::Cron::parse(settings_.schedule);
  if (auto* cron = std::get_if<config::Cron>(&parsed)) schedule_ = std::move(*cron);
}

WarmUp::~WarmUp() {
  shared_->owner = nullptr;
  stopped_ = true;
}

void WarmUp::start() {
  const bool popular = settings_.popular_max > 0 && (!settings_.file.empty() || parts_.tier);
  if (settings_.at_start && (popular || !settings_.urls.empty())) {
    first_ = true;
    {
      const std::lock_guard lock(mutex_);
      ready_ = settings_.ready_max == seconds(0);
      ready_at_latest_ = parts_.clock.now() + settings_.ready_max;
    }
    begin_job("start", settings_.urls, popular, 0);
  }
  arm_schedule();
  arm_save();
}

void WarmUp::stop() {
  if (std::exchange(stopped_, true)) return;
  step_timer_.cancel();
  schedule_timer_.cancel();
  save_timer_.cancel();
  wait_timer_.cancel();
  save();
  if (active_) end_job("stopped");
}

std::string WarmUp::begin(const admin::WarmRequest& request) {
  if (active_) return "a warm-up is under way";
  if (request.source == "urls") {
    if (request.urls.size() > urls_max) return "too many URLs";
    begin_job(request.source, request.urls, false, request.limit);
  } else if (request.source == "list") {
    begin_job(request.source, settings_.urls, false, request.limit);
  } else {
    begin_job(request.source, {}, true, request.limit);
  }
  return {};
}

admin::WarmReport WarmUp::report() const {
  const std::lock_guard lock(mutex_);
  return report_;
}

bool WarmUp::ready() const {
  const std::lock_guard lock(mutex_);
  return ready_ || parts_.clock.now() >= ready_at_latest_;
}

void WarmUp::set_state(const char* state) {
  const std::lock_guard lock(mutex_);
  report_.state = state;
}

// -- one warm-up ----------------------------------------------------------------------

void WarmUp::begin_job(std::string source, std::vector<std::string> urls, bool with_popular,
                       std::size_t limit) {
  active_ = true;
  with_popular_ = with_popular;
  limit_ = limit;
  urls_.assign(urls.begin(), urls.end());
  ++shared_->round;
  shared_->running = 0;
  {
    const std::lock_guard lock(mutex_);
    admin::WarmReport next;
    next.id = report_.id + 1;
    next.next = report_.next;
    next.source = std::move(source);
    next.state = "waiting";
    next.total = urls_.size();
    next.started = parts_.clock.wall_now();
    report_ = std::move(next);
  }
  waits_until_ = parts_.clock.now() + tier_wait;
  gather_popular();
}

/// From the tier, once it is there; else from the file, and what is popular now.
void WarmUp::gather_popular() {
  const bool tier_up =
      parts_.tier != nullptr && parts_.tier->in_step() && parts_.tier->client().up();
  if (parts_.tier != nullptr && !tier_up && parts_.clock.now() < waits_until_) {
    wait_timer_.expires_after(std::chrono::milliseconds(50));
    wait_timer_.async_wait([this](boost::system::error_code error) {
      if (!error && !stopped_) gather_popular();
    });
    return;
  }
  if (!with_popular_) return run_job();
  std::string here = read_file();
  for (const std::string& url : parts_.popular(settings_.popular_max)) here += url + "\n";
  add_popular(here);
  if (!tier_up) return run_job();
  const auto refused = parts_.tier->client().call(
      popular_key_, redis::make_command({"GET", popular_key_}), seconds(1),
      [shared = shared_, round = shared_->round](const redis::CallResult& result) {
        if (shared->owner == nullptr || shared->round != round || shared->owner->stopped_) return;
        if (result.ok()) shared->owner->add_popular(result.reply.text);
        shared->owner->run_job();
      });
  if (refused != redis::CallError::none) run_job();
}

void WarmUp::add_popular(std::string_view text) {
  while (!text.empty() && urls_.size() < urls_max) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!line.empty() && line.front() != '#') urls_.emplace_back(line);
  }
}

void WarmUp::run_job() {
  std::unordered_set<std::string> seen;
  std::deque<std::string> once;
  for (std::string& url : urls_) {
    if (limit_ != 0 && once.size() >= limit_) break;
    if (seen.insert(url).second) once.push_back(std::move(url));
  }
  urls_ = std::move(once);
  {
    const std::lock_guard lock(mutex_);
    report_.total = urls_.size();
    report_.state = "running";
  }
  if (urls_.empty()) return end_job("done");
  free_at_ = parts_.clock.now();
  step();
}

void WarmUp::arm_step() {
  const auto pause =
      std::chrono::duration_cast<Duration>(std::chrono::duration<double>(1.0 / settings_.rate));
  step_timer_.expires_after(pause);
  step_timer_.async_wait([this](boost::system::error_code error) {
    if (!error && !stopped_ && active_) step();
  });
}

void WarmUp::step() {
  if (urls_.empty()) {
    if (shared_->running == 0) return end_job("done");
    return;  // the last answers end it
  }
  if (parts_.busy()) {
    // Others, and the schedule, are not to wait for it for ever.
    if (parts_.clock.now() - free_at_ >= held_max) return end_job("stopped");
    set_state("held");
    return arm_step();
  }
  free_at_ = parts_.clock.now();
  if (shared_->running < running_max) {
    set_state("running");
    fetch_next();
  }
  arm_step();
}

void WarmUp::fetch_next() {
  const std::string text = std::move(urls_.front());
  urls_.pop_front();
  auto url = parse_url(text);
  if (!url) return count(proxy::WarmResult::failed);
  // Each worker has its own way to the tier, and some may not be there yet.
  url->tier_first = parts_.tier != nullptr && parts_.clock.now() < waits_until_;
  ++shared_->running;
  // Whichever comes first: the answer, or the end of our patience.
  auto told = std::make_shared<bool>(false);
  const auto answer = [shared = shared_, round = shared_->round, told,
                       text](proxy::WarmResult result) {
    if (std::exchange(*told, true)) return;
    WarmUp* owner = shared->owner;
    if (owner == nullptr || shared->round != round || owner->stopped_) return;
    --shared->running;
    if (result == proxy::WarmResult::deferred) {
      owner->urls_.push_back(text);
      return owner->arm_step();
    }
    owner->count(result);
    if (owner->urls_.empty() && shared->running == 0) owner->end_job("done");
  };
  auto patience = std::make_shared<Timer>(parts_.context);
  patience->expires_after(fetch_max);
  patience->async_wait([answer, patience](boost::system::error_code error) {
    if (!error) answer(proxy::WarmResult::failed);
  });
  parts_.fetch(std::move(*url), [&context = parts_.context, answer,
                                 weak = std::weak_ptr<Timer>(patience)](proxy::WarmResult result) {
    boost::asio::post(context, [answer, weak, result] {
      if (const auto timer = weak.lock()) timer->cancel();
      answer(result);
    });
  });
}

void WarmUp::count(proxy::WarmResult result) {
  const std::lock_guard lock(mutex_);
  switch (result) {
    case proxy::WarmResult::fetched: ++report_.fetched; break;
    case proxy::WarmResult::fresh: ++report_.fresh; break;
    case proxy::WarmResult::uncacheable: ++report_.uncacheable; break;
    case proxy::WarmResult::failed: ++report_.failed; break;
    case proxy::WarmResult::deferred: break;
  }
}

void WarmUp::end_job(const char* state) {
  if (!std::exchange(active_, false)) return;
  ++shared_->round;
  urls_.clear();
  step_timer_.cancel();
  const std::lock_guard lock(mutex_);
  report_.state = state;
  report_.ended = parts_.clock.wall_now();
  if (std::exchange(first_, false)) ready_ = true;
  spdlog::info("warm-up {} ({}): {} of {} fetched, {} fresh already, {} not cacheable, {} failed",
               state, report_.source, report_.fetched, report_.total, report_.fresh,
               report_.uncacheable, report_.failed);
}

// -- schedule -------------------------------------------------------------------------

std::optional<Duration> WarmUp::run_schedule() {
  if (!schedule_ || stopped_) return std::nullopt;
  const WallTime now = parts_.clock.wall_now();
  if (due_ && now >= *due_) {
    if (active_) {
      spdlog::info("warm-up (schedule): left out, one is under way");
    } else {
      begin_job("schedule", settings_.urls, settings_.popular_max > 0, 0);
    }
  }
  due_ = schedule_->next(std::chrono::time_point_cast<config::Cron::Time::duration>(now));
  {
    const std::lock_guard lock(mutex_);
    report_.next.reset();
    if (due_) report_.next = std::chrono::time_point_cast<WallTime::duration>(*due_);
  }
  if (!due_) return std::nullopt;
  return std::min<Duration>(*due_ - now, seconds(60));
}

void WarmUp::arm_schedule() {
  const auto left = run_schedule();
  if (!left) return;
  schedule_timer_.expires_after(*left);
  schedule_timer_.async_wait([this](boost::system::error_code error) {
    if (!error && !stopped_) arm_schedule();
  });
}

// -- what is popular --------------------------------------------------------------------

void WarmUp::arm_save() {
  if (settings_.popular_max == 0) return;
  save_timer_.expires_after(settings_.save_interval);
  save_timer_.async_wait([this](boost::system::error_code error) {
    if (error || stopped_) return;
    save();
    arm_save();
  });
}

/// An empty cache says nothing of what was popular before.
void WarmUp::save() {
  if (settings_.popular_max == 0) return;
  std::string text;
  for (const std::string& url : parts_.popular(settings_.popular_max)) text += url + "\n";
  if (text.empty()) return;
  if (!settings_.file.empty() && text != saved_in_file_ && write_file(text)) saved_in_file_ = text;
  if (parts_.tier != nullptr) save_shared(std::move(text));
}

/// Again each day, so that it does not expire while the same is popular.
void WarmUp::save_shared(std::string text) {
  const Instant now = parts_.clock.now();
  if (text == saved_in_tier_ && now - saved_in_tier_at_ < save_again) return;
  const std::string command =
      redis::make_command({"SET", popular_key_, text, "EX", popular_lifetime});
  const auto saved = [shared = shared_, text = std::move(text),
                      now](const redis::CallResult& result) {
    if (!result.ok() || shared->owner == nullptr) return;
    shared->owner->saved_in_tier_ = text;
    shared->owner->saved_in_tier_at_ = now;
  };
  static_cast<void>(parts_.tier->client().call(popular_key_, command, seconds(1), saved));
}

/// Beside it first, so that a crash leaves the old one.
bool WarmUp::write_file(const std::string& text) const {
  const std::string beside = settings_.file + "." + std::to_string(::getpid()) + ".new";
  {
    std::ofstream out(beside, std::ios::binary | std::ios::trunc);
    out << text;
    out.close();
    if (!out) {
      spdlog::warn("cache.warm.file: {} cannot be written", beside);
      return false;
    }
  }
  std::error_code error;
  std::filesystem::rename(beside, settings_.file, error);
  if (error) spdlog::warn("cache.warm.file: {}: {}", settings_.file, error.message());
  return !error;
}

std::string WarmUp::read_file() const {
  if (settings_.file.empty()) return {};
  std::error_code error;
  const auto size = std::filesystem::file_size(settings_.file, error);
  if (error) return {};  // there was none yet
  if (size > file_bytes_max) {
    spdlog::warn("cache.warm.file: {} is larger than 16 MiB: not read", settings_.file);
    return {};
  }
  std::ifstream in(settings_.file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace homeostat::app
