// Keeps the memory of objects that every request makes for the next request.
//
//   class UpstreamCall final : public ..., public Recycled<UpstreamCall> { ... };
//
// malloc is quick up to about 1 KiB only; an object above that costs a walk
// through its bins each time it is made and again when it goes. Here both are
// a push or a pop. Each thread keeps up to `recycled_max` blocks per class and frees
// the rest; what it holds goes when the thread ends. Under AddressSanitizer nothing is
// kept, so that a use after the end is seen.
//
// Thread safety: blocks may be freed on another thread than the one that made
// them. REQUIRES: T is final, so that all blocks have one size.
#pragma once

#include <cstddef>
#include <new>

namespace homeostat::proxy {

inline constexpr std::size_t recycled_max = 256;

#if defined(__SANITIZE_ADDRESS__)

template <class T>
class Recycled {};

#else

template <class T>
class Recycled {
 public:
  static void* operator new(std::size_t size) {
    Free& free = blocks();
    if (free.first == nullptr) return ::operator new(size);
    Block* const block = free.first;
    free.first = block->next;
    --free.count;
    return block;
  }
  static void operator delete(void* memory) {
    Free& free = blocks();
    if (free.count == recycled_max) {
      ::operator delete(memory);
      return;
    }
    free.first = new (memory) Block{free.first};
    ++free.count;
  }

 private:
  struct Block {
    Block* next;
  };
  struct Free {
    Block* first = nullptr;
    std::size_t count = 0;
    ~Free() {
      count = recycled_max;  // what is freed after this, by other objects of the thread, goes
      while (first != nullptr) {
        Block* const next = first->next;
        ::operator delete(first);
        first = next;
      }
    }
  };
  static Free& blocks() noexcept {
    thread_local Free free;
    return free;
  }
};

#endif

}  // namespace homeostat::proxy
