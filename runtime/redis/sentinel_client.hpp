// The master that sentinels agree on (Redis Sentinel, "Guidelines for clients").
//
// All sentinels are asked, one after the other, each with a connection that is made for the
// question: at the start, whenever the master is not up or says that it is a replica (after waits
// that double from `look_soon` to `look_soon_max`), and each `ClientOptions::look_again` otherwise;
// both with jitter, for a fleet loses its master all at once. The answer with the highest
// configuration epoch counts, so that a sentinel which is cut off from the others, beside an old
// master that is as well, has no say; while there is no master the first answer is tried at once. A
// server is used as master only after ROLE has said that it is one.
//
// Thread safety: none; one event loop.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "runtime/redis/client.hpp"

namespace homeostat::redis {

/// The master as one sentinel has it.
struct SentinelAnswer {
  config::Address master;
  std::uint64_t epoch = 0;  ///< of its configuration; each failover makes a higher one
  std::size_t sentinel = 0;
};

class SentinelClient final : public Client {
 public:
  SentinelClient(boost::asio::io_context& context, const Clock& clock, ClientOptions options,
                 CallCounters& counters);
  ~SentinelClient() override;

  void start() override;
  void stop() noexcept override;
  bool up() const noexcept override;
  std::string trouble() const override;
  CallError call(std::string_view key, std::string command, Duration timeout,
                 Callback callback) override;
  void call_each(const std::string& command, Duration timeout,
                 std::function<void(std::vector<CallResult>)> done) override;
  std::size_t unsent(std::string_view) const override { return master_ ? master_->unsent() : 0; }

 private:
  static constexpr Duration look_soon = std::chrono::milliseconds(250);
  static constexpr Duration look_soon_max = std::chrono::seconds(2);

  void ask();
  void asked(const CallResult& where, const CallResult& state);
  void ask_next();
  void asked_all();
  void arm(Duration wait);
  void follow(const config::Address& master);
  void master_changed(bool up, const std::string& reason);
  void check_role();
  void tell(bool up, const std::string& reason);

  boost::asio::io_context& context_;
  const Clock& clock_;
  const ClientOptions options_;
  CallCounters& counters_;
  Timer timer_;
  Backoff again_;  ///< while there is no master
  std::shared_ptr<Connection> sentinel_;
  std::size_t first_ = 0, asked_ = 0;   ///< the one asked first, and how many were
  std::optional<SentinelAnswer> best_;  ///< of those asked so far
  std::unique_ptr<Node> master_;
  std::string sentinels_trouble_;  ///< why one of those asked this time did not answer
  std::string trouble_ = "no sentinel has named the master yet";
  std::shared_ptr<const int> alive_ = std::make_shared<const int>(0);  ///< for what is posted
  bool is_master_ = false;  ///< ROLE said so, on the present connection
  bool was_up_ = false;
  bool asking_ = false, stopped_ = true;
};

}  // namespace homeostat::redis
