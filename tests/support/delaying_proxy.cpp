#include "tests/support/delaying_proxy.hpp"

namespace homeostat::test {

DelayingProxy::DelayingProxy(std::uint16_t target)
    : target_(target), acceptor_([this] { accept_all(); }) {}

DelayingProxy::~DelayingProxy() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    for (Socket& socket : sockets_) socket.shut_down();
  }
  ended_.notify_all();
  listener_.shut_down();
  acceptor_.join();
  for (std::thread& thread : threads_) thread.join();
}

void DelayingProxy::accept_all() {
  while (true) {
    Socket client = listener_.accept();
    if (!client.is_open()) return;
    Socket server = connect_tcp(target_);
    const std::lock_guard lock(mutex_);
    if (ending_ || !server.is_open()) continue;
    Socket& near = sockets_.emplace_back(std::move(client));
    Socket& far = sockets_.emplace_back(std::move(server));
    threads_.emplace_back([this, &near, &far] { pass(near, far, false); });
    threads_.emplace_back([this, &near, &far] { pass(far, near, true); });
  }
}

namespace {

void spoil(std::string& bytes, std::uint64_t& state) {
  for (char& byte : bytes) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;  // Knuth, MMIX
    byte = static_cast<char>(state >> 56U);
  }
}

}  // namespace

void DelayingProxy::pass(Socket& from, Socket& to, bool delayed) {
  std::string bytes;
  std::uint64_t noise = 1;
  while (true) {
    bytes.clear();
    const Socket::Received received = from.receive(bytes);
    if (received == Socket::Received::timeout) continue;  // silence is no reason to end
    if (received != Socket::Received::bytes) break;
    if (const std::chrono::milliseconds delay(delay_.load()); delayed && delay.count() > 0) {
      std::unique_lock lock(mutex_);
      ended_.wait_for(lock, delay, [this] { return ending_; });
    }
    if (delayed && noise_) spoil(bytes, noise);
    if (!to.send(bytes)) break;
  }
  from.shut_down();
  to.shut_down();
}

}  // namespace homeostat::test
