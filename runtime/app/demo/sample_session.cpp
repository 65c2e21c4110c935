#include "runtime/app/demo/sample_session.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <charconv>
#include <optional>
#include <utility>

#include "runtime/app/demo/sample_work.hpp"
#include "runtime/http/etag.hpp"
#include "runtime/http/head_writer.hpp"
#include "runtime/http/target.hpp"

namespace homeostat::demo {

namespace asio = boost::asio;
using boost::system::error_code;
using http::HeaderId;

namespace {

constexpr std::size_t read_size = 8 * 1024;
constexpr std::chrono::milliseconds search_time{20};
constexpr std::chrono::milliseconds checkout_time{15};

http::ParseLimits limits() {
  http::ParseLimits limits;
  limits.body_bytes_max = 64 * 1024;
  return limits;
}

struct Answer {
  unsigned status = 200;
  std::string_view cache_control = "no-store";
  std::string etag;
  std::string body;
};

std::string to_bytes(const Answer& answer, bool keep_alive, bool head_only) {
  std::string out;
  out.reserve(answer.body.size() + 256);
  http::HeadWriter writer(out);
  writer.status_line(answer.status).field(HeaderId::cache_control, answer.cache_control);
  if (!answer.etag.empty()) writer.field(HeaderId::etag, answer.etag);
  if (answer.status != 304) {
    writer.field(HeaderId::content_type, "application/json")
        .field(HeaderId::content_length, std::uint64_t{answer.body.size()});
  }
  if (!keep_alive) writer.field(HeaderId::connection, "close");
  writer.end();
  if (answer.status != 304 && !head_only) out += answer.body;
  return out;
}

std::optional<std::uint64_t> number_after(std::string_view path, std::string_view prefix) {
  if (!path.starts_with(prefix)) return std::nullopt;
  path.remove_prefix(prefix.size());
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(path.data(), path.data() + path.size(), value);
  if (error != std::errc{} || end != path.data() + path.size()) return std::nullopt;
  return value;
}

Answer catalog_answer(std::uint64_t id, std::string_view if_none_match) {
  Answer answer{200, "max-age=10", {}, catalog_document(id)};
  answer.etag = entity_tag_of(answer.body);
  if (http::entity_tag_list_matches(if_none_match, answer.etag, false)) answer.status = 304;
  return answer;
}

/// What a worker needs of a request.
struct Work {
  http::Method method = http::Method::other;
  std::string path, query, if_none_match;
};

Answer answer_to(const Work& work, WorkerPool& pool, std::uint64_t report_rounds) {
  const bool reads = work.method == http::Method::get || work.method == http::Method::head;
  if (reads) {
    if (const auto id = number_after(work.path, "/api/report/")) {
      return {200, "max-age=3", {}, report_document(*id, report_rounds)};
    }
    if (const auto id = number_after(work.path, "/api/catalog/")) {
      return catalog_answer(*id, work.if_none_match);
    }
    if (work.path == "/api/search") {
      pool.pause(search_time);
      return {200, "no-store", {}, search_document(work.query)};
    }
  }
  if (work.path == "/checkout") {
    if (work.method != http::Method::post) return {405, "no-store", {}, R"({"error":"POST only"})"};
    pool.pause(checkout_time);
    return {200, "no-store", {}, R"({"order":"accepted"})"};
  }
  return {404, "no-store", {}, R"({"error":"no such resource"})"};
}

}  // namespace

SampleSession::SampleSession(asio::ip::tcp::socket socket, SampleApp& app)
    : socket_(std::move(socket)), app_(app), parser_(limits()) {
  error_code ignored;
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
}

void SampleSession::read() {
  const std::size_t before = input_.size();
  input_.resize(before + read_size);
  socket_.async_read_some(
      asio::buffer(input_.data() + before, read_size),
      [self = shared_from_this(), before](const error_code& error, std::size_t bytes) {
        self->input_.resize(before + bytes);
        if (!error) self->parse();
      });
}

void SampleSession::parse() {
  for (;;) {
    const http::ParseStep step = parser_.next(input_);
    if (step.event == http::ParseEvent::head) on_head();  // before its bytes are dropped
    input_.erase(0, step.consumed);
    switch (step.event) {
      case http::ParseEvent::need_more: return read();
      case http::ParseEvent::end: parser_.reset(); return on_request();
      case http::ParseEvent::error:
        keep_alive_ = false;
        return refuse(step.error.status, R"({"error":"bad request"})");
      default: break;
    }
  }
}

void SampleSession::on_head() {
  const http::RequestHead& head = parser_.head();
  method_ = head.method;
  keep_alive_ = head.keep_alive;
  if_none_match_ = head.headers.get(HeaderId::if_none_match);
  path_.clear();
  query_.clear();
  if (const auto target = http::parse_target(head.method, head.target)) {
    path_ = target->path;
    query_ = target->query;
  }
}

void SampleSession::on_request() {
  const bool head_only = method_ == http::Method::head;
  if (path_ == "/health" || path_ == "/stats") {
    const Answer answer{
        200, "no-store", {}, path_ == "/stats" ? app_.stats_document() : R"({"status":"ok"})"};
    output_ = to_bytes(answer, keep_alive_, head_only);
    return write();
  }
  app_.requests_.fetch_add(1, std::memory_order_relaxed);
  submit_work();
}

void SampleSession::submit_work() {
  Work work{method_, path_, query_, if_none_match_};
  const bool taken =
      app_.pool_.submit([self = shared_from_this(), work = std::move(work)]() mutable {
        const Answer answer = answer_to(work, self->app_.pool_, self->app_.report_rounds_);
        std::string bytes = to_bytes(answer, self->keep_alive_, work.method == http::Method::head);
        auto& context = self->app_.context_;
        // The session moves along: its last owner must be the IO thread.
        asio::post(context, [self = std::move(self), bytes = std::move(bytes)]() mutable {
          self->output_ = std::move(bytes);
          self->write();
        });
      });
  if (!taken) refuse(503, R"({"error":"backlog full"})");
}

void SampleSession::refuse(unsigned status, std::string_view body) {
  output_ = to_bytes({status, "no-store", {}, std::string(body)}, keep_alive_,
                     method_ == http::Method::head);
  write();
}

void SampleSession::write() {
  asio::async_write(socket_, asio::buffer(output_),
                    [self = shared_from_this()](const error_code& error, std::size_t) {
                      if (error || !self->keep_alive_) return;  // the destructor closes
                      self->output_.clear();
                      if (self->output_.capacity() > read_size) self->output_.shrink_to_fit();
                      self->parse();
                    });
}

}  // namespace homeostat::demo
