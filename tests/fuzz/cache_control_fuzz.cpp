// Any text as Cache-Control, Vary and Accept-Encoding.
//
// Input: lines; each is a line of all three fields.
// Properties: `no-store` or `private` outside of quotes is always seen, whatever stands
// around it; numbers stay within their bound; what one line says, further lines do not
// take back; names of Vary come out sorted, once, within their bounds; the text of a variant
// does not depend on blanks or on how the list is divided into lines, and only a malformed
// element makes it the value itself.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/cache/vary.hpp"
#include "runtime/http/ascii.hpp"
#include "runtime/http/cache_control.hpp"

namespace {

using namespace homeostat;
using cache::Fields;

void require(bool condition) {
  if (!condition) std::abort();
}

/// What stands between commas outside of quoted strings; read here in the simplest way. A
/// quote that is never closed makes what follows it doubtful: that is left out.
std::vector<std::string> plain_elements(std::string_view line) {
  std::vector<std::string> elements(1);
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quoted && c == '\\') {
      elements.back() += c;
      if (++i < line.size()) elements.back() += line[i];
      continue;
    }
    if (c == '"') quoted = !quoted;
    if (c == ',' && !quoted) {
      elements.emplace_back();
    } else {
      elements.back() += c;
    }
  }
  if (quoted) elements.pop_back();
  return elements;
}

void check_control(const std::vector<std::string_view>& lines) {
  Fields fields, first;
  bool no_store = false, private_ = false;
  for (const std::string_view line : lines) {
    if (!fields.add(http::HeaderId::cache_control, line)) break;
    for (const std::string& element : plain_elements(line)) {
      const std::string_view name = http::trim(element);
      no_store = no_store || http::iequals(name, "no-store");
      private_ = private_ || http::iequals(name, "private");
    }
  }
  const http::CacheControl control = http::parse_cache_control(fields);
  require(!no_store || control.no_store);
  require(!private_ || control.private_);
  for (const auto& number : {control.max_age, control.s_maxage}) {
    require(!number || *number <= http::delta_seconds_max);
  }
  if (lines.empty() || !first.add(http::HeaderId::cache_control, lines.front())) return;
  const http::CacheControl alone = http::parse_cache_control(first);
  require(!alone.no_store || control.no_store);
  require(!alone.private_ || control.private_);
  require(!alone.no_cache || control.no_cache);
  require(!alone.must_revalidate || control.must_revalidate);
}

void check_vary(const std::vector<std::string_view>& lines) {
  Fields fields;
  for (const std::string_view line : lines) {
    if (!fields.add(http::HeaderId::vary, line)) break;
  }
  const cache::VaryNames names = cache::vary_names(fields, {});
  require(std::is_sorted(names.names.begin(), names.names.end()));
  require(std::adjacent_find(names.names.begin(), names.names.end()) == names.names.end());
  require(names.too_many || names.names.size() <= cache::VarySpec::names_max);
}

void check_codings(const std::vector<std::string_view>& lines) {
  std::string joined;
  Fields apart, together;
  for (const std::string_view line : lines) {
    if (!apart.add(http::HeaderId::accept_encoding, line)) return;
    if (!joined.empty()) joined += ',';
    joined += line;
  }
  if (lines.empty() || !together.add(http::HeaderId::accept_encoding, joined)) return;
  const cache::VarySpec spec({"accept-encoding"});
  std::string one, other;
  spec.write_variant(apart, one);
  spec.write_variant(together, other);
  require(one == other);
  std::string text;
  cache::append_accepted_codings(joined, text);
  require(text == joined || text.find(';') == std::string::npos);
  // In order, each once: what it says is what it means.
  if (text.find_first_of(";!*\"") != std::string::npos) return;
  std::string again;
  cache::append_accepted_codings(text, again);
  require(again == text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  std::vector<std::string_view> lines;
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    lines.push_back(http::trim(rest.substr(0, end)));
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  }
  check_control(lines);
  check_vary(lines);
  check_codings(lines);
  return 0;
}
