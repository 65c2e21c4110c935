// cache.redis.
#include <fmt/format.h>

#include <algorithm>

#include "config/address.hpp"
#include "config/list_leaves.hpp"
#include "config/schema.hpp"
#include "config/secret_leaf.hpp"
#include "config/settings/words.hpp"
#include "config/text_checks.hpp"

namespace homeostat::config {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t servers_max = 64;

std::string url_of(const RedisServer& server) {
  if (!server.address.unix_path.empty()) return to_string(server.address);
  std::string url = server.tls ? "rediss://" : "redis://";
  url += to_string(server.address);
  if (server.database != 0) url += "/" + std::to_string(server.database);
  return url;
}

/// One Redis URL or a list of them.
class RedisServersLeaf final : public Leaf {
 public:
  explicit RedisServersLeaf(std::vector<RedisServer>& field) : field_(field) {}

  void read(const Node& node, const std::string& path, Reading& reading) override {
    std::vector<std::string> texts;
    const std::size_t before = reading.report.size();
    TextListLeaf(texts, "URLs", nullptr, {servers_max, 512, true, true}).read(node, path, reading);
    if (reading.report.size() != before) return;
    std::vector<RedisServer> servers;
    for (const std::string& text : texts) {
      auto parsed = parse_redis_url(text);
      if (const auto* error = std::get_if<UnitError>(&parsed)) {
        reading.report.error(node.place, fmt::format("`{}`: {}", path, error->message));
        return;
      }
      servers.push_back(std::get<RedisServer>(std::move(parsed)));
      const auto same = [&](const RedisServer& other) {
        return &other != &servers.back() && other.address == servers.back().address;
      };
      if (std::any_of(servers.begin(), servers.end(), same)) {
        reading.report.error(node.place, fmt::format("`{}`: a server is given twice", path));
        return;
      }
    }
    field_ = std::move(servers);
  }

  std::string show() const override {
    std::vector<std::string> urls;
    for (const RedisServer& server : field_) urls.push_back(url_of(server));
    if (urls.empty()) return {};
    if (urls.size() == 1) return yaml_text(urls.front());
    std::string text;
    for (const std::string& url : urls) text += (text.empty() ? "" : ", ") + yaml_text(url);
    return "[" + text + "]";
  }
  std::string type() const override { return "URL or list of URLs"; }
  std::string allowed() const override { return "redis://, rediss:// or unix:"; }
  void take(const Leaf& same_key) override { field_ = same_kind(*this, same_key).field_; }

 private:
  std::vector<RedisServer>& field_;
};

/// The name of a file that holds the password, which is read at once.
class PasswordFileLeaf final : public Leaf {
 public:
  PasswordFileLeaf(std::string& file, std::string& password) : file_(file), password_(password) {}

  void read(const Node& node, const std::string& path, Reading& reading) override {
    const std::size_t before = reading.report.size();
    TextLeaf(file_, "file", check_file_name).read(node, path, reading);
    if (reading.report.size() != before) return;
    password_ = read_secret_file(file_, node.place, path, reading);
  }
  std::string show() const override { return TextLeaf(file_, "file", check_file_name).show(); }
  std::string type() const override { return "text"; }
  void take(const Leaf& same_key) override {
    const PasswordFileLeaf& other = same_kind(*this, same_key);
    file_ = other.file_;
    password_ = other.password_;
  }

 private:
  std::string& file_;
  std::string& password_;
};

void visit_tls(Visitor& visitor, RedisTlsSettings& tls) {
  visitor.begin({"tls", Apply::restart});
  visitor.leaf({"ca_file", Apply::restart}, TextLeaf(tls.ca_file, "file", check_file_name));
  visitor.leaf({"certificate_file", Apply::restart},
               TextLeaf(tls.certificate_file, "file", check_file_name));
  visitor.leaf({"key_file", Apply::restart}, TextLeaf(tls.key_file, "file", check_file_name));
  visitor.leaf({"server_name", Apply::restart},
               TextLeaf(tls.server_name, "host name", check_file_name));
  visitor.leaf({"verify", Apply::restart}, BoolLeaf(tls.verify));
  visitor.end();
}

}  // namespace

void visit_redis(Visitor& visitor, RedisSettings& redis) {
  constexpr auto restart = Apply::restart;
  visitor.begin({"redis", restart});
  visitor.leaf({"url", restart}, RedisServersLeaf(redis.servers));
  visitor.leaf({"topology", restart}, ChoiceLeaf(redis.topology, words::redis_topology));
  visitor.leaf({"master", restart}, TextLeaf(redis.master, "name", check_identifier));
  visitor.leaf({"user", restart}, TextLeaf(redis.user, "name", check_identifier));
  visitor.leaf({"password", restart}, SecretLeaf(redis.password));
  visitor.leaf({"password_file", restart}, PasswordFileLeaf(redis.password_file, redis.password));
  visitor.leaf({"sentinel_user", restart}, TextLeaf(redis.sentinel_user, "name", check_identifier));
  visitor.leaf({"sentinel_password", restart}, SecretLeaf(redis.sentinel_password));
  visit_tls(visitor, redis.tls);
  visitor.leaf({"timeout", restart}, DurationLeaf(redis.timeout, 1ms, 10s));
  visitor.leaf({"adaptive", restart},
               ChoiceLeaf(redis.adaptive, words::loop_mode).also(words::switch_spellings));
  visitor.leaf({"connect_timeout", restart}, DurationLeaf(redis.connect_timeout, 10ms, 1min));
  visitor.leaf({"calls_max", restart}, IntegerLeaf(redis.calls_max, 1, 1'000'000));
  visitor.leaf({"queue_bytes_max", restart},
               SizeLeaf(redis.queue_bytes_max, mebibyte, 1024 * mebibyte));
  visitor.leaf({"object_bytes_max", restart},
               SizeLeaf(redis.object_bytes_max, kibibyte, 32 * mebibyte));
  visitor.leaf({"compress_above", restart}, SizeLeaf(redis.compress_above, 64, 32 * mebibyte));
  visitor.leaf({"compression", restart}, ChoiceLeaf(redis.compression, words::shared_compression));
  visitor.leaf({"ttl_max", restart}, DurationLeaf(redis.ttl_max, 1s, 365 * 24h));
  visitor.leaf({"log_length", restart}, IntegerLeaf(redis.log_length, 100, 10'000'000));
  // An idle log is heard from once a second, and a round trip may take as long as a call:
  // below this, agents that are connected would count as cut off.
  visitor.leaf({"partition_max", restart}, DurationLeaf(redis.partition_max, 3s, 24h, "never"));
  visitor.leaf({"lease_above", restart}, DurationLeaf(redis.lease_above, 0ms, 1min));
  visitor.leaf({"lease_max", restart}, DurationLeaf(redis.lease_max, 0ms, 1min));
  visitor.end();
}

}  // namespace homeostat::config
