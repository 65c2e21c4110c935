#include "runtime/http/query.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace homeostat::http {
namespace {

std::string_view name_of(std::string_view parameter) noexcept {
  return parameter.substr(0, parameter.find('='));
}

std::string_view next_parameter(std::string_view& rest) noexcept {
  const std::size_t end = rest.find('&');
  const std::string_view parameter = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
  return parameter;
}

}  // namespace

QueryNormalizer::QueryNormalizer(std::vector<std::string> drop, bool sort) : sort_(sort) {
  for (std::string& pattern : drop) {
    if (!pattern.empty() && pattern.back() == '*') {
      pattern.pop_back();
      prefixes_.push_back(std::move(pattern));
    } else if (!pattern.empty()) {
      exact_.push_back(std::move(pattern));
    }
  }
}

bool QueryNormalizer::dropped(std::string_view name) const noexcept {
  return std::find(exact_.begin(), exact_.end(), name) != exact_.end() ||
         std::any_of(prefixes_.begin(), prefixes_.end(), [name](const std::string& prefix) {
           return name.substr(0, prefix.size()) == prefix;
         });
}

void QueryNormalizer::append(std::string& out, std::string_view query) const {
  if (!sort_ && exact_.empty() && prefixes_.empty()) {
    out.append(query);
    return;
  }
  if (query.find('&') == std::string_view::npos) {  // the usual case, without the table below
    if (!dropped(name_of(query))) out.append(query);
    return;
  }
  // Position is the second key: it keeps equal names in order without the
  // buffer that std::stable_sort would allocate.
  struct Parameter {
    std::string_view name;
    std::string_view text;
    std::size_t position = 0;
  };
  std::array<Parameter, parameters_max> parameters;
  std::size_t count = 0;
  bool sortable = sort_;
  for (std::string_view rest = query; !rest.empty();) {
    const std::string_view text = next_parameter(rest);
    if (text.empty() || dropped(name_of(text))) continue;
    if (count == parameters_max) {
      sortable = false;
      break;
    }
    parameters[count] = {name_of(text), text, count};
    ++count;
  }
  auto emit = [&out, first = true](std::string_view text) mutable {
    if (!first) out.push_back('&');
    out.append(text);
    first = false;
  };
  if (!sortable) {
    for (std::string_view rest = query; !rest.empty();) {
      const std::string_view text = next_parameter(rest);
      if (!text.empty() && !dropped(name_of(text))) emit(text);
    }
    return;
  }
  const auto last = parameters.begin() + static_cast<std::ptrdiff_t>(count);
  std::sort(parameters.begin(), last, [](const Parameter& a, const Parameter& b) {
    return a.name != b.name ? a.name < b.name : a.position < b.position;
  });
  std::for_each(parameters.begin(), last, [&emit](const Parameter& p) { emit(p.text); });
}

}  // namespace homeostat::http
