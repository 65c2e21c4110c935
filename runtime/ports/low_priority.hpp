// For threads whose work nobody waits for at once.
//
// Thread safety: acts on the calling thread only.
#pragma once

#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace homeostat {

/// This thread yields to the workers whenever the CPU is short. Failure (e.g. a
/// seccomp filter) only costs the priority.
inline void lower_thread_priority() noexcept {
  constexpr int lowest_nice = 19;
  sched_param none{};
  if (pthread_setschedparam(pthread_self(), SCHED_BATCH, &none) != 0) return;
  (void)setpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)), lowest_nice);
}

}  // namespace homeostat
