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
  read_ahead(up_, connection_->unread());
  read_ahead(down_, upstream_->in.view());
  upstream_->in.reset();
  moved();
  pump(up_, connection_->stream, upstream_->stream);
  if (upstream_) pump(down_, upstream_->stream, connection_->stream);
}

/// It may be more than a standard block holds.
void Tunnel::read_ahead(Direction& direction, std::string_view bytes) {
  if (bytes.empty()) return;
  direction.buffer =
      connection_->worker().buffers().lend(std::max(BufferPool::body_size, bytes.size()));
  direction.buffer.append(bytes);
}

void Tunnel::moved() {
  connection_->arm_deadline(ClientWait::answer,
                            connection_->request().config->server().tunnel_idle_timeout);
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
    moved();
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
      direction.buffer.reset();
      to.shutdown_send();
      break;
    }
    if (turn == reads_per_turn) {
      from.arm_readable();
      return;
    }
    if (!direction.buffer) direction.buffer = connection_->worker().buffers().lend_body();
    const IoResult result = from.read(direction.buffer.space());
    if (result.status == IoStatus::would_block) {
      direction.buffer.reset();
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
