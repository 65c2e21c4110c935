// Replies of Redis (RESP2) as values, read by hiredis' parser within bounds.
//
// A server that lies about lengths costs no more than `Bounds`: what is announced
// is never allocated before it is within them.
//
// Thread safety: none; one owner. Errors: a reader that is broken() stays so; its
// connection has to be closed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

struct redisReader;

namespace homeostat::redis {

struct Reply {
  enum class Type : std::uint8_t { nil, text, status, integer, array, error };
  Type type = Type::nil;
  std::string text;  ///< of text, status and error
  std::int64_t integer = 0;
  std::vector<Reply> elements;  ///< of array

  [[nodiscard]] bool is(Type other) const noexcept { return type == other; }
  /// An error reply whose first word this is, e.g. "MOVED".
  [[nodiscard]] bool is_error(std::string_view code) const noexcept;
  /// The server takes no writes: it is a replica. Before Redis 7 a script's error names the
  /// script first.
  [[nodiscard]] bool of_replica() const noexcept;
};

/// What a server said, fit for a log line: 100 bytes at most, printable.
[[nodiscard]] std::string excerpt(std::string_view text);

class ReplyReader {
 public:
  struct Bounds {
    std::size_t bytes_max = 64 * 1024 * 1024;  ///< of one reply, and of what waits to be one
    std::size_t elements_max = 1024 * 1024;    ///< of one reply, nested ones included
  };
  explicit ReplyReader(Bounds bounds);
  ~ReplyReader();
  ReplyReader(const ReplyReader&) = delete;
  ReplyReader& operator=(const ReplyReader&) = delete;

  void feed(std::string_view bytes);
  /// Nothing: incomplete, or broken().
  [[nodiscard]] std::optional<Reply> next();
  [[nodiscard]] bool broken() const noexcept { return !error_.empty(); }
  [[nodiscard]] const std::string& error() const noexcept { return error_; }

  /// What the parser's callbacks count; internal.
  struct Budget {
    Bounds bounds;
    std::size_t bytes = 0, elements = 0;
  };

 private:
  struct Free {
    void operator()(redisReader* reader) const noexcept;
  };
  Budget budget_;
  std::unique_ptr<redisReader, Free> reader_;
  std::string error_;
};

}  // namespace homeostat::redis
