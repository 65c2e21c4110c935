#include "runtime/app/demo/explanation.hpp"

#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <map>
#include <set>
#include <utility>

#include "runtime/app/demo/fetch.hpp"

namespace homeostat::demo {

namespace json = boost::json;

namespace {

constexpr std::size_t decisions_shown = 10;

const json::array* array_at(const json::value& document, const char* pointer) {
  json::error_code error;
  const json::value* found = document.find_pointer(pointer, error);
  return error || found == nullptr ? nullptr : found->if_array();
}

std::string text_at(const json::value& document, const char* pointer) {
  json::error_code error;
  const json::value* found = document.find_pointer(pointer, error);
  if (error || found == nullptr || !found->is_string()) return {};
  return std::string(found->get_string());
}

}  // namespace

std::string explain_decisions(const json::value& status) {
  std::string text;
  std::set<std::pair<std::string, std::string>> seen;
  if (const auto* decisions = array_at(status, "/performance_status/recent_decisions")) {
    for (const json::value& decision : *decisions) {  // latest first
      if (text_at(decision, "/to") != "firing") continue;
      const std::string rule = text_at(decision, "/rule"),
                        endpoint = text_at(decision, "/endpoint");
      if (seen.size() >= decisions_shown || !seen.emplace(rule, endpoint).second) continue;
      const std::string scope = endpoint.empty() ? "" : " for " + endpoint;
      text += fmt::format("  {}{}\n    {}\n", rule, scope, text_at(decision, "/reason"));
    }
  }
  if (text.empty()) text = "  no rule fired\n";
  const std::string reason = text_at(status, "/performance_status/admission/reason");
  text += fmt::format("  admission limit now {:.0f}{}{}\n",
                      number_at(status, "/performance_status/admission/limit"),
                      reason.empty() ? "" : ": ", reason);
  return text;
}

std::string explain_rules(const json::value& rules) {
  std::map<std::string, unsigned> acting;
  const auto* list = array_at(rules, "/rules");
  for (const json::value& rule : list ? *list : json::array{}) {
    const auto* instances = array_at(rule, "/instances");
    for (const json::value& instance : instances ? *instances : json::array{}) {
      const std::string state = text_at(instance, "/state");
      if (state == "firing" || state == "holding") ++acting[text_at(rule, "/name")];
    }
  }
  std::string text = fmt::format("  {} rules loaded; acting now:", list ? list->size() : 0);
  for (const auto& [name, count] : acting) {
    text += count > 1 ? fmt::format(" {} ({} endpoints)", name, count) : " " + name;
  }
  return text + (acting.empty() ? " none\n" : "\n");
}

}  // namespace homeostat::demo
