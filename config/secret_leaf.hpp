// A leaf for a secret: never shown, never quoted, blanked out of every message.
#pragma once

#include <string>

#include "config/leaf.hpp"

namespace homeostat::config {

/// A secret typed into the file is easily a weak one, so it must be long; one
/// from the environment or a file is taken to be generated.
inline constexpr std::size_t literal_secret_bytes_min = 16;
inline constexpr std::size_t secret_bytes_min = 8;
inline constexpr std::size_t secret_bytes_max = 1024;

/// What is wrong with a secret, without quoting it; empty if it is fine.
[[nodiscard]] std::string check_secret(const std::string& secret, bool literal);

class SecretLeaf final : public Leaf {
 public:
  explicit SecretLeaf(std::string& field) : field_(field) {}
  void read(const Node& node, const std::string& path, Reading& reading) override;
  std::string show() const override { return field_.empty() ? std::string{} : "\"***\""; }
  std::string identity() const override { return field_.empty() ? field_ : yaml_text(field_); }
  std::string type() const override { return "secret"; }
  std::string allowed() const override;
  void take(const Leaf& same_key) override { field_ = same_kind(*this, same_key).field_; }

 private:
  std::string& field_;
};

/// Reads a secret from a file of at most secret_bytes_max bytes and one newline
/// at its end. Reports and returns empty on failure.
[[nodiscard]] std::string read_secret_file(const std::string& file, const Place& place,
                                           const std::string& path, Reading& reading);

}  // namespace homeostat::config
