// JSON tightening on arbitrary bytes: never longer, stable, and in agreement
// with Boost.JSON about what is JSON and what it means.
#include <boost/json.hpp>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "runtime/compress/json_tightener.hpp"

namespace {

using namespace homeostat;
namespace json = boost::json;

void require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const config::JsonSettings settings{(data[0] & 1U) != 0, (data[0] & 2U) != 0};
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  std::string out;
  const bool ok = compress::tighten_json(text, settings, out);
  require(out.size() <= text.size());
  json::parse_options options;
  options.max_depth = compress::json_depth_max;
  boost::system::error_code error;
  const json::value original = json::parse(text, error, {}, options);
  // Boost also wants valid UTF-8, surrogates in pairs and numbers it can hold.
  if (!error) require(ok);
  if (!ok) {
    require(out.empty());
    return 0;
  }
  if (!settings.any()) require(out == text);
  std::string again;
  require(compress::tighten_json(out, settings, again));
  require(again == out);
  if (!error) {
    const json::value tightened = json::parse(out, error, {}, options);
    require(!error);
    // As text: to Boost 0e999999999 is no number, which nothing equals.
    if (!settings.nulls) require(json::serialize(tightened) == json::serialize(original));
  }
  return 0;
}
