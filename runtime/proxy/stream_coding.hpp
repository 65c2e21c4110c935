// Whether and how a response is compressed while it streams.
//
// Thread safety: none; one worker.
#pragma once

#include <optional>

#include "rules/laws/coding.hpp"
#include "runtime/cache/object.hpp"
#include "runtime/http/message.hpp"

namespace homeostat::proxy {

class RequestContext;
class Worker;

struct StreamCoding {
  rules::Coding coding = rules::Coding::identity;  ///< identity: as it is
  int effort = 0;
  bool vary = false;  ///< another client might get another coding
  [[nodiscard]] bool encodes() const noexcept { return coding != rules::Coding::identity; }
};

/// A response that passes. The same for HEAD and GET, so that both carry the
/// same fields.
[[nodiscard]] StreamCoding choose_stream_coding(Worker& worker, const RequestContext& request,
                                                const http::ResponseHead& head);
/// A response that is being stored.
[[nodiscard]] StreamCoding choose_stream_coding(Worker& worker, const RequestContext& request,
                                                const cache::ObjectHead& head,
                                                std::optional<std::uint64_t> length);

/// Whether this agent compresses responses to this request at all: configuration,
/// rules, and, for secrets stored under a user's key, the path.
[[nodiscard]] bool compression_on(Worker& worker, const RequestContext& request);

}  // namespace homeostat::proxy
