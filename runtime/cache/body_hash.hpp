// What a strong ETag of a body that comes in pieces is made of: the first half of
// its SHA-256, in hex. Two bodies that differ have different digests also where
// somebody tries to make them equal.
//
// Thread safety: none; one thread per hash. Errors: a digest that could not be made
// is empty.
#pragma once

#include <memory>
#include <string>
#include <string_view>

struct evp_md_ctx_st;

namespace homeostat::cache {

class BodyHash {
 public:
  BodyHash();
  void update(std::string_view bytes);
  /// Call once, at the end.
  [[nodiscard]] std::string digest();

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const noexcept;
  };
  std::unique_ptr<evp_md_ctx_st, Free> context_;  // null after a failure
};

}  // namespace homeostat::cache
