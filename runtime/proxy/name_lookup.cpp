#include "runtime/proxy/name_lookup.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <map>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include "config/settings/address_text.hpp"

namespace homeostat::proxy {

/// What the threads share with the lookup, and may outlive it with.
struct NameLookup::State : std::enable_shared_from_this<State> {
  struct Pending {
    std::vector<Found> waiting;
    /// The loop does not end before somebody has heard of it.
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work;
  };

  State(boost::asio::io_context& loop, Resolve how) : context(&loop), resolve(std::move(how)) {}

  /// On the lookup's thread.
  void answer(const std::string& name, std::vector<SocketAddress> addresses, std::string error) {
    const std::lock_guard lock(mutex);
    if (context == nullptr) return;
    boost::asio::post(*context, [self = shared_from_this(), name, addresses = std::move(addresses),
                                 error = std::move(error)] { self->tell(name, addresses, error); });
  }

  void tell(const std::string& name, const std::vector<SocketAddress>& addresses,
            const std::string& error) {
    const auto ended = pending.find(name);
    if (ended == pending.end()) return;  // nobody listens any more
    const Pending told = std::move(ended->second);
    pending.erase(ended);
    for (const Found& found : told.waiting) found(addresses, error);
  }

  std::mutex mutex;
  boost::asio::io_context* context;        ///< guarded by mutex; null: nobody listens
  std::map<std::string, Pending> pending;  ///< by name; of the loop's thread
  const Resolve resolve;
};

NameLookup::NameLookup(boost::asio::io_context& context, Resolve resolve) {
  if (!resolve) {
    resolve = [](const config::Address& address, std::string& error) {
      return proxy::resolve(address, false, error);
    };
  }
  state_ = std::make_shared<State>(context, std::move(resolve));
}

NameLookup::~NameLookup() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->context = nullptr;
  }
  state_->pending.clear();
}

void NameLookup::look_up(const config::Address& address, Found found) {
  const std::string name = config::to_string(address);
  if (const auto known = state_->pending.find(name); known != state_->pending.end()) {
    known->second.waiting.push_back(std::move(found));
    return;
  }
  State::Pending pending{{}, boost::asio::make_work_guard(*state_->context)};
  pending.waiting.push_back(std::move(found));
  state_->pending.emplace(name, std::move(pending));
  try {
    std::thread([state = state_, address, name] {
      std::string error;
      std::vector<SocketAddress> addresses = state->resolve(address, error);
      state->answer(name, std::move(addresses), std::move(error));
    }).detach();
  } catch (const std::system_error& error) {  // there is no thread to be had
    state_->answer(name, {}, error.what());
  }
}

}  // namespace homeostat::proxy
