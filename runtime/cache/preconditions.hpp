// Conditional requests: the client's against a stored response, and our own
// towards the origin (RFC 9110 section 13, RFC 9111 section 4.3).
//
// Pure functions.
#pragma once

#include <cstdint>
#include <string>

#include "runtime/cache/fields.hpp"
#include "runtime/cache/object.hpp"

namespace homeostat::cache {

enum class Precondition : std::uint8_t {
  send,          ///< answer with the stored response
  not_modified,  ///< answer 304
};

/// If-None-Match (weak comparison) over If-Modified-Since; only for stored 200.
[[nodiscard]] Precondition evaluate_preconditions(const Fields& request, const ObjectHead& stored);

/// Appends the 304 head block (status line and the fields RFC 9110 section
/// 15.4.5 asks for; no terminating empty line, no Age).
void write_not_modified(const ObjectHead& stored, std::string& out);

/// Appends `If-None-Match` and `If-Modified-Since` lines for a validation of
/// `stored`. The client's own conditional fields must be removed first.
void write_validators(const ObjectHead& stored, std::string& out);

}  // namespace homeostat::cache
