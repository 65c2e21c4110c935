// One connection of the management listener, and what all of them share.
//
// Thread safety: none; everything runs on the io_context's one thread.
// Ownership: a session keeps itself alive through its pending operation and
// leaves the list when its last handler is done.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "runtime/admin/admin_server.hpp"
#include "runtime/admin/api.hpp"
#include "runtime/admin/event_stream.hpp"
#include "runtime/admin/http_message.hpp"

namespace homeostat::admin {

inline constexpr std::uint32_t header_bytes_max = 16 * 1024;

class Session;

/// What sessions share. Outlives them: each holds a shared_ptr.
struct ServerContext {
  ServerContext(const config::AdminSettings& settings, AdminServices services,
                const AdminTimeouts& timeouts_in, BackgroundJob::Post post)
      : timeouts(timeouts_in),
        events(services.events),
        api(settings, std::move(services), counters, std::move(post)) {}

  AdminCounters counters;
  const AdminTimeouts timeouts;
  EventLog* const events;  ///< may be null
  Api api;
  std::set<Session*> sessions;
  std::vector<std::weak_ptr<EventStream>> event_streams;
  bool stopping = false;
  bool large_body = false;  ///< one is on its way
};

/// The right to send a body above the standard size. REQUIRES: nobody has it.
class LargeBody {
 public:
  explicit LargeBody(ServerContext& server) : server_(server) { server_.large_body = true; }
  ~LargeBody() { server_.large_body = false; }
  LargeBody(const LargeBody&) = delete;
  LargeBody& operator=(const LargeBody&) = delete;

 private:
  ServerContext& server_;
};

class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(boost::asio::ip::tcp::socket socket, std::shared_ptr<ServerContext> server);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void start();
  /// Closes at once if no answer is under way, else after it.
  void stop();

 private:
  using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;
  using Response = boost::beast::http::response<boost::beast::http::string_body>;
  using ErrorCode = boost::system::error_code;

  void wait_for_request();
  void read_header();
  void start_read_deadline();
  void on_header(ErrorCode error);
  [[nodiscard]] std::optional<AdminResponse> refuse_body();
  void send_continue();
  void read_body();
  void on_request(ErrorCode error);
  void on_bad_request(ErrorCode error);
  void stream_events(const AdminResponse& answer);
  void answer_later(const AdminResponse& answer, bool keep_alive, bool head);
  void watch_client(std::function<void()> abandoned);
  void write(AdminResponse answer, bool keep_alive, bool head);
  void on_written(ErrorCode error);
  void linger();
  void close();
  [[nodiscard]] std::optional<AdminRequest> to_request(const Parser::value_type& message) const;

  boost::beast::tcp_stream stream_;
  boost::asio::steady_timer read_deadline_;
  std::shared_ptr<ServerContext> server_;
  boost::beast::flat_buffer buffer_;
  std::optional<Parser> parser_;
  std::unique_ptr<LargeBody> large_body_;
  Response response_;
  std::string peer_;
  bool peer_loopback_ = false;
  bool writing_ = false;
  bool timed_out_ = false;
  unsigned read_round_ = 0;
  std::size_t lingered_bytes_ = 0;
  std::weak_ptr<EventStream> events_;
};

}  // namespace homeostat::admin
