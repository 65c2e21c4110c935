#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "runtime/http/forwarded.hpp"
#include "runtime/http/hop_by_hop.hpp"

namespace homeostat::http {
namespace {

TEST(HopByHopFilter, RemovesTheFixedSetAndNamedFields) {
  HeaderTable table;
  table.add("Connection", "close, X-Private, Accept-Language");
  table.add("Connection", "x-second");
  for (const char* name : {"Keep-Alive", "Proxy-Connection", "TE", "Transfer-Encoding", "Upgrade",
                           "Proxy-Authorization", "Proxy-Authenticate", "HTTP2-Settings",
                           "x-PRIVATE", "X-Second", "accept-language"}) {
    table.add(name, "v");
  }
  const HopByHopFilter filter(table);
  for (const Field& field : table) EXPECT_FALSE(filter.forwarded(field)) << field.name;
}

TEST(HopByHopFilter, PassesEverythingElse) {
  HeaderTable table;
  table.add("Connection", "close");
  table.add("Trailer", "X-Sum");
  table.add("X-Custom", "v");
  table.add("Accept", "v");
  const HopByHopFilter filter(table);
  EXPECT_FALSE(filter.forwarded(table[0]));
  for (std::size_t i = 1; i < table.size(); ++i) EXPECT_TRUE(filter.forwarded(table[i]));
}

TEST(HopByHopFilter, DoesNotLetConnectionRemoveFieldsThatMatter) {
  HeaderTable table;
  table.add("Connection",
            "Host, Content-Length, Authorization, Cache-Control, Set-Cookie, X-Forwarded-For");
  for (const char* name : {"Host", "Content-Length", "Authorization", "Cache-Control", "Set-Cookie",
                           "X-Forwarded-For"}) {
    table.add(name, "v");
  }
  const HopByHopFilter filter(table);
  for (std::size_t i = 1; i < table.size(); ++i)
    EXPECT_TRUE(filter.forwarded(table[i])) << table[i].name;
}

TEST(HopByHopFilter, DoesNotLetConnectionRemoveWhatATrustedProxyStates) {
  HeaderTable table;
  std::string named = "close";
  const std::string names[] = {"X-Forwarded-Ssl",
                               "X-Forwarded-Port",
                               "X-Forwarded-Prefix",
                               "X-Forwarded-Scheme",
                               "Front-End-Https",
                               "X-Original-Host",
                               "X-Host",
                               "X-HTTP-Host-Override"};
  for (const std::string& name : names) named += ", " + name;
  table.add("Connection", named);
  for (const std::string& name : names) table.add(name, "on");
  std::string resource;
  append_forwarded_resource(resource, table, "a");
  const HopByHopFilter filter(table);
  for (std::size_t i = 1; i < table.size(); ++i) {
    EXPECT_NE(resource.find(table[i].name), std::string::npos) << table[i].name;
    EXPECT_TRUE(filter.forwarded(table[i])) << table[i].name << " is in the key";
  }
}

std::string forwarding(const HeaderTable& request, const ForwardingFacts& facts) {
  std::string out;
  HeadWriter writer(out);
  append_forwarding_fields(writer, request, facts);
  return out;
}

HeaderTable forged() {
  HeaderTable table;
  table.add("X-Forwarded-For", "1.1.1.1");
  table.add("X-Forwarded-For", "2.2.2.2");
  table.add("X-Forwarded-Proto", "https");
  table.add("X-Forwarded-Host", "public.example");
  table.add("Forwarded", "for=1.1.1.1");
  return table;
}

TEST(ForwardingFields, ReplaceWhatAnUntrustedClientSent) {
  EXPECT_EQ(forwarding(forged(), {"10.0.0.9", "http", "a:80", false}),
            "X-Forwarded-For: 10.0.0.9\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: a:80\r\n"
            "Forwarded: for=10.0.0.9;host=\"a:80\";proto=http\r\n");
}

TEST(ForwardingFields, ExtendWhatATrustedPeerSent) {
  EXPECT_EQ(forwarding(forged(), {"10.0.0.9", "http", "a", true}),
            "X-Forwarded-For: 1.1.1.1, 2.2.2.2, 10.0.0.9\r\nX-Forwarded-Proto: https\r\n"
            "X-Forwarded-Host: public.example\r\n"
            "Forwarded: for=1.1.1.1, for=10.0.0.9;host=a;proto=http\r\n");
}

TEST(ForwardingFields, QuoteIpv6AndNameUnixClientsUnknown) {
  EXPECT_EQ(forwarding({}, {"2001:db8::1", "https", "", false}),
            "X-Forwarded-For: 2001:db8::1\r\nX-Forwarded-Proto: https\r\n"
            "Forwarded: for=\"[2001:db8::1]\";proto=https\r\n");
  EXPECT_EQ(forwarding({}, {"", "http", "a", true}),
            "X-Forwarded-Proto: http\r\nX-Forwarded-Host: a\r\n"
            "Forwarded: for=unknown;host=a;proto=http\r\n");
}

TEST(ForwardingFields, AreTheOnesTheCallerDrops) {
  EXPECT_TRUE(is_forwarding_field(HeaderId::x_forwarded_for));
  EXPECT_TRUE(is_forwarding_field(HeaderId::forwarded));
  EXPECT_FALSE(is_forwarding_field(HeaderId::via));
}

TEST(Via, IsExtendedInOrder) {
  HeaderTable table;
  std::string out;
  HeadWriter writer(out);
  append_via(writer, table, 1, "homeostat");
  EXPECT_EQ(out, "Via: 1.1 homeostat\r\n");
  table.add("Via", "1.0 a");
  table.add("Via", "1.1 b:80 (comment)");
  out.clear();
  append_via(writer, table, 0, "homeostat");
  EXPECT_EQ(out, "Via: 1.0 a, 1.1 b:80 (comment), 1.0 homeostat\r\n");
}

TEST(Via, ShowsLoops) {
  HeaderTable table;
  table.add("Via", "1.0 a, 1.1  Homeostat (x)");
  EXPECT_TRUE(via_contains(table, "homeostat"));
  EXPECT_FALSE(via_contains(table, "b"));
  EXPECT_FALSE(via_contains({}, "a"));
}

TEST(ForwardingMemo, WritesWhatIsWrittenWithoutIt) {
  const auto memo = std::make_unique<ForwardingMemo>();
  // More clients and hosts than it has room for, each twice.
  for (std::size_t i = 0; i < 2 * ForwardingMemo::size; ++i) {
    const std::string host = "host-" + std::to_string(i % 37) + ".example:8080";
    const std::string address = i % 5 == 0 ? "" : "10.0.0." + std::to_string(i / 37);
    const ForwardingFacts facts{.client_address = address,
                                .host = i % 7 == 0 ? std::string_view() : host};
    for (const char* time : {"first", "again"}) {
      std::string out;
      HeadWriter writer(out);
      memo->append(writer, forged(), facts);
      EXPECT_EQ(out, forwarding(forged(), facts)) << time;
    }
  }
}

TEST(ForwardingMemo, RemembersNothingThatATrustedProxySaid) {
  const auto memo = std::make_unique<ForwardingMemo>();
  std::string out;
  HeadWriter writer(out);
  memo->append(writer, forged(), {.client_address = "10.0.0.1", .host = "a", .trust = true});
  out.clear();
  memo->append(writer, {}, {.client_address = "10.0.0.1", .host = "a"});
  EXPECT_EQ(out, forwarding({}, {.client_address = "10.0.0.1", .host = "a"}));
  out.clear();
  memo->append(writer, forged(), {.client_address = "10.0.0.1", .host = "a", .trust = true});
  EXPECT_EQ(out, forwarding(forged(), {.client_address = "10.0.0.1", .host = "a", .trust = true}));
}

TEST(ForwardingMemo, TellsSchemesApart) {
  const auto memo = std::make_unique<ForwardingMemo>();
  for (const char* scheme : {"http", "https", "http"}) {
    std::string out;
    HeadWriter writer(out);
    const ForwardingFacts facts{.client_address = "10.0.0.1", .scheme = scheme, .host = "a"};
    memo->append(writer, {}, facts);
    EXPECT_EQ(out, forwarding({}, facts));
  }
}

}  // namespace
}  // namespace homeostat::http
