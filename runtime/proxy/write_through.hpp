// What a write has changed, fetched before its client is told (cache.rules[].write: through).
//
// A successful PUT, PATCH or POST makes what is stored for its target outdated, here and in the
// fleet, as every write does. Where a rule says so, the agent then fetches the target (after 201
// what Location names, if that is of the same host) with the fields of the write's own request,
// and the end of the answer waits for it: whoever reads because of that answer gets what was
// written, from memory here, and through the tier at other agents. What is stored is what the
// application sent for a GET, never what a client sent, nor the answer to another method.
//
//   answer's head     all that it makes outdated is dropped; the fleet is told
//   answer's end      the fleet's log has that, and so has this agent: fetch
//   fetched, written  the client gets the end of the answer
//
// The fetch begins after the invalidation, so that everything that is invalidated later ends it
// like any other: of two writes at once, none leaves behind what only the other has changed.
//
// Bounds: the answer waits for `cache.write_wait_max` at most, and not beyond the request's
// deadline; the fetch goes on. Redis has `cache.redis.timeout` of that to take the invalidation;
// while it is away nobody waits for it. The fetch passes the gate in the lowest class: where there
// is no room, the answer does not wait for it. What goes wrong with it is not the write's trouble.
// Thread safety: the worker's thread. Ownership: the exchange's; a fetch under way keeps it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "runtime/cache/fill.hpp"
#include "runtime/cache/refresh_control.hpp"
#include "runtime/proxy/deadline_wheel.hpp"
#include "runtime/proxy/request_context.hpp"

namespace homeostat::proxy {

class Worker;
enum class WriteThroughResult : std::uint8_t;

class WriteThrough final : public Deadline, public std::enable_shared_from_this<WriteThrough> {
 public:
  /// A rule wants it, and this answer to the request is a success.
  [[nodiscard]] static bool wanted(const Worker& worker, const RequestContext& request,
                                   const http::ResponseHead& response);

  WriteThrough(Worker& worker, const RequestContext& request, const http::ResponseHead& response,
               std::string client_address);
  /// At the answer's head; does all of unsafe_outcome.hpp's invalidate_after. REQUIRES: owned by
  /// a shared_ptr.
  void start(const RequestContext& request, const http::ResponseHead& response);

  /// The answer has ended: `done` runs when it may go out, maybe at once, `latest` at the latest.
  void when_done(Instant latest, std::function<void()> done);
  /// The client has gone: `done` will not run. A fetch that has begun goes on.
  void forget() noexcept { done_ = nullptr; }
  void on_deadline() override;

 private:
  void told();
  void proceed();
  void fetch();
  void follow();
  void skip_body();
  void fetched(cache::RefreshResult result);
  void end(WriteThroughResult result);

  Worker& worker_;
  const std::string host_, client_address_;
  const std::string target_, fields_;
  std::function<void()> done_;
  std::optional<cache::FillReader> reader_;
  Instant latest_{};
  bool told_ = false;      // the invalidation is in force everywhere that counts
  bool answered_ = false;  // the answer has ended
  bool began_ = false;     // the fetch
  bool ended_ = false;
};

}  // namespace homeostat::proxy
