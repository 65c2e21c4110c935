#include "tests/e2e/running_agent.hpp"

#include <cstdlib>
#include <stdexcept>

#include "config/diagnostic.hpp"
#include "config/loader.hpp"

namespace homeostat::test {
namespace {

void add_section(std::string& text, const char* name, const std::string& content) {
  if (content.empty()) return;
  text += std::string(name) + ": {" + content + "}\n";
}

config::LoadResult load(const std::string& text) {
  return config::load_text(text, "agent.yaml", {}, "/");
}

config::Settings settings_of(const std::string& text) {
  config::LoadResult loaded = load(text);
  if (loaded.ok()) return std::move(*loaded.settings);
  std::string reasons = "bad configuration:";
  for (const config::Diagnostic& one : loaded.diagnostics) reasons += "\n" + config::format(one);
  throw std::runtime_error(reasons + "\n" + text);
}

}  // namespace

AgentConfig config_for(const ScriptedOrigin& origin) {
  AgentConfig config;
  config.upstream_url = origin.url();
  return config;
}

std::string AgentConfig::text() const {
  std::string text = "listen: \"" + listen + "\"\nworkers: " + std::to_string(workers) + "\n";
  add_section(text, "upstream", "url: " + upstream_url + (upstream.empty() ? "" : ", " + upstream));
  add_section(text, "server", server);
  // Tests say lifetimes and mean them.
  const bool spread = cache.find("ttl_jitter") != std::string::npos;
  add_section(text, "cache",
              spread ? cache : "ttl_jitter_origin: false" + (cache.empty() ? "" : ", " + cache));
  add_section(text, "compression", compression);
  add_section(text, "admission", admission);
  add_section(text, "monitor", monitor);
  add_section(text, "optimization", optimization);
  if (!slo.empty()) text += "slo: " + slo + "\n";
  add_section(text, "alerts", alerts);
  add_section(text, "admin", "listen: \"127.0.0.1:0\"" + (admin.empty() ? "" : ", " + admin));
  text += "log: {level: error}\n";
  return text;
}

RunningAgent::RunningAgent(const AgentConfig& config, bool handle_signals)
    : text_(std::make_shared<std::string>(config.text())),
      text_mutex_(std::make_shared<std::mutex>()) {
  auto loader = [text = text_, mutex = text_mutex_] {
    const std::lock_guard lock(*mutex);
    return load(*text);
  };
  agent_ = std::make_unique<app::Agent>(settings_of(*text_), loader);
  if (const std::string error = agent_->start(handle_signals); !error.empty())
    throw std::runtime_error(error);
  thread_ = std::thread([this] { agent_->run(); });
}

RunningAgent::RunningAgent(const ScriptedOrigin& origin) : RunningAgent(config_for(origin)) {}

RunningAgent::~RunningAgent() { stop(); }

void RunningAgent::stop() {
  if (!agent_) return;
  agent_->stop();
  join();
  agent_.reset();
}

void RunningAgent::join() {
  if (thread_.joinable()) thread_.join();
}

Message RunningAgent::get(std::string_view target, std::string_view fields) const {
  HttpClient client(port());
  return client.get(target, fields);
}

Message RunningAgent::admin(std::string_view method, std::string_view target,
                            std::string_view body) const {
  HttpClient client(admin_port());
  std::string text(method);
  text += " ";
  text += target;
  text += " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ";
  text += std::to_string(body.size()) + "\r\n\r\n";
  text += body;
  if (!client.send(text)) return {};
  return client.read();
}

std::string RunningAgent::status() const { return admin("GET", "/api/v1/performance/status").body; }

double RunningAgent::metric(const std::string& name) const {
  const std::string all = admin("GET", "/metrics").body;
  const std::size_t at = all.find("\n" + name + " ");
  if (at == std::string::npos) return -1;
  return std::strtod(all.c_str() + at + 1 + name.size(), nullptr);
}

void RunningAgent::set_text(std::string text) {
  const std::lock_guard lock(*text_mutex_);
  *text_ = std::move(text);
}

}  // namespace homeostat::test
