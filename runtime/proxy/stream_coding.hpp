// Whether and how a response is compressed, and JSON tightened, while it streams.
//
// Thread safety: none; one worker.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "config/settings/cache.hpp"
#include "rules/laws/coding.hpp"
#include "runtime/cache/object.hpp"
#include "runtime/http/message.hpp"

namespace homeostat::proxy {

class RequestContext;
class Worker;

struct StreamCoding {
  rules::Coding coding = rules::Coding::identity;  ///< identity: as it is
  int effort = 0;
  bool vary = false;          ///< another client might get another coding
  config::JsonSettings json;  ///< taken out before it is encoded
  [[nodiscard]] bool encodes() const noexcept { return coding != rules::Coding::identity; }
  [[nodiscard]] bool changes_body() const noexcept { return encodes() || json.any(); }
};

/// A response that passes. The same for HEAD and GET, so that both carry the
/// same fields.
[[nodiscard]] StreamCoding choose_stream_coding(Worker& worker, const RequestContext& request,
                                                const http::ResponseHead& head);
/// A response that is being stored.
[[nodiscard]] StreamCoding choose_stream_coding(Worker& worker, const RequestContext& request,
                                                const cache::ObjectHead& head,
                                                std::optional<std::uint64_t> length);

/// Asked for with credentials, not declared to be for everyone, and validated for each
/// request (no-cache): as good as one user's own.
[[nodiscard]] bool is_validated_for_one(const RequestContext& request,
                                        const cache::ObjectHead& head);

/// Chosen by who asks (Vary): its length must not tell what is in it (BREACH).
[[nodiscard]] bool varies_by_secret(const RequestContext& request, const cache::ObjectHead& head);

/// What the request's rule takes out of JSON.
[[nodiscard]] config::JsonSettings json_of(const RequestContext& request) noexcept;
/// The same for a response of this type.
[[nodiscard]] config::JsonSettings json_of(const RequestContext& request,
                                           std::string_view content_type,
                                           bool no_transform) noexcept;

/// Whether clients may have got other bytes than the stored ones under the same date, by what
/// they accept, what they drew or when they asked: in a coding, decoded or tightened.
[[nodiscard]] bool may_differ(const RequestContext& request, const cache::ObjectHead& head,
                              std::uint64_t length);

/// Whether this agent compresses responses to this request at all: configuration,
/// rules, and, for secrets stored under a user's key, the path.
[[nodiscard]] bool compression_on(Worker& worker, const RequestContext& request);

}  // namespace homeostat::proxy
