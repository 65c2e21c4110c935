#include "runtime/alert/alert_json.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cstdint>
#include <cstdio>
#include <map>
#include <string_view>

#include "runtime/ports/rfc3339.hpp"

namespace homeostat::alert {

namespace json = boost::json;

namespace {

/// Sorted, so that the fingerprint does not depend on insertion order.
std::map<std::string, std::string> label_set(const Alert& alert, const AlertContext& context) {
  std::map<std::string, std::string> labels(context.labels.begin(), context.labels.end());
  labels["alertname"] = alert.name;
  labels["severity"] = std::string(rules::to_string(alert.severity));
  labels["service"] = context.identity.service;
  if (!context.identity.instance.empty()) labels["instance"] = context.identity.instance;
  if (!alert.scope.empty()) labels["scope"] = alert.scope;
  if (alert.injected) labels["injected"] = "true";
  return labels;
}

json::object to_json(const std::map<std::string, std::string>& labels) {
  json::object out;
  for (const auto& [name, value] : labels) out[name] = value;
  return out;
}

/// 64-bit FNV-1a over the label set; a stable key for receivers.
std::string fingerprint(const std::map<std::string, std::string>& labels) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  const auto mix = [&hash](std::string_view text) {
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
    hash = (hash ^ 0xffU) * 0x100000001b3ULL;  // 0xff never occurs in UTF-8
  };
  for (const auto& [name, value] : labels) {
    mix(name);
    mix(value);
  }
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(hash));
  return text;
}

}  // namespace

std::string alertmanager_body(std::span<const AlertMessage> messages, const AlertContext& context,
                              WallTime now) {
  json::array alerts;
  for (const AlertMessage& message : messages) {
    json::object annotations;
    annotations["summary"] = message.alert->summary;
    annotations["description"] = message.alert->description;
    json::object alert;
    alert["labels"] = to_json(label_set(*message.alert, context));
    alert["annotations"] = std::move(annotations);
    alert["startsAt"] = rfc3339(message.starts_at);
    alert["endsAt"] = rfc3339(message.ends_at.value_or(now + context.expiry));
    if (!context.identity.generator_url.empty()) {
      alert["generatorURL"] = context.identity.generator_url;
    }
    alerts.push_back(std::move(alert));
  }
  return json::serialize(alerts);
}

std::string webhook_body(const AlertMessage& message, const AlertContext& context, WallTime now) {
  const Alert& source = *message.alert;
  const auto labels = label_set(source, context);
  json::object alert;
  alert["fingerprint"] = fingerprint(labels);
  alert["name"] = source.name;
  alert["severity"] = rules::to_string(source.severity);
  alert["scope"] = source.scope;
  alert["summary"] = source.summary;
  alert["description"] = source.description;
  alert["injected"] = source.injected;
  alert["starts_at"] = rfc3339(message.starts_at);
  alert["ends_at"] = message.ends_at ? json::value(rfc3339(*message.ends_at)) : json::value();
  alert["labels"] = to_json(labels);
  alert["generator_url"] = context.identity.generator_url;
  json::object body;
  body["status"] = message.ends_at ? "resolved" : "firing";
  body["repeat"] = message.kind == MessageKind::repeat;
  body["sent_at"] = rfc3339(now);
  body["service"] = context.identity.service;
  body["instance"] = context.identity.instance;
  body["alert"] = std::move(alert);
  return json::serialize(body);
}

}  // namespace homeostat::alert
