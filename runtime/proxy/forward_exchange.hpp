// Passes one request through: client body up, response down, nothing stored.
//
// Both directions stream with back-pressure: the side that reads waits until
// the side that writes has taken everything, so a body of any size needs two
// buffers. The response may come before the request body has ended. A body of up to
// 256 KiB that is not here yet gets half a second to come before the request goes on.
// Thread safety: none; one worker.
#pragma once

#include "runtime/cache/cache_status.hpp"
#include "runtime/proxy/client_connection.hpp"
#include "runtime/proxy/exchange.hpp"
#include "runtime/proxy/recycled.hpp"
#include "runtime/proxy/response_writer.hpp"
#include "runtime/proxy/upstream_call.hpp"
#include "runtime/proxy/write_through.hpp"

namespace homeostat::proxy {

class ForwardExchange final : public Exchange,
                              public Recycled<ForwardExchange>,
                              private UpstreamSink {
 public:
  /// `status` says why the cache takes no part.
  ForwardExchange(ClientConnection& connection, const cache::CacheStatus& status);

  void start() override;
  /// Takes over a call whose response head just arrived and was found
  /// uncacheable; its data follows.
  void adopt(Ref<UpstreamCall> call, const http::ResponseHead& head);

  void on_client_readable() override;
  void on_client_writable() override;
  void on_client_deadline(ClientWait wait) override;
  void on_client_gone() override;

 private:
  // UpstreamSink
  [[nodiscard]] bool upstream_wanted() override;
  void on_upstream_rejected(const gate::Rejection& rejection) override;
  void on_upstream_wants_body() override;
  void on_upstream_body_drained() override;
  void on_upstream_interim(const http::ResponseHead& head) override;
  void on_upstream_head(const http::ResponseHead& head) override;
  void on_upstream_data() override;
  void on_upstream_failure(const UpstreamFailure& failure) override;

  void begin();
  // The request's body: forward_upload.cpp.
  [[nodiscard]] bool collects_body() const;
  void start_collecting();
  void collect_body();
  void keep_piece(std::string_view piece);
  [[nodiscard]] bool has_room_for_rest() const;
  void body_collected();
  void pump_request_body();
  void await_request_body();
  [[nodiscard]] bool flush_request_body();
  void body_failed();
  /// Bytes of a response may be on their way: no other one can follow.
  [[nodiscard]] bool response_begun() const noexcept {
    return writer_.started() || !interim_out_.empty();
  }
  void flush_response();
  void response_flushed();
  void hold_answer();
  void update_stored(const http::ResponseHead& head);
  void learn_from_head(const http::ResponseHead& head);
  void leave_call();
  void reconsider(const http::ResponseHead& head);
  void condition_failed();
  void client_failed();
  void become_tunnel();

  Ref<ClientConnection> connection_;
  Worker& worker_;
  cache::CacheStatus status_;
  Ref<UpstreamCall> call_;
  ResponseWriter writer_;
  std::string interim_;
  Outgoing interim_out_;
  bool collecting_ = false;  ///< the body is taken in before the call begins
  bool sending_body_ = false;
  bool upgrade_ = false;
  bool outcome_known_ = false;  ///< of an unsafe request: the cache was told
  Instant requested_{};
  bool data_pending_ = false;  ///< pieces in the writer, waiting for the client
  std::shared_ptr<WriteThrough> through_;
  bool holding_ = false;  ///< the answer's end, until `through_` says that it may go out
  std::string held_;      ///< that end
};

}  // namespace homeostat::proxy
