#include "runtime/app/demo/sample_work.hpp"

#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

namespace homeostat::demo {

namespace json = boost::json;

namespace {

constexpr unsigned report_rows = 24;
constexpr unsigned catalog_rows = 520;

/// SplitMix64 (S. Vigna): one step of a full-period mixing generator.
constexpr std::uint64_t mix(std::uint64_t& state) noexcept {
  std::uint64_t z = (state += 0x9e3779b97f4a7c15ULL);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

}  // namespace

std::uint64_t burn_cpu(std::uint64_t seed, std::uint64_t rounds) noexcept {
  std::uint64_t total = seed;
  // The next round starts from this one's result: a chain nothing can shorten.
  for (std::uint64_t i = 0; i < rounds; ++i) total ^= mix(total);
  return total;
}

std::string report_document(std::uint64_t id, std::uint64_t rounds) {
  json::array rows;
  for (unsigned row = 0; row < report_rows; ++row) {
    const std::uint64_t total = burn_cpu(id * report_rows + row, rounds / report_rows);
    rows.push_back(json::object{{"month", row + 1},
                                {"orders", total % 100000},
                                {"revenue_cents", (total >> 20) % 10000000},
                                {"returns", (total >> 44) % 1000}});
  }
  return json::serialize(json::object{{"report", id}, {"rows", std::move(rows)}});
}

std::string catalog_document(std::uint64_t id) {
  std::uint64_t state = id;
  json::array products;
  products.reserve(catalog_rows);
  for (unsigned row = 0; row < catalog_rows; ++row) {
    const std::uint64_t draw = mix(state);
    products.push_back(json::object{
        {"sku", fmt::format("{:016x}", draw)},
        {"name", fmt::format("Article {} of page {}", row, id)},
        {"description", "A plain article with a description of ordinary length for its kind"},
        {"price_cents", draw % 50000},
        {"stock", (draw >> 32) % 500}});
  }
  return json::serialize(json::object{{"page", id}, {"products", std::move(products)}});
}

std::string search_document(const std::string& query) {
  json::array results;
  for (unsigned row = 0; row < 10; ++row) {
    results.push_back(json::object{{"rank", row + 1}, {"title", fmt::format("{} {}", query, row)}});
  }
  return json::serialize(json::object{{"query", query}, {"results", std::move(results)}});
}

std::string entity_tag_of(const std::string& content) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : content) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  }
  return fmt::format("\"{:016x}\"", hash);
}

}  // namespace homeostat::demo
