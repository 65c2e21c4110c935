// Which of the 16384 slots of a Redis Cluster a key belongs to: CRC16 (XMODEM) of
// the key, or of what stands between its first `{` and the next `}` if that is not
// empty (Redis Cluster specification, "Hash tags").
//
// Thread safety: pure functions.
#pragma once

#include <cstdint>
#include <string_view>

namespace homeostat::redis {

inline constexpr std::size_t slot_count = 16384;

[[nodiscard]] std::uint16_t slot_of(std::string_view key) noexcept;

}  // namespace homeostat::redis
