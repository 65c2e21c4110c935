// Compression as Prometheus families, and the one ratio of the management API.
#include <functional>

#include "runtime/app/agent_parts.hpp"
#include "runtime/app/metric_families.hpp"

namespace homeostat::app {
namespace {

using compress::CompressFigures;
using proxy::CompressionTotals;
using rules::Coding;
using telemetry::MetricsRegistry;

double seconds(std::uint64_t nanoseconds) { return number(nanoseconds) / 1e9; }

CompressionTotals sent(const Agent::Parts& parts, Coding coding) {
  return parts.server->compression()[rules::index_of(coding)];
}
compress::CodingFigures stored(const Agent::Parts& parts, Coding coding) {
  return parts.compress_pool.figures().codings[rules::index_of(coding)];
}

void register_work(MetricsRegistry& metrics, const Agent::Parts& parts, Coding coding) {
  const std::string name(rules::coding_name(coding));
  const telemetry::MetricLabels stream = {{"coding", name}, {"use", "stream"}};
  const telemetry::MetricLabels variant = {{"coding", name}, {"use", "stored"}};
  const char* bytes_in = "homeostat_compression_input_bytes_total";
  const char* bytes_out = "homeostat_compression_output_bytes_total";
  const char* time = "homeostat_compression_seconds_total";
  const char* in_help = "Bytes before compression, of streams and of stored variants.";
  const char* out_help = "Bytes after compression.";
  const char* time_help = "Time spent compressing: of workers for streams, else in background.";
  metrics.counter(bytes_in, in_help, stream,
                  [&parts, coding] { return number(sent(parts, coding).stream_bytes_in); });
  metrics.counter(bytes_in, in_help, variant,
                  [&parts, coding] { return number(stored(parts, coding).bytes_in); });
  metrics.counter(bytes_out, out_help, stream,
                  [&parts, coding] { return number(sent(parts, coding).stream_bytes_out); });
  metrics.counter(bytes_out, out_help, variant,
                  [&parts, coding] { return number(stored(parts, coding).bytes_out); });
  metrics.counter(time, time_help, stream,
                  [&parts, coding] { return seconds(sent(parts, coding).stream_nanoseconds); });
  metrics.counter(time, time_help, variant,
                  [&parts, coding] { return seconds(stored(parts, coding).nanoseconds); });
  metrics.counter("homeostat_compression_streams_total", "Responses compressed while streaming.",
                  {{"coding", name}},
                  [&parts, coding] { return number(sent(parts, coding).streams); });
  metrics.counter("homeostat_compression_variants_built_total", "Stored variants built.",
                  {{"coding", name}},
                  [&parts, coding] { return number(stored(parts, coding).variants); });
}

void register_savings(MetricsRegistry& metrics, const Agent::Parts& parts, Coding coding) {
  const std::string name(rules::coding_name(coding));
  metrics.counter("homeostat_compression_variants_sent_total",
                  "Responses from stored variants; identity: tightened JSON.", {{"coding", name}},
                  [&parts, coding] { return number(sent(parts, coding).variants_sent); });
  metrics.counter("homeostat_compression_saved_bytes_total",
                  "Body bytes that clients were not sent.", {{"coding", name}},
                  [&parts, coding] { return number(sent(parts, coding).saved_bytes); });
}

void register_refusals(MetricsRegistry& metrics, const Agent::Parts& parts) {
  const auto refused = [&](const char* reason, std::function<std::uint64_t()> value) {
    metrics.counter("homeostat_compression_refused_total",
                    "Bodies left as they are: not smaller, queue or memory full, or a failure.",
                    {{"reason", reason}}, [value = std::move(value)] { return number(value()); });
  };
  const compress::CompressPool& pool = parts.compress_pool;
  refused("not-worthwhile", [&pool] { return pool.figures().not_worthwhile; });
  refused("queue", [&pool] { return pool.figures().refused; });
  refused("failed", [&pool] { return pool.figures().failed; });
  refused("stream-memory", [&parts] { return parts.streams.budget.refused(); });
}

void register_decoding(MetricsRegistry& metrics, const Agent::Parts& parts) {
  const compress::CompressPool& pool = parts.compress_pool;
  static constexpr const char* results[] = {"ok",    "broken",  "too-large",
                                            "ratio", "timeout", "failed"};
  for (std::size_t i = 0; i < std::size(results); ++i) {
    metrics.counter("homeostat_decoding_total",
                    "Encoded bodies decoded for clients that refuse the coding, or given up.",
                    {{"result", results[i]}},
                    [&pool, i] { return number(pool.figures().decode_results[i]); });
  }
  metrics.counter("homeostat_decoding_output_bytes_total", "Bytes decoded.", {},
                  [&pool] { return number(pool.figures().decoded_bytes); });
}

void register_json(MetricsRegistry& metrics, const Agent::Parts& parts) {
  const auto counter = [&](const char* name, const char* help, auto stored_field, auto sent_field) {
    metrics.counter(name, help, {}, [&parts, stored_field, sent_field] {
      return number(parts.compress_pool.figures().*stored_field +
                    sent(parts, Coding::identity).*sent_field);
    });
  };
  counter("homeostat_json_tightened_total", "JSON bodies tightened, stored and streamed.",
          &CompressFigures::tightened, &CompressionTotals::streams);
  counter("homeostat_json_input_bytes_total", "Bytes before tightening.",
          &CompressFigures::tightened_bytes_in, &CompressionTotals::stream_bytes_in);
  counter("homeostat_json_output_bytes_total", "Bytes after tightening.",
          &CompressFigures::tightened_bytes_out, &CompressionTotals::stream_bytes_out);
  counter("homeostat_json_invalid_total",
          "Bodies that were to be tightened and are no JSON: left alone, or from there on.",
          &CompressFigures::not_json, &CompressionTotals::not_json);
}

}  // namespace

void register_compression(MetricsRegistry& metrics, Agent::Parts& parts) {
  for (const Coding coding : rules::encoded_codings) register_work(metrics, parts, coding);
  for (std::size_t i = 0; i < rules::coding_count; ++i) {
    register_savings(metrics, parts, static_cast<Coding>(i));
  }
  register_refusals(metrics, parts);
  register_decoding(metrics, parts);
  register_json(metrics, parts);
  metrics.gauge("homeostat_compression_headroom",
                "Share of the worthwhile work that adaptive compression may do, by CPU.", {},
                [&parts] { return parts.policies.current()->cache.compression_headroom; });
  metrics.gauge("homeostat_compression_stream_memory_bytes", "Encoder states of streams.", {},
                [&parts] { return static_cast<double>(parts.streams.budget.used()); });
}

std::optional<double> compression_ratio(const Agent::Parts& parts) {
  double bytes_in = 0;
  double bytes_out = 0;
  for (const Coding coding : rules::encoded_codings) {
    const compress::CodingFigures variants = stored(parts, coding);
    const CompressionTotals streams = sent(parts, coding);
    bytes_in += number(variants.bytes_in + streams.stream_bytes_in);
    bytes_out += number(variants.bytes_out + streams.stream_bytes_out);
  }
  if (bytes_in == 0) return std::nullopt;
  return bytes_out / bytes_in;
}

}  // namespace homeostat::app
