// Looks names up without keeping anybody waiting: each in a thread of its own, so that a name
// whose server is silent holds up neither the others nor the process's end.
//
// A name that is being looked up is not looked up again meanwhile; whoever asks hears what
// the lookup under way finds. Hence there are no more threads than names.
// Results come on the loop's thread. Thread safety: construct, use and destroy on that thread.
// Ownership: outlived by the loop. A lookup that is out when this is destroyed is left alone,
// and heard by nobody.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "runtime/proxy/upstream_target.hpp"

namespace homeostat::proxy {

class NameLookup {
 public:
  /// Without addresses: why.
  using Found = std::function<void(std::vector<SocketAddress> addresses, std::string error)>;
  /// Blocks; called on the lookup's thread.
  using Resolve = std::function<std::vector<SocketAddress>(const config::Address&, std::string&)>;

  explicit NameLookup(boost::asio::io_context& context, Resolve resolve = {});
  ~NameLookup();
  NameLookup(const NameLookup&) = delete;
  NameLookup& operator=(const NameLookup&) = delete;

  void look_up(const config::Address& address, Found found);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace homeostat::proxy
