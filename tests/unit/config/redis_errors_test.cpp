// Every way a section `cache.redis` may be wrong; what would change nothing is, too.
#include "tests/unit/config/support.hpp"

namespace homeostat::config {
namespace {

struct Bad {
  const char* text;  ///< follows the two lines of `base`, so it starts at line 3
  const char* expected;
};

class BadRedis : public testing::TestWithParam<Bad> {};

TEST_P(BadRedis, IsReportedAtItsPlace) {
  EXPECT_EQ(errors_below_base(GetParam().text), GetParam().expected) << GetParam().text;
}

INSTANTIATE_TEST_SUITE_P(
    Sections, BadRedis,
    testing::Values(
        Bad{"cache: {redis: {url: http://a}}\n",
            "t.yaml:3:22: `cache.redis.url`: not a Redis URL; write redis://host:port/database or "
            "unix:/path\n"},
        Bad{"cache: {redis: {url: redis://u:p@a}}\n",
            "t.yaml:3:22: `cache.redis.url`: user and password have keys of their own: `user`, "
            "`password`\n"},
        Bad{"cache: {redis: {url: redis://a/x}}\n",
            "t.yaml:3:22: `cache.redis.url`: the database must be a number: redis://host:port/0\n"},
        Bad{"cache: {redis: {url: redis://a, timeot: 5ms}}\n",
            "t.yaml:3:33: unknown key `timeot` in `cache.redis`; did you mean `timeout`?\n"},
        Bad{"cache: {redis: {url: [redis://a, redis://b]}}\n",
            "t.yaml:3:22: `cache.redis.url` names several servers: say `topology: sentinel` or "
            "`cluster`\n"},
        Bad{"cache: {redis: {url: [redis://a, redis://a:6379], topology: cluster}}\n",
            "t.yaml:3:22: `cache.redis.url`: a server is given twice\n"},
        Bad{"cache: {redis: {url: [redis://a, rediss://b], topology: cluster}}\n",
            "t.yaml:3:22: the servers of `cache.redis.url` differ in TLS or database\n"},
        Bad{"cache: {redis: {url: redis://a, topology: sentinel}}\n",
            "t.yaml:3:43: `topology: sentinel` needs `cache.redis.master`\n"},
        Bad{"cache: {redis: {url: redis://a, user: agent}}\n",
            "t.yaml:3:39: `cache.redis.user` needs a `password` or `password_file`\n"},
        Bad{"cache: {redis: {url: redis://a, topology: sentinel, master: m, sentinel_user: "
            "agent}}\n",
            "t.yaml:3:79: `cache.redis.sentinel_user` needs a `sentinel_password`\n"},
        Bad{"cache: {redis: {url: redis://a, sentinel_password: 0123456789abcdef}}\n",
            "t.yaml:3:52: `cache.redis.sentinel_password` belongs to `topology: sentinel`, and "
            "only there\n"},
        Bad{"cache: {redis: {url: redis://a, topology: cluster, sentinel_user: agent, "
            "sentinel_password: 0123456789abcdef}}\n",
            "t.yaml:3:67: `cache.redis.sentinel_user` belongs to `topology: sentinel`, and only "
            "there\n"
            "t.yaml:3:93: `cache.redis.sentinel_password` belongs to `topology: sentinel`, and "
            "only there\n"},
        Bad{"cache: {redis: {url: redis://a, master: m}}\n",
            "t.yaml:3:41: `cache.redis.master` belongs to `topology: sentinel`, and only there\n"},
        Bad{"cache: {redis: {url: redis://a/1, topology: cluster}}\n",
            "t.yaml:3:22: a cluster has no databases\n"},
        Bad{"cache: {redis: {url: redis://a, tls: {verify: false}}}\n",
            "t.yaml:3:47: `cache.redis.tls.verify` belongs to `rediss://`, and only there\n"},
        Bad{"cache: {redis: {url: unix:/run/redis.sock, tls: {server_name: a}}}\n",
            "t.yaml:3:63: `cache.redis.tls.server_name` belongs to `rediss://`, and only "
            "there\n"},
        Bad{"cache: {redis: {url: rediss://a, tls: {verify: false, ca_file: /a.pem}}}\n",
            "t.yaml:3:64: `cache.redis.tls.ca_file` is of no use with `verify: false`, which takes "
            "any certificate\n"},
        Bad{"cache: {redis: {password: 0123456789abcdef}}\n",
            "t.yaml:3:27: `cache.redis.password` belongs to `cache.redis.url`, and only there\n"},
        Bad{"cache: {redis: {url: redis://a, object_bytes_max: 32MiB}}\n",
            "t.yaml:3:51: `cache.redis.queue_bytes_max` must be at least 1 MiB more than "
            "`object_bytes_max`, or what is that large could never be written\n"},
        Bad{"cache: {redis: {url: redis://a, partition_max: 1s}}\n",
            "t.yaml:3:48: `cache.redis.partition_max`: `1s`: out of range; allowed is 3s to 1d, or "
            "0 = never\n"}));

}  // namespace
}  // namespace homeostat::config
