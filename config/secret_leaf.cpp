#include "config/secret_leaf.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "config/files.hpp"

namespace homeostat::config {

std::string check_secret(const std::string& secret, bool literal) {
  const auto least = literal ? literal_secret_bytes_min : secret_bytes_min;
  if (secret.empty()) return "the secret is empty";
  if (secret.size() < least) {
    return literal ? fmt::format(
                         "a secret written into the file needs at least {} characters; "
                         "better take it from the environment: ${{NAME}}",
                         least)
                   : fmt::format("the secret needs at least {} characters", least);
  }
  if (secret.size() > secret_bytes_max) {
    return fmt::format("the secret is longer than {} bytes", secret_bytes_max);
  }
  // It travels as "Authorization: Bearer <secret>".
  const bool visible = std::all_of(secret.begin(), secret.end(), [](char c) {
    return static_cast<unsigned char>(c) > 0x20 && static_cast<unsigned char>(c) < 0x7f;
  });
  return visible ? std::string{} : "the secret must be visible ASCII characters without blanks";
}

void SecretLeaf::read(const Node& node, const std::string& path, Reading& reading) {
  if (!node.is_scalar()) {
    report_type(*this, node, path, reading);
    return;
  }
  if (node.broken) return;
  reading.report.keep_secret(node.text);
  const bool in_file = node.place.source != nullptr && node.place.source->lines;
  const bool literal = node.defaulted || (in_file && !node.substituted);
  if (const auto error = check_secret(node.text, literal); !error.empty()) {
    reading.report.error(node.place, fmt::format("`{}`: {}", path, error));
    return;
  }
  field_ = node.text;
}

std::string SecretLeaf::allowed() const {
  return fmt::format("{} to {} characters; at least {} if written literally", secret_bytes_min,
                     secret_bytes_max, literal_secret_bytes_min);
}

std::string read_secret_file(const std::string& file, const Place& place, const std::string& path,
                             Reading& reading) {
  // Messages leave the path out: it may be the secret itself, put there by mistake.
  auto read = read_file(resolve_path(file, reading.base_dir), secret_bytes_max + 2);
  if (const auto* error = std::get_if<UnitError>(&read)) {
    reading.report.error(place, fmt::format("`{}`: the file {}", path, error->message));
    return {};
  }
  auto secret = std::get<std::string>(std::move(read));
  if (!secret.empty() && secret.back() == '\n') secret.pop_back();
  if (!secret.empty() && secret.back() == '\r') secret.pop_back();
  reading.report.keep_secret(secret);
  if (const auto error = check_secret(secret, false); !error.empty()) {
    reading.report.error(place, fmt::format("`{}`: {}", path, error));
    return {};
  }
  return secret;
}

}  // namespace homeostat::config
