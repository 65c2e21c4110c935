// One client connection of the sample application.
//
// Reads a request, has it answered (by the pool, or at once), writes, repeats.
// Between request and answer it does not read: like most applications it does
// not notice that the client has gone.
// Ownership: keeps itself alive while an operation or a job is under way.
// Thread safety: everything runs on the application's IO thread, except the job
// itself, which touches only what it captured.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/system/error_code.hpp>
#include <memory>
#include <string>
#include <string_view>

#include "runtime/app/demo/sample_app.hpp"
#include "runtime/http/parser.hpp"

namespace homeostat::demo {

class SampleSession : public std::enable_shared_from_this<SampleSession> {
 public:
  SampleSession(boost::asio::ip::tcp::socket socket, SampleApp& app);
  void start() { read(); }

 private:
  void read();
  void parse();
  void on_head();
  void on_request();
  void refuse(unsigned status, std::string_view reason);
  void submit_work();
  void write();

  boost::asio::ip::tcp::socket socket_;
  SampleApp& app_;
  http::RequestParser parser_;
  std::string input_;   ///< received and not yet consumed
  std::string output_;  ///< the answer being written
  // Copies of what the request's head said: the job outlives the input.
  http::Method method_ = http::Method::other;
  std::string path_, query_, if_none_match_;
  bool keep_alive_ = true;
};

}  // namespace homeostat::demo
