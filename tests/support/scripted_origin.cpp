#include "tests/support/scripted_origin.hpp"

#include <utility>

#include "tests/support/waiting.hpp"

namespace homeostat::test {
namespace {

std::string path_of(const Message& request) {
  const std::string target = request.target();
  return target.substr(0, target.find('?'));
}

}  // namespace

const std::string& OriginExchange::body() {
  if (!std::exchange(body_read, true)) reader.read_request_body(request);
  return request.body;
}

void OriginExchange::respond(int status, std::string_view fields, std::string_view text) {
  (void)body();
  std::string answer = "HTTP/1.1 " + std::to_string(status) + " Scripted\r\n";
  answer += fields;
  if (status != 204 && status != 304) {
    answer += "Content-Length: " + std::to_string(text.size()) + "\r\n";
  }
  answer += "\r\n";
  if (request.method() != "HEAD") answer += text;
  send(answer);
}

ScriptedOrigin::ScriptedOrigin(const std::string& unix_path, std::uint16_t port)
    : listener_(unix_path, port), acceptor_([this] { accept_all(); }) {}

ScriptedOrigin::~ScriptedOrigin() {
  listener_.shut_down();
  acceptor_.join();
  close_connections();
  for (std::thread& thread : threads_) thread.join();
}

std::string ScriptedOrigin::url() const { return "http://127.0.0.1:" + std::to_string(port()); }

void ScriptedOrigin::on(const std::string& path, Handler handler) {
  const std::lock_guard lock(mutex_);
  handlers_[path] = std::move(handler);
}

void ScriptedOrigin::answer(const std::string& path, int status, std::string fields,
                            std::string body) {
  on(path, [status, fields = std::move(fields), body = std::move(body)](OriginExchange& exchange) {
    exchange.respond(status, fields, body);
  });
}

std::size_t ScriptedOrigin::requests(const std::string& path) {
  const std::lock_guard lock(mutex_);
  return counts_[path];
}

bool ScriptedOrigin::wait_for_requests(const std::string& path, std::size_t count) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, wait_patience, [&] { return counts_[path] >= count; });
}

Message ScriptedOrigin::last_request(const std::string& path) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, wait_patience, [&] { return handled_[path] == counts_[path]; });
  return last_[path];
}

bool ScriptedOrigin::wait_until_all_closed() {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, wait_patience / 3, [&] { return ended_ == accepted_; });
}

void ScriptedOrigin::close_connections() {
  const std::lock_guard lock(mutex_);
  for (Socket& socket : sockets_) socket.shut_down();
}

void ScriptedOrigin::accept_all() {
  for (;;) {
    Socket socket = listener_.accept();
    if (!socket.is_open()) return;
    ++accepted_;
    const std::lock_guard lock(mutex_);
    Socket& kept = sockets_.emplace_back(std::move(socket));
    threads_.emplace_back([this, &kept] { serve(kept); });
  }
}

void ScriptedOrigin::serve(Socket& socket) {
  MessageReader reader(socket);
  for (;;) {
    std::optional<Message> request = reader.read_head();
    if (!request.has_value()) break;
    OriginExchange exchange(socket, reader, std::move(*request));
    handle(exchange);
    if (!exchange.body_read && exchange.request.has("content-length")) exchange.alive = false;
    if (!exchange.body_read && exchange.request.has("transfer-encoding")) exchange.alive = false;
    if (!exchange.alive) break;
  }
  const std::lock_guard lock(mutex_);
  socket.close();
  ++ended_;
  changed_.notify_all();
}

void ScriptedOrigin::handle(OriginExchange& exchange) {
  const std::string path = path_of(exchange.request);
  Handler handler;
  {
    const std::lock_guard lock(mutex_);
    ++counts_[path];
    const auto found = handlers_.find(path);
    if (found != handlers_.end()) handler = found->second;
    changed_.notify_all();
  }
  if (handler) {
    handler(exchange);
  } else {
    exchange.respond(200, "Content-Type: text/plain\r\n", "hello");
  }
  const std::lock_guard lock(mutex_);
  last_[path] = exchange.request;
  ++handled_[path];
  changed_.notify_all();
}

}  // namespace homeostat::test
