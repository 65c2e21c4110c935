// A Redis Cluster (Redis Cluster specification): every key has a slot, every slot
// a master.
//
// The map of slots is read with CLUSTER SLOTS: from the first server that is up, each
// `look_again`, and soon after something shows that it has changed (MOVED, a
// server down, CLUSTERDOWN). MOVED corrects one slot at once and the call goes on to
// the named server; ASK sends it there once, behind ASKING. A call follows at most
// `redirects_max` of them, within its own time.
//
// Thread safety: none; one event loop. Bounds: nodes_max servers.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "runtime/redis/client.hpp"

namespace homeostat::redis {

class ClusterClient final : public Client {
 public:
  ClusterClient(boost::asio::io_context& context, const Clock& clock, ClientOptions options,
                CallCounters& counters);
  ~ClusterClient() override;

  void start() override;
  void stop() noexcept override;
  bool up() const noexcept override;
  std::string trouble() const override;
  CallError call(std::string_view key, std::string command, Duration timeout,
                 Callback callback) override;
  void call_each(const std::string& command, Duration timeout,
                 std::function<void(std::vector<CallResult>)> done) override;
  std::size_t unsent(std::string_view key) const override;
  std::size_t servers() const override { return masters().size(); }
  CallError call_server(std::size_t index, std::string command, Duration timeout,
                        Callback callback) override;

 private:
  static constexpr unsigned redirects_max = 3;
  static constexpr std::size_t nodes_max = 256;
  static constexpr Duration look_again = std::chrono::seconds(15);
  static constexpr Duration look_soon = std::chrono::milliseconds(100);

  struct Attempt {
    std::string command;
    Instant deadline{};
    Callback callback;
    std::uint16_t slot = 0;
    unsigned redirects = 0;
  };
  using AttemptPtr = std::shared_ptr<Attempt>;
  struct Redirect {
    bool ask = false;
    config::Address address;
  };

  [[nodiscard]] CallError send(Node& node, const AttemptPtr& attempt, Duration timeout);
  void answered(Node& node, const AttemptPtr& attempt, CallResult result);
  void redirect(Node& from, const AttemptPtr& attempt, CallResult result);
  [[nodiscard]] static bool read_redirect(const Node& from, const std::string& error,
                                          Redirect& redirect);
  /// Null beyond nodes_max.
  Node* node_at(const config::Address& address);
  void node_changed();
  void tell();
  void refresh();
  void refresh_soon();
  void arm(Duration wait);
  void take_slots(const Node& from, const Reply& reply);
  void drop_unused();
  [[nodiscard]] std::vector<Node*> masters() const;

  boost::asio::io_context& context_;
  const Clock& clock_;
  const ClientOptions options_;
  CallCounters& counters_;
  Timer timer_;
  std::size_t turn_ = 0;  // whose map is read next
  Instant due_{};         // when the next refresh begins
  std::map<std::string, std::unique_ptr<Node>> nodes_;
  std::map<std::string, Instant> named_;  // when a redirect last named it
  std::vector<Node*> owners_;             // by slot; null: nobody
  bool mapped_ = false;
  bool refreshing_ = false, stopped_ = true;
  bool was_up_ = false;
};

}  // namespace homeostat::redis
