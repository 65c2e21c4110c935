// Any bytes as a recording: as the CSV that a viewer may send, and as the answer of a
// Prometheus range query.
//
// Properties: what is read is bounded, its times are possible, finite and in order; reading it
// twice gives the same; a short one can be replayed.
#include <boost/json/parse.hpp>
#include <boost/json/parse_options.hpp>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <variant>

#include "rules/replay/replay.hpp"
#include "runtime/admin/recording_json.hpp"

namespace {

using namespace homeostat;
using Read = std::variant<rules::Recording, rules::RecordingError>;

void require(bool condition) {
  if (!condition) std::abort();
}

void check(const rules::Recording& recording) {
  std::size_t samples = 0;
  require(recording.series().size() <= rules::Recording::series_max);
  for (const rules::RecordedSeries& series : recording.series()) {
    const bool of_endpoint =
        series.signal != rules::SignalId::count_ &&
        rules::signal_info(series.signal).scope == rules::SignalScope::endpoint;
    require(of_endpoint == !series.endpoint.empty());
    double before = -1;
    for (const rules::RecordedSample& sample : series.samples) {
      require(rules::is_time(sample.at) && sample.at > before && std::isfinite(sample.value));
      before = sample.at;
      ++samples;
    }
  }
  require(samples == recording.samples());
  const auto [from, to] = recording.span();
  require(from <= to);
  rules::ReplayOptions options;
  options.step = std::chrono::seconds(1 + static_cast<std::int64_t>((to - from) / 20));
  require(rules::replay(recording, {}, options).ticks <= 21);
}

void check(const Read& first, const Read& again) {
  require(first.index() == again.index());
  if (const auto* error = std::get_if<rules::RecordingError>(&first)) {
    require(!error->message.empty());
    require(error->message == std::get<rules::RecordingError>(again).message);
    return;
  }
  check(std::get<rules::Recording>(first));
  require(std::get<rules::Recording>(first).samples() ==
          std::get<rules::Recording>(again).samples());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  check(rules::read_recording(input), rules::read_recording(input));
  boost::system::error_code error;
  const boost::json::value answer = boost::json::parse(input, error);
  if (!error) check(admin::read_range_query(answer), admin::read_range_query(answer));
  return 0;
}
