// Answers one client from a fill in flight: its own or another request's.
//
// If the fill fails before anything was sent: a stale response where that is
// allowed, else the failure (own fill). Followers of a fill that was turned away
// at admission or got no answer join again, `rejoins_max` times: one of them then
// leads. A timeout they share: they have waited for it already.
// Thread safety: none; one worker.
#pragma once

#include <optional>

#include "runtime/cache/cache_status.hpp"
#include "runtime/cache/fill.hpp"
#include "runtime/proxy/client_connection.hpp"
#include "runtime/proxy/exchange.hpp"
#include "runtime/proxy/fetch_task.hpp"
#include "runtime/proxy/recycled.hpp"
#include "runtime/proxy/response_writer.hpp"

namespace homeostat::proxy {

class FillExchange final : public Exchange, public Recycled<FillExchange> {
 public:
  FillExchange(ClientConnection& connection, cache::FillReader reader,
               const cache::CacheStatus& status, bool leader);
  ~FillExchange() override;

  /// Leader only: begins the fetch this exchange reads from.
  void lead(cache::FillLeader leader);
  void start() override;

  // -- from the own FetchTask ---------------------------------------------------
  void adopt(Ref<UpstreamCall> call, const http::ResponseHead& head, cache::Reason reason);
  void note_upstream(int status, Duration latency);
  void note_stored(bool stored) noexcept { status_.stored = stored; }
  /// It came from the shared tier: the origin was not asked.
  void note_shared(Duration ttl);
  /// Passes a 1xx response on to the client that caused the fetch.
  void pass_interim(const http::ResponseHead& head);
  void note_rejection(const gate::Rejection& rejection) { rejection_ = rejection; }
  void note_failure(const UpstreamFailure& failure) { failure_ = failure; }
  /// What it validated is not what the application has, and is not stored any more.
  void note_contradicted() noexcept { contradicted_ = true; }
  [[nodiscard]] bool may_bridge(const cache::Object& stored, cache::Reason failure) const;

  void on_client_readable() override;
  void on_client_writable() override;
  void on_client_deadline(ClientWait wait) override;
  void on_client_gone() override;

 private:
  void proceed();
  void wait();
  [[nodiscard]] bool shares_answer();
  [[nodiscard]] bool begin_response();
  /// 304 from what is being fetched. `varies`: other forms of it are sent as well.
  [[nodiscard]] std::optional<Duration> age_to_tell(const cache::ObjectHead& head) const;
  void answer_not_modified(const cache::ObjectHead& head, const std::string& cache_status,
                           const StreamCoding& coding);
  [[nodiscard]] bool streams_tighter(const cache::Object& object) const;
  [[nodiscard]] bool judge_condition(const cache::ObjectHead& head);
  [[nodiscard]] bool begin_range(const cache::ObjectHead& head, const ResponseExtras& extras);
  void await_whole();
  [[nodiscard]] bool skip_to(std::uint64_t offset);
  void send_pieces();
  void flush();
  void uncacheable();
  void failed();
  void cut_off();
  void follower_failed(cache::Reason reason);
  void forward_instead(cache::Reason reason);
  void look_again();
  void deadline_passed();
  void leave();

  static constexpr std::uint8_t rejoins_max = 2;

  Ref<ClientConnection> connection_;
  Worker& worker_;
  std::optional<cache::FillReader> reader_;
  cache::CacheStatus status_;
  const bool leader_;
  Ref<FetchTask> task_;
  std::optional<gate::Rejection> rejection_;
  std::optional<UpstreamFailure> failure_;
  ResponseWriter writer_;
  std::optional<http::ByteRange> range_;  ///< the part of the body that is sent
  std::uint64_t sending_ = 0;             ///< fill bytes that are in the writer
  bool body_done_ = false;
  bool flushing_ = false;
  bool contradicted_ = false;
  bool watching_ = false;  ///< will be told when the others waited too long
};

}  // namespace homeostat::proxy
