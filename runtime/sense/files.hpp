// Small readers for /proc, /sys and cgroup files. All of them answer nullopt
// instead of a made-up zero when a file is absent, unreadable or garbage.
//
// Thread safety: pure functions. No clock, no allocation beyond the result.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace homeostat::sense {

inline constexpr std::size_t file_bytes_max = 1024 * 1024;  ///< longer files are cut

/// The whole file, at most file_bytes_max.
[[nodiscard]] std::optional<std::string> read_file(const std::string& path);
[[nodiscard]] bool exists(const std::string& path) noexcept;
/// Names in a directory, without . and ..; at most `max`.
[[nodiscard]] std::vector<std::string> list_directory(const std::string& path, std::size_t max);

/// Decimal digits only, surrounding white space allowed.
[[nodiscard]] std::optional<std::uint64_t> parse_number(std::string_view text) noexcept;
/// A file that holds one number.
[[nodiscard]] std::optional<std::uint64_t> read_number(const std::string& path);
/// The value behind `key` in "key value" lines.
[[nodiscard]] std::optional<std::uint64_t> keyed_number(std::string_view text,
                                                        std::string_view key) noexcept;
/// Splits at white space.
[[nodiscard]] std::vector<std::string_view> split_words(std::string_view text);

/// How many CPUs a list such as "0-3,8-11" names; each is counted once. nullopt
/// for an empty or malformed list. Source: cpuset(7), "List format".
[[nodiscard]] std::optional<std::size_t> count_cpu_list(std::string_view list);

/// root + path without a doubled slash.
[[nodiscard]] std::string join_path(std::string_view root, std::string_view path);

}  // namespace homeostat::sense
