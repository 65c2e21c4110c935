// Leaves of rate limits. See leaf.hpp.
#pragma once

#include "config/scalar_leaves.hpp"
#include "config/settings/admission.hpp"

namespace homeostat::config {

/// "100/s", "600/min", "5000/h", "20000/d": whole requests per period.
class RateLeaf final : public ScalarLeaf {
 public:
  explicit RateLeaf(Rate& field) : field_(field) {}
  std::string show() const override;
  std::string type() const override { return "rate"; }
  std::string allowed() const override { return "1 to 1000000000 per s, min, h or d"; }
  void take(const Leaf& same_key) override { field_ = same_kind(*this, same_key).field_; }

 private:
  std::optional<UnitError> set(const Node& scalar) override;
  Rate& field_;
};

/// `all`, or one or several of client, tenant and route. Nothing by default.
class BucketKeyLeaf final : public Leaf {
 public:
  explicit BucketKeyLeaf(BucketKey& field) : field_(field) {}
  void read(const Node& node, const std::string& path, Reading& reading) override;
  std::string show() const override;
  std::string type() const override { return "word or list of words"; }
  std::string allowed() const override { return "all, or some of client, tenant and route"; }
  void take(const Leaf& same_key) override { field_ = same_kind(*this, same_key).field_; }

 private:
  BucketKey& field_;
};

}  // namespace homeostat::config
