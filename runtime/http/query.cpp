#include "runtime/http/query.hpp"

#include <algorithm>
#include <array>

#include "runtime/http/ascii.hpp"

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

void normalise_percent(std::string& out, std::string_view text) {
  static constexpr std::string_view digits = "0123456789ABCDEF";
  while (!text.empty()) {
    const std::size_t plain = text.find('%');
    out.append(text.substr(0, plain));
    if (plain == std::string_view::npos) return;
    text.remove_prefix(plain);
    const int high = text.size() > 2 ? hex_value(text[1]) : -1;
    const int low = text.size() > 2 ? hex_value(text[2]) : -1;
    if (high < 0 || low < 0) {  // not an encoding: kept as it is
      out += '%';
      text.remove_prefix(1);
      continue;
    }
    const auto decoded = static_cast<char>(high * 16 + low);
    if (is_digit(decoded) || is_alpha(decoded) ||
        std::string_view("-._~").find(decoded) != std::string_view::npos) {
      out += decoded;
    } else {
      out += '%';
      out += digits[static_cast<std::size_t>(high)];
      out += digits[static_cast<std::size_t>(low)];
    }
    text.remove_prefix(3);
  }
}

const std::vector<std::string>& tracking_parameters() {
  static const std::vector<std::string> list = {
      "utm_*",   "gclid",         "gclsrc",    "dclid",       "gbraid",    "wbraid",   "gad_source",
      "_ga",     "_gl",           "fbclid",    "msclkid",     "mc_cid",    "mc_eid",   "_hsenc",
      "_hsmi",   "hsCtaTracking", "mkt_tok",   "mtm_*",       "pk_*",      "matomo_*", "yclid",
      "ysclid",  "twclid",        "ttclid",    "li_fat_id",   "igshid",    "epik",     "irclickid",
      "srsltid", "vero_id",       "vero_conv", "oly_anon_id", "oly_enc_id"};
  return list;
}

void QueryNormalizer::Patterns::add(const std::string& pattern) {
  if (pattern.empty()) return;
  if (pattern.back() == '*') {
    prefixes_.push_back(pattern.substr(0, pattern.size() - 1));
  } else {
    exact_.push_back(pattern);
  }
}

bool QueryNormalizer::Patterns::match(std::string_view name) const noexcept {
  return std::find(exact_.begin(), exact_.end(), name) != exact_.end() ||
         std::any_of(prefixes_.begin(), prefixes_.end(), [name](const std::string& prefix) {
           return name.substr(0, prefix.size()) == prefix;
         });
}

QueryNormalizer::QueryNormalizer(const std::vector<std::string>& drop,
                                 const std::vector<std::string>& keep, bool sort)
    : sort_(sort) {
  for (const std::string& pattern : drop) drop_.add(pattern);
  for (const std::string& pattern : keep) keep_.add(pattern);
}

bool QueryNormalizer::dropped(std::string_view parameter) const noexcept {
  const std::string_view name = name_of(parameter);
  if (!drop_.match(name) && (keep_.empty() || keep_.match(name))) return false;
  return parameter.find(';') == std::string_view::npos &&
         parameter.find("%3B") == std::string_view::npos;
}

void QueryNormalizer::append(std::string& out, std::string_view query) const {
  if (!sort_ && drop_.empty() && keep_.empty()) {
    out.append(query);
    return;
  }
  if (query.find('&') == std::string_view::npos) {  // the usual case, without the table below
    if (!dropped(query)) out.append(query);
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
    if (text.empty() || dropped(text)) continue;
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
      if (!text.empty() && !dropped(text)) emit(text);
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
