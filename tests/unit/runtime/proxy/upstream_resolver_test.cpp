// Names of upstream targets are looked up again.
#include "runtime/proxy/upstream_resolver.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <string>

#include "runtime/ports/clock.hpp"

namespace homeostat::proxy {
namespace {

SocketAddress loopback(const char* text) {
  SocketAddress address;
  auto* in = reinterpret_cast<sockaddr_in*>(&address.storage);
  in->sin_family = AF_INET;
  in->sin_port = htons(9);
  ::inet_pton(AF_INET, text, &in->sin_addr);
  address.length = sizeof(sockaddr_in);
  return address;
}

std::shared_ptr<UpstreamSet> set_of(const std::string& host) {
  config::UpstreamSettings settings;
  config::UpstreamTarget target;
  target.address.host = host;
  target.address.port = 9;
  settings.targets = {target};
  return std::make_shared<UpstreamSet>(settings, 1, Instant{});
}

TEST(UpstreamResolver, FindsWhereTheNameHasMovedTo) {
  boost::asio::io_context context;
  const auto set = set_of("localhost");
  UpstreamTarget& target = *set->targets().front();
  ASSERT_TRUE(target.set_addresses({loopback("127.0.0.9")}));
  std::vector<std::string> changed;
  NameLookup names(context);
  UpstreamResolver resolver(context, names, set,
                            [&](const std::string& name) { changed.push_back(name); });
  resolver.look_up();
  context.run();
  EXPECT_EQ(changed, std::vector<std::string>{target.name()});
  EXPECT_EQ(set->counters().address_changes.load(), 1U);
  const SocketAddress now = target.next_address(), before = loopback("127.0.0.9");
  EXPECT_FALSE(now == before);
}

TEST(UpstreamResolver, SaysNothingWhereNothingHasChanged) {
  boost::asio::io_context context;
  const auto set = set_of("localhost");
  bool told = false;
  NameLookup names(context);
  UpstreamResolver resolver(context, names, set, [&](const std::string&) { told = true; });
  resolver.look_up();
  context.run();
  EXPECT_FALSE(told);
  EXPECT_EQ(set->counters().address_changes.load(), 0U);
}

TEST(UpstreamResolver, KeepsWhatWorkedWhenALookupFails) {
  boost::asio::io_context context;
  const auto set = set_of("localhost");
  UpstreamTarget& target = *set->targets().front();
  const SocketAddress before = target.next_address();
  EXPECT_FALSE(target.set_addresses({}));
  EXPECT_TRUE(target.next_address() == before);
}

TEST(UpstreamResolver, LooksUpNoAddress) {
  boost::asio::io_context context;
  const auto set = set_of("127.0.0.1");
  UpstreamTarget& target = *set->targets().front();
  ASSERT_TRUE(target.set_addresses({loopback("127.0.0.9")}));
  NameLookup names(context);
  UpstreamResolver resolver(context, names, set, {});
  resolver.look_up();
  context.run();
  EXPECT_TRUE(target.next_address() == loopback("127.0.0.9"));
}

}  // namespace
}  // namespace homeostat::proxy
