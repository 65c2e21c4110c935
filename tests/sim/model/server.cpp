#include "tests/sim/model/server.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace homeostat::sim {

namespace {

constexpr double quota_cycle = 0.3, quota_run = 0.2;

/// When `work` seconds are done that begin at `start`, with every third tenth
/// of a second lost. Counted in work: a cycle of 0.3 s does 0.2 s of it.
double end_under_quota(double start, double work) {
  const double cycles = std::floor(start / quota_cycle);
  const double inside = std::min(start - cycles * quota_cycle, quota_run);
  const double done = cycles * quota_run + inside + work;
  const double whole = std::floor(done / quota_run);
  return whole * quota_cycle + (done - whole * quota_run);
}

}  // namespace

double Server::slow_down() const {
  const double above = static_cast<double>(inside()) - servers_;
  return 1 + model_.contention * std::max(0.0, above) / servers_;
}

double Server::speed() const {
  const double share = servers_ / std::max<double>(servers_, static_cast<double>(running_.size()));
  return share / slow_down();
}

void Server::advance(double now) {
  const double passed = now - now_;
  const double busy = std::min<double>(static_cast<double>(running_.size()), servers_);
  cpu_ += passed * busy / servers_ * model_.cpu_share;
  if (model_.sharing) work_ += passed * speed();
  now_ = now;
}

void Server::set_servers(double now, unsigned servers) {
  advance(now);
  servers_ = servers;
  serve(now);
}

bool Server::submit(double now, std::uint32_t id, double demand) {
  if (inside() >= servers_ + model_.backlog) return false;
  advance(now);
  if (model_.sharing) {
    running_.push({work_ + demand, order_++, id, now});
  } else {
    waiting_.push_back({id, demand});
    serve(now);
  }
  return true;
}

void Server::serve(double now) {
  while (!model_.sharing && running_.size() < servers_ && !waiting_.empty()) {
    const double work = waiting_.front().demand * slow_down();
    const double end = model_.throttled ? end_under_quota(now, work) : now + work;
    running_.push({end, order_++, waiting_.front().id, now});
    waiting_.pop_front();
  }
}

double Server::next_end() const {
  if (running_.empty()) return std::numeric_limits<double>::infinity();
  const double end = running_.top().end;
  return model_.sharing ? now_ + std::max(0.0, end - work_) / speed() : end;
}

Server::Ended Server::end(double now) {
  advance(now);
  const Job job = running_.top();
  running_.pop();
  serve(now);
  return {job.id, job.started};
}

double Server::cpu_used(double now) {
  advance(now);
  return cpu_;
}

}  // namespace homeostat::sim
