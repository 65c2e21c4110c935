// One keep-alive client connection of the load generator, one request at a time.
//
// Reports through its listener: exactly one finished() or closed() for each
// send(), and closed() when an idle connection ends.
// Ownership: shared; keeps itself alive while an operation is pending. The
// listener must outlive the io_context's run.
// Thread safety: none; all on the io_context's one thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/system/error_code.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "runtime/app/demo/arrivals.hpp"
#include "runtime/http/parser.hpp"

namespace homeostat::demo {

class LoadConnection;

class LoadListener {
 public:
  virtual ~LoadListener() = default;
  /// The answer is complete; the connection may be used again if `reusable`.
  virtual void finished(LoadConnection& connection, unsigned status, bool reusable) = 0;
  /// The connection ended, with or without a request under way.
  virtual void closed(LoadConnection& connection) = 0;
  /// Where received bytes are put; shared by all connections.
  virtual std::vector<char>& receive_buffer() = 0;
  virtual void received(std::size_t bytes) = 0;
};

class LoadConnection : public std::enable_shared_from_this<LoadConnection> {
 public:
  LoadConnection(boost::asio::io_context& context, LoadListener& listener);

  /// Sends, connecting first if need be. REQUIRES: no request under way.
  void send(const boost::asio::ip::tcp::endpoint& server, const Arrival& arrival);
  /// Gives up: closes at once, reports nothing.
  void abandon();

  [[nodiscard]] bool busy() const noexcept { return busy_; }
  [[nodiscard]] const Arrival& arrival() const noexcept { return arrival_; }
  /// Counts requests; tells a later request on this connection from this one.
  [[nodiscard]] std::uint64_t round() const noexcept { return round_; }

 private:
  void write();
  void wait_for_answer();
  void on_readable();
  void parse(std::string_view input);
  void fail();

  boost::asio::ip::tcp::socket socket_;
  LoadListener& listener_;
  http::ResponseParser parser_;
  std::string request_;
  std::string pending_;  ///< a head that arrived in pieces
  Arrival arrival_;
  std::uint64_t round_ = 0;
  bool busy_ = false;
  bool open_ = false;
  bool ended_ = false;
};

}  // namespace homeostat::demo
