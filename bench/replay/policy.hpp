// What a replay asks of a replacement policy, and the lists its peers share.
//
// Policies are byte-bounded and see dense ids. None of them is thread safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace homeostat::replay {

class Policy {
 public:
  virtual ~Policy() = default;
  /// A request for an object of `size` bytes; what is stored by it may be used
  /// until `expires` (seconds). Returns true for a hit.
  virtual bool access(std::uint32_t id, std::uint64_t size, double now, double expires) = 0;
  /// Bytes of objects held.
  [[nodiscard]] virtual std::uint64_t bytes() const = 0;
};

struct PolicySettings {
  std::uint64_t capacity = 0;  ///< bytes
  std::size_t objects = 0;     ///< ids are below this
  std::uint64_t seed = 1;
};

/// Names make_policy() knows, in the order of a table.
[[nodiscard]] const std::vector<std::string>& policy_names();
/// Throws std::runtime_error for an unknown name.
[[nodiscard]] std::unique_ptr<Policy> make_policy(std::string_view name,
                                                  const PolicySettings& settings);

std::unique_ptr<Policy> make_homeostat(const PolicySettings& settings);
std::unique_ptr<Policy> make_lru(const PolicySettings& settings);
std::unique_ptr<Policy> make_sieve(const PolicySettings& settings);
std::unique_ptr<Policy> make_s3fifo(const PolicySettings& settings);
std::unique_ptr<Policy> make_wtinylfu(const PolicySettings& settings);
std::unique_ptr<Policy> make_gdsf(const PolicySettings& settings);

/// Doubly linked lists over ids, several of them sharing one array of links: an
/// id is in one list at a time.
class Links {
 public:
  static constexpr std::uint32_t none = 0xFFFFFFFF;
  explicit Links(std::size_t objects) : nodes_(objects) {}

 private:
  friend class Queue;
  struct Node {
    std::uint32_t older = none, newer = none;
  };
  std::vector<Node> nodes_;
};

/// Oldest first; knows its bytes.
class Queue {
 public:
  explicit Queue(Links& links) : nodes_(links.nodes_) {}

  [[nodiscard]] std::uint32_t oldest() const { return oldest_; }
  [[nodiscard]] std::uint32_t newest() const { return newest_; }
  [[nodiscard]] std::uint32_t newer(std::uint32_t id) const { return nodes_[id].newer; }
  [[nodiscard]] std::uint32_t older(std::uint32_t id) const { return nodes_[id].older; }
  [[nodiscard]] bool empty() const { return oldest_ == Links::none; }
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }

  void push_newest(std::uint32_t id, std::uint64_t size) {
    nodes_[id] = {newest_, Links::none};
    (newest_ == Links::none ? oldest_ : nodes_[newest_].newer) = id;
    newest_ = id;
    bytes_ += size;
  }
  void push_oldest(std::uint32_t id, std::uint64_t size) {
    nodes_[id] = {Links::none, oldest_};
    (oldest_ == Links::none ? newest_ : nodes_[oldest_].older) = id;
    oldest_ = id;
    bytes_ += size;
  }
  void remove(std::uint32_t id, std::uint64_t size) {
    const auto [older, newer] = nodes_[id];
    (older == Links::none ? oldest_ : nodes_[older].newer) = newer;
    (newer == Links::none ? newest_ : nodes_[newer].older) = older;
    bytes_ -= size;
  }

 private:
  std::vector<Links::Node>& nodes_;
  std::uint32_t oldest_ = Links::none, newest_ = Links::none;
  std::uint64_t bytes_ = 0;
};

}  // namespace homeostat::replay
