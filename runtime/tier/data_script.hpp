// How an entry of the application's data is written into Redis.
//
// An entry holds the position of the log that its write took. Of two writes under numbers of one
// log the higher number stays, in whichever order they come.
//
// Thread safety: pure functions.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "runtime/ports/clock.hpp"
#include "runtime/redis/command.hpp"
#include "runtime/tier/entry.hpp"

namespace homeostat::tier {

/// `key` as Redis has it. `since` is left to be filled in.
[[nodiscard]] Entry make_data_entry(std::string key, std::string value,
                                    std::vector<std::string> tags, WallTime created, Duration ttl);

/// Sets the entry for what is `left` of its lifetime.
[[nodiscard]] std::string data_set_command(const Entry& entry, std::chrono::milliseconds left);

}  // namespace homeostat::tier
