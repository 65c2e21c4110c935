#include "tests/allocations/worker_allocations.hpp"

#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <fstream>
#include <new>
#include <string>

namespace {

/// What one thread allocated. Threads of a test are few: the first ones are counted.
struct Count {
  std::atomic<pid_t> thread{0};
  std::atomic<std::size_t> calls{0};
};

constexpr std::size_t threads_max = 256;
std::array<Count, threads_max> counts;
std::atomic<std::size_t> counted{0};

Count& own_count() noexcept {
  thread_local Count* own = nullptr;
  if (own == nullptr) {
    own = &counts[counted.fetch_add(1) % threads_max];
    own->thread = ::gettid();
  }
  return *own;
}

bool is_worker(pid_t thread) {
  std::string name;
  std::ifstream file("/proc/self/task/" + std::to_string(thread) + "/comm");
  return std::getline(file, name) && name.starts_with("worker-");
}

}  // namespace

std::size_t homeostat::test::worker_allocations() {
  std::size_t sum = 0;
  for (const Count& count : counts) {
    if (const pid_t thread = count.thread; thread != 0 && is_worker(thread)) sum += count.calls;
  }
  return sum;
}

void* operator new(std::size_t size) {
  own_count().calls.fetch_add(1, std::memory_order_relaxed);
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
