#include "bench/replay/trace.hpp"

#include <lzma.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <iostream>
#include <iterator>
#include <numeric>
#include <random>
#include <stdexcept>
#include <string_view>
#include <unordered_map>

namespace homeostat::replay {
namespace {

std::string read_plain(const std::string& path) {
  std::ifstream file;
  if (path != "-") {
    file.open(path, std::ios::binary);
    if (!file) throw std::runtime_error(path + ": cannot be opened");
  }
  std::istream& in = path == "-" ? std::cin : file;
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

std::string read_gzip(const std::string& path) {
  gzFile file = gzopen(path.c_str(), "rb");
  if (file == nullptr) throw std::runtime_error(path + ": cannot be opened");
  std::string out;
  std::vector<char> chunk(1U << 18U);
  int count = 0;
  while ((count = gzread(file, chunk.data(), static_cast<unsigned>(chunk.size()))) > 0) {
    out.append(chunk.data(), static_cast<std::size_t>(count));
  }
  const int closed = gzclose(file);
  if (count < 0 || closed != Z_OK) throw std::runtime_error(path + ": not whole gzip data");
  return out;
}

std::string read_xz(const std::string& path) {
  const std::string packed = read_plain(path);
  lzma_stream stream = LZMA_STREAM_INIT;
  constexpr std::uint64_t memory_max = 1U << 30U;
  lzma_ret result = lzma_stream_decoder(&stream, memory_max, LZMA_CONCATENATED);
  stream.next_in = reinterpret_cast<const std::uint8_t*>(packed.data());
  stream.avail_in = packed.size();
  std::string out;
  std::vector<std::uint8_t> chunk(1U << 18U);
  while (result == LZMA_OK) {
    stream.next_out = chunk.data();
    stream.avail_out = chunk.size();
    result = lzma_code(&stream, LZMA_FINISH);
    out.append(reinterpret_cast<const char*>(chunk.data()), chunk.size() - stream.avail_out);
  }
  lzma_end(&stream);
  if (result != LZMA_STREAM_END) throw std::runtime_error(path + ": not whole xz data");
  return out;
}

/// Renumbers ids densely.
class Builder {
 public:
  explicit Builder(Trace& trace) : trace_(trace) {}
  void add(double time, std::string_view id, std::uint64_t size) {
    const auto [found, fresh] = ids_.try_emplace(std::string(id), next());
    add(time, found->second, fresh, size);
  }
  void add(double time, std::uint32_t id, std::uint64_t size) {
    const auto [found, fresh] = numbers_.try_emplace(id, next());
    add(time, found->second, fresh, size);
  }

 private:
  [[nodiscard]] std::uint32_t next() const {
    return static_cast<std::uint32_t>(trace_.sizes.size());
  }
  void add(double time, std::uint32_t id, bool fresh, std::uint64_t size) {
    if (fresh) trace_.sizes.push_back(0);
    trace_.sizes[id] = std::max({trace_.sizes[id], size, std::uint64_t{1}});
    trace_.accesses.push_back({time, id});
  }
  Trace& trace_;
  std::unordered_map<std::string, std::uint32_t> ids_;
  std::unordered_map<std::uint32_t, std::uint32_t> numbers_;
};

std::vector<std::string_view> split(std::string_view line) {
  std::vector<std::string_view> cells;
  for (;;) {
    const std::size_t comma = line.find(',');
    cells.push_back(line.substr(0, comma));
    if (comma == std::string_view::npos) return cells;
    line.remove_prefix(comma + 1);
  }
}

template <class Number>
bool parse(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size();
}

struct Columns {
  std::size_t time = 0, id = 1, size = 2;

  /// True if the line is a header.
  bool take_header(const std::vector<std::string_view>& cells) {
    const auto at = [&](std::string_view name) {
      return static_cast<std::size_t>(std::find(cells.begin(), cells.end(), name) - cells.begin());
    };
    if (at("id") == cells.size()) return false;
    time = at("time");
    id = at("id");
    size = at("size");
    return true;
  }
};

void parse_csv(std::string_view text, const std::string& path, Trace& trace) {
  Builder builder(trace);
  Columns columns;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) continue;
    const std::vector<std::string_view> cells = split(line);
    if (number == 1 && columns.take_header(cells)) continue;
    double time = 0;
    std::uint64_t size = 0;
    if (std::max({columns.time, columns.id, columns.size}) >= cells.size() ||
        !parse(cells[columns.time], time) || !parse(cells[columns.size], size)) {
      throw std::runtime_error(path + ":" + std::to_string(number) + ": expected time,id,size");
    }
    builder.add(time, cells[columns.id], size);
  }
}

void parse_u32(std::string_view bytes, const std::string& path, std::uint64_t unit, Trace& trace) {
  if (bytes.size() % 4 != 0) throw std::runtime_error(path + ": not a whole number of keys");
  Builder builder(trace);
  trace.accesses.reserve(bytes.size() / 4);
  for (std::size_t i = 0; i + 4 <= bytes.size(); i += 4) {
    std::uint32_t key = 0;
    for (std::size_t k = 4; k-- > 0;) key = key << 8U | static_cast<unsigned char>(bytes[i + k]);
    builder.add(static_cast<double>(i / 4) / 1000, key, unit);
  }
}

}  // namespace

std::uint64_t Trace::footprint() const noexcept {
  return std::accumulate(sizes.begin(), sizes.end(), std::uint64_t{0});
}

Trace read_trace(const std::string& path, TraceFormat format, std::uint64_t unit_bytes) {
  Trace trace;
  trace.name = path.substr(path.find_last_of('/') + 1);
  std::string_view stem = path;
  std::string text;
  if (stem.ends_with(".gz")) {
    text = read_gzip(path);
    stem.remove_suffix(3);
  } else if (stem.ends_with(".xz")) {
    text = read_xz(path);
    stem.remove_suffix(3);
  } else {
    text = read_plain(path);
  }
  const bool keys =
      format == TraceFormat::u32 || (format == TraceFormat::automatic && stem.ends_with(".u32"));
  if (keys) {
    parse_u32(text, path, unit_bytes, trace);
  } else {
    parse_csv(text, path, trace);
  }
  if (trace.accesses.empty()) throw std::runtime_error(path + ": no requests");
  return trace;
}

void overlay_ttls(Trace& trace, std::uint64_t seed) {
  constexpr std::size_t endpoint_count = 40;
  constexpr std::array<double, 7> lifetimes = {5, 30, 60, 300, 3600, 12 * 3600, 24 * 3600};
  std::mt19937_64 random(seed);
  std::discrete_distribution<std::size_t> draw({.10, .15, .20, .20, .15, .10, .10});
  std::array<double, endpoint_count> endpoints{};
  for (double& ttl : endpoints) ttl = lifetimes[draw(random)];
  std::uniform_int_distribution<std::size_t> pick(0, endpoint_count - 1);
  trace.ttls.resize(trace.objects());
  for (double& ttl : trace.ttls) ttl = endpoints[pick(random)];
}

}  // namespace homeostat::replay
