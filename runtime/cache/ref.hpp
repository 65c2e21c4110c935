// Intrusive reference counting for immutable values shared between workers.
//
// Thread safety: the count is atomic; the object itself must be immutable, or
// say how it is shared. Ownership: the last reference deletes.
#pragma once

#include <atomic>
#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <cstdint>

namespace homeostat::cache {

template <class Derived>
class RefCounted {
 public:
  RefCounted() = default;
  RefCounted(const RefCounted&) = delete;
  RefCounted& operator=(const RefCounted&) = delete;

  friend void intrusive_ptr_add_ref(const RefCounted* self) noexcept {
    self->references_.fetch_add(1, std::memory_order_relaxed);
  }
  friend void intrusive_ptr_release(const RefCounted* self) noexcept {
    // The acquire half makes every other owner's use happen before the delete.
    if (self->references_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      delete static_cast<const Derived*>(self);
    }
  }

 protected:
  ~RefCounted() = default;

 private:
  mutable std::atomic<std::uint32_t> references_{0};
};

template <class T>
using Ref = boost::intrusive_ptr<T>;

}  // namespace homeostat::cache
