// Conditional requests: the client's against a stored response, and our own
// towards the origin (RFC 9110 section 13, RFC 9111 section 4.3).
//
// Pure functions.
#pragma once

#include <cstdint>
#include <string>

#include "runtime/cache/fields.hpp"
#include "runtime/cache/object.hpp"
#include "runtime/cache/request_rules.hpp"

namespace homeostat::cache {

enum class Precondition : std::uint8_t {
  send,          ///< answer with the stored response
  not_modified,  ///< answer 304
};

/// If-None-Match (weak comparison) over If-Modified-Since; only for stored 200
/// and requests with GET or HEAD.
[[nodiscard]] Precondition evaluate_preconditions(const Fields& request, const ObjectHead& stored);

/// If-Match (strong comparison) over If-Unmodified-Since: true if the stored
/// response satisfies them. If it does not, the origin must decide: what is
/// stored may be older than what the client saw.
[[nodiscard]] bool satisfies_preconditions(const Fields& request, const ObjectHead& stored);

/// Whether If-Match with tags of this agent's alone forbids to send a response with
/// this head: `stored` unless null (what is not stored has no such tag).
[[nodiscard]] bool fails_own_condition(const RequestDecision& decision, const Fields& request,
                                       int status, const ObjectHead* stored);

/// Whether Range applies: no If-Range, or one whose validator is the stored
/// response's and strong (RFC 9110 sections 8.8.2.2 and 13.1.5). `coded`: clients may
/// have got the body in a coding of this agent's under the same date, which then is not.
[[nodiscard]] bool range_applies(const Fields& request, const ObjectHead& stored,
                                 bool coded = false);

/// Appends the 304 head block (no terminating empty line, no Age): the status
/// line and every stored field that may tell a cache further down something
/// new; not those that describe the content (RFC 9110 section 15.4.5), except
/// Content-Location and, without ETag, Last-Modified. `coded`: the 200 would have a
/// coding of this agent's, and so a weak tag.
void write_not_modified(const ObjectHead& stored, std::string& out, bool coded = false);

/// Appends `If-None-Match` and `If-Modified-Since` lines for a validation of
/// `stored`. The client's own conditional fields must be removed first; the tags
/// of its If-None-Match are asked about in the same field (RFC 9111 section
/// 4.3.2), at most `client_tags_max`.
void write_validators(const ObjectHead& stored, const Fields& client, std::string& out);
inline constexpr std::size_t client_tags_max = 16;

/// What a 304 for a request with write_validators() is about.
enum class Validated : std::uint8_t {
  stored,   ///< the stored response
  client,   ///< only what the client has
  unknown,  ///< it does not say, and both were asked about; or something else
};
[[nodiscard]] Validated validated(const ObjectHead& stored, const Fields& client,
                                  const Fields& not_modified);

}  // namespace homeostat::cache
