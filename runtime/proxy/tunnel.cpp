#include "runtime/proxy/tunnel.hpp"

#include <algorithm>
#include <utility>

#include "runtime/proxy/worker.hpp"

namespace homeostat::proxy {
namespace {

constexpr int reads_per_turn = UpstreamCall::reads_per_turn;

}  // namespace

Tunnel::Tunnel(ClientConnection& connection, UpstreamTunnelEnd upstream)
    : connection_(&connection),
      upstream_(std::move(upstream.connection)),
      permit_(std::move(upstream.permit)) {}

Tunnel::~Tunnel() { detach(); }

void Tunnel::start() {
  const Ref<Tunnel> keep(this);
  upstream_->set_user(this);
  BufferPool& buffers = connection_->worker().buffers();
  // What was read ahead may be larger than a standard block.
  const auto enough = [](std::size_t bytes) { return std::max(BufferPool::body_size, bytes); };
  up_.buffer = buffers.lend(enough(connection_->unread().size()));
  down_.buffer = buffers.lend(enough(upstream_->in.size()));
  up_.buffer.append(connection_->unread());
  down_.buffer.append(upstream_->in.view());
  upstream_->in.reset();
  connection_->arm_deadline(ClientWait::answer, idle_max);
  pump(up_, connection_->stream, upstream_->stream);
  if (upstream_) pump(down_, upstream_->stream, connection_->stream);
}

/// False: the rest waits for room, or the tunnel ended.
bool Tunnel::write_out(Direction& direction, Stream& to) {
  while (!direction.buffer.empty()) {
    const std::string_view bytes = direction.buffer.view();
    const iovec piece{const_cast<char*>(bytes.data()), bytes.size()};
    const IoResult result = to.write({&piece, 1});
    if (result.status == IoStatus::would_block) {
      to.arm_writable();
      return false;
    }
    if (result.status != IoStatus::ok) {
      end();
      return false;
    }
    direction.buffer.consume(result.bytes);
    direction.bytes += result.bytes;
    connection_->arm_deadline(ClientWait::answer, idle_max);
  }
  direction.buffer.clear();
  return true;
}

void Tunnel::pump(Direction& direction, Stream& from, Stream& to) {
  const Ref<Tunnel> keep(this);
  for (int turn = 0; upstream_ && !direction.finished; ++turn) {
    if (!write_out(direction, to)) return;
    if (direction.ended) {
      direction.finished = true;
      to.shutdown_send();
      break;
    }
    if (turn == reads_per_turn) {
      from.arm_readable();
      return;
    }
    const IoResult result = from.read(direction.buffer.space());
    if (result.status == IoStatus::would_block) {
      from.arm_readable();
      return;
    }
    if (result.status == IoStatus::error) {
      end();
      return;
    }
    if (result.status == IoStatus::end) direction.ended = true;
    direction.buffer.produced(result.bytes);
  }
  if (upstream_ && up_.finished && down_.finished) end();
}

void Tunnel::end() {
  const Ref<Tunnel> keep(this);
  if (!upstream_) return;
  detach();
  RequestOutcome& outcome = connection_->request().outcome;
  outcome.request_bytes = up_.bytes;
  outcome.response_bytes = down_.bytes;
  connection_->finish(false);
}

void Tunnel::detach() {
  if (!upstream_) return;
  upstream_->set_user(nullptr);
  upstream_->close();
  upstream_.reset();
  permit_.ignore();
  up_.buffer.reset();
  down_.buffer.reset();
}

}  // namespace homeostat::proxy
