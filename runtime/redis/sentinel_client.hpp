// The master that sentinels agree on (Redis Sentinel, "Guidelines for clients").
//
// The sentinels are asked in turn, each with a connection that is made for the
// question: at the start, whenever the master is not up or says that it is a
// replica, and each `look_again` otherwise. The first answer counts; a sentinel
// that gave one is asked first the next time. A server is used as master only
// after ROLE has said that it is one.
//
// Thread safety: none; one event loop.
#pragma once

#include <memory>
#include <string>

#include "runtime/redis/client.hpp"

namespace homeostat::redis {

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

 private:
  static constexpr Duration look_again = std::chrono::seconds(10);
  static constexpr Duration look_soon = std::chrono::milliseconds(250);

  void ask();
  void asked(std::size_t sentinel, const CallResult& result);
  void ask_next();
  void arm(Duration wait);
  void follow(config::Address master);
  void master_changed(bool up, const std::string& reason);
  void check_role();
  void tell(bool up, const std::string& reason);

  boost::asio::io_context& context_;
  const Clock& clock_;
  const ClientOptions options_;
  CallCounters& counters_;
  Timer timer_;
  std::shared_ptr<Connection> sentinel_;
  std::size_t next_ = 0, asked_ = 0;
  std::unique_ptr<Node> master_;
  std::string trouble_ = "no sentinel has named the master yet";
  std::shared_ptr<const int> alive_ = std::make_shared<const int>(0);  ///< for what is posted
  bool is_master_ = false;  ///< ROLE said so, on the present connection
  bool was_up_ = false;
  bool asking_ = false, stopped_ = true;
};

}  // namespace homeostat::redis
