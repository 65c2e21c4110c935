// How an entry gets into Redis: one script, so that what is there is compared with what is to
// be written by the server, and nobody comes in between.
//
// Newer stays (created() of the entry, to the millisecond): an agent that was slow, or whose
// compression was, does not put its older response over a newer one. What is there counts only
// while it could be used by anybody:
//
//   of the same version and the same log as the new one (an other log's is dead, or will be)
//   number >= `alive_from`     nothing that names it was invalidated since its fetch began, as
//                              far as the writer knows
//   created <= `believed_until`  later is a wrong clock's, and no reader believes it
//
// Under a lease, only while it is the writer's (fencing): if it expired and somebody else took
// it, the entry is not touched; if it expired and nobody has it, the entry is written unless
// one that could be used is there, whichever is newer.
//
// Thread safety: pure functions. Errors: of another type than text, what is there is replaced.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "runtime/ports/clock.hpp"
#include "runtime/redis/reply.hpp"

namespace homeostat::tier {

struct LeaseTerms;

struct StoreTerms {
  std::chrono::milliseconds ttl{};
  std::uint64_t alive_from = 0;
  WallTime believed_until{};
};
/// `bytes`: of encode(). `lease`: held, of `entry_key`, and ended by this unless it is lost; or
/// not held.
[[nodiscard]] std::string store_command(const std::string& entry_key, const std::string& bytes,
                                        const StoreTerms& terms, const LeaseTerms& lease);

struct StoreResult {
  enum class State : std::uint8_t {
    stored,
    older,  ///< what is there is newer, and stays
    lost    ///< the lease was another's, or had ended and the entry was there: nothing was done
  };
  State state = State::stored;
  bool waited_for = false;  ///< somebody waits for news of the lease
};
/// Nothing: no such answer.
[[nodiscard]] std::optional<StoreResult> read_stored(const redis::Reply& reply);

}  // namespace homeostat::tier
