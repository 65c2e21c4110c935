#include "runtime/proxy/client_identity.hpp"

#include <gtest/gtest.h>

namespace homeostat::proxy {
namespace {

using http::HeaderTable;

TEST(AddressKey, IsTheSameHoweverTheAddressIsWritten) {
  const auto four = address_key("192.0.2.1");
  EXPECT_EQ(address_key("192.0.2.1:8080"), four);
  EXPECT_EQ(address_key("::ffff:192.0.2.1"), four);
  EXPECT_NE(address_key("192.0.2.2"), four);
  const auto six = address_key("2001:db8:1:2::1");
  EXPECT_EQ(address_key("[2001:DB8:1:2::1]:443"), six);
  EXPECT_EQ(address_key("2001:db8:1:2:ffff::9"), six) << "one /64 is one client";
  EXPECT_NE(address_key("2001:db8:1:3::1"), six);
}

TEST(AddressKey, WhatIsNoAddressIsItself) {
  for (const char* text : {"", "unknown", "_hidden", "[", "[]", "[::1", "1.2.3.4.5", ":", "::::",
                           "a-very-long-name-that-no-address-could-have-and-still-is-fine"}) {
    EXPECT_EQ(address_key(text), address_key(text)) << text;
    EXPECT_NE(address_key(text), address_key("192.0.2.1")) << text;
  }
  EXPECT_NE(address_key("unknown"), address_key("_hidden"));
}

class ClientKey : public testing::Test {
 protected:
  [[nodiscard]] std::uint64_t key() const { return client_key(fields, server, address_key("::1")); }
  HeaderTable fields;
  config::ServerSettings server;
};

TEST_F(ClientKey, IsThePeerWithoutTrustOrWithoutAField) {
  EXPECT_EQ(key(), address_key("::1"));
  server.trust_forwarded = true;
  EXPECT_EQ(key(), address_key("::1"));
  server.trust_forwarded = false;
  fields.add("X-Forwarded-For", "192.0.2.1");
  EXPECT_EQ(key(), address_key("::1"));
}

TEST_F(ClientKey, CountsTheTrustedProxiesFromTheRightOverAllLines) {
  server.trust_forwarded = true;
  fields.add("X-Forwarded-For", "198.51.100.9, 192.0.2.1");
  fields.add("X-Forwarded-For", "203.0.113.5");
  EXPECT_EQ(key(), address_key("203.0.113.5"));
  server.forwarded_hops = 2;
  EXPECT_EQ(key(), address_key("192.0.2.1"));
  server.forwarded_hops = 16;
  EXPECT_EQ(key(), address_key("198.51.100.9")) << "the last there is";
}

TEST_F(ClientKey, ALongListOfForgeriesChangesNothing) {
  server.trust_forwarded = true;
  std::string forged;
  for (int i = 0; i < 500; ++i) forged += "10.0.0." + std::to_string(i % 256) + ", ";
  forged += "192.0.2.1";
  fields.add("X-Forwarded-For", forged);
  EXPECT_EQ(key(), address_key("192.0.2.1"));
}

TEST(TenantKey, FallsBackToTheClientWhereNothingSaysMore) {
  HeaderTable fields;
  config::TenantSettings tenant{config::TenantKey::header, "X-Tenant", true};
  EXPECT_EQ(tenant_key(fields, tenant, 5), 5U);
  fields.add("x-tenant", "one");
  EXPECT_EQ(tenant_key(fields, tenant, 5), identity_key("one"));
  tenant.by = config::TenantKey::authorization;
  EXPECT_EQ(tenant_key(fields, tenant, 5), 5U);
  fields.add("Authorization", "Basic abc");
  EXPECT_EQ(tenant_key(fields, tenant, 5), identity_key("Basic abc"));
  tenant.by = config::TenantKey::client;
  EXPECT_EQ(tenant_key(fields, tenant, 5), 5U);
}

TEST(TokenSubject, IsReadFromTheClaims) {
  // {"alg":"none"} . {"iss":"idp","sub":"ann"} . sig
  EXPECT_EQ(token_subject("Bearer eyJhbGciOiJub25lIn0.eyJpc3MiOiJpZHAiLCJzdWIiOiJhbm4ifQ.c2ln"),
            std::string("idp\0ann", 7));
  EXPECT_EQ(token_subject("bearer e30.eyJzdWIiOiJhbm4ifQ."), std::string("\0ann", 4));
}

TEST(TokenSubject, IsNothingInWhatIsNoSuchToken) {
  for (const char* text :
       {"", "Bearer", "Bearer ", "Basic YTpi", "Bearer abc", "Bearer a.b", "Bearer a.!!.c",
        "Bearer e30.e30.", "Bearer e30.bm90IGpzb24.", "Bearer e30.eyJzdWIiOjV9.",
        "Bearer e30.eyJzdWIiOiIifQ.", "Bearer ..", "Bearer e30.WzFd."}) {
    EXPECT_FALSE(token_subject(text)) << text;
  }
  EXPECT_FALSE(token_subject("Bearer e30." + std::string(20'000, 'A') + "."));
  const std::string deep = "Bearer e30." + std::string(8'000, 'W') + ".";  // "[[[[..."-like noise
  EXPECT_FALSE(token_subject(deep));
}

class CacheTenant : public testing::Test {
 protected:
  /// Nothing: it cannot be said.
  [[nodiscard]] std::optional<std::string> name() const {
    std::string text = "left over";
    if (!read_cache_tenant(fields, tenant, text)) return std::nullopt;
    return text;
  }
  HeaderTable fields;
  config::CacheTenantSettings tenant{config::CacheTenantKey::header, "X-Tenant"};
};

TEST_F(CacheTenant, IsWhatTheFieldSays) {
  EXPECT_EQ(name(), "") << "none";
  fields.add("x-TENANT", "acme");
  EXPECT_EQ(name(), "acme");
  tenant.by = config::CacheTenantKey::none;
  EXPECT_EQ(name(), "");
}

TEST_F(CacheTenant, IsUnclearWhereServersWouldReadDifferentThings) {
  const auto with = [&](std::initializer_list<std::pair<const char*, const char*>> list) {
    fields.clear();
    for (const auto& [field, value] : list) fields.add(field, value);
    return name();
  };
  EXPECT_FALSE(with({{"X-Tenant", "a"}, {"X-Tenant", "b"}}));
  EXPECT_FALSE(with({{"X-Tenant", "a"}, {"X-Tenant", "a"}}));
  EXPECT_FALSE(with({{"X-Tenant", "a"}, {"X_Tenant", "b"}}));
  EXPECT_FALSE(with({{"X_Tenant", "b"}, {"X-Tenant", "a"}}));
  EXPECT_FALSE(with({{"X_TENANT", "b"}})) << "a server of variables takes it for the field";
  EXPECT_FALSE(with({{"X-Tenant", "a"}, {"X.Tenant", "b"}}));
  EXPECT_FALSE(with({{"X-Tenant", ""}}));
  EXPECT_FALSE(with({{"Connection", "x-tenant"}, {"X-Tenant", "a"}})) << "it does not go on";
  EXPECT_EQ(with({{"X-Tenants", "b"}, {"X-Tenant", "a"}}), "a");
}

TEST_F(CacheTenant, OfCredentialsIsTheirHash) {
  tenant = {config::CacheTenantKey::authorization, ""};
  EXPECT_EQ(name(), "");
  fields.add("Authorization", "Basic dXNlcjpwYXNz");
  const auto hashed = name();
  ASSERT_TRUE(hashed);
  EXPECT_TRUE(hashed->starts_with("sha256:"));
  EXPECT_EQ(hashed->find("dXNlcjpwYXNz"), std::string::npos);
  fields.add("Authorization", "Basic b3RoZXI=");
  EXPECT_FALSE(name());
}

TEST_F(CacheTenant, OfATokenIsIssuerAndSubject) {
  tenant = {config::CacheTenantKey::token_subject, ""};
  const auto of = [&](const char* value) {
    fields.clear();
    fields.add("Authorization", value);
    return name();
  };
  EXPECT_EQ(of("Bearer e30.eyJpc3MiOiJpZHAiLCJzdWIiOiJhbm4ifQ."), "idp ann");
  EXPECT_EQ(of("Bearer e30.eyJzdWIiOiJhbm4ifQ."), "- ann");
  EXPECT_FALSE(of("Bearer e30.e30.")) << "credentials of somebody who cannot be told";
  EXPECT_FALSE(of("Basic dXNlcjpwYXNz"));
  // {"iss":"a b","sub":"c"} and {"iss":"a","sub":"b c"}; {"iss":"-","sub":"ann"}.
  EXPECT_EQ(of("Bearer e30.eyJpc3MiOiJhIGIiLCJzdWIiOiJjIn0."), "a%20b c");
  EXPECT_EQ(of("Bearer e30.eyJpc3MiOiJhIiwic3ViIjoiYiBjIn0."), "a b c");
  EXPECT_EQ(of("Bearer e30.eyJpc3MiOiItIiwic3ViIjoiYW5uIn0."), "%2D ann");
}

}  // namespace
}  // namespace homeostat::proxy
