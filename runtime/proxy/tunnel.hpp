// Bytes both ways after an Upgrade (WebSocket and others), with back-pressure:
// a side is read only when what it said before was written to the other.
//
// Ends when both directions have ended, one side fails, or nothing moved for
// server.tunnel_idle_timeout. While nothing comes it holds no buffer. The latency windows never
// see it; at the gate it stands aside, and keeps its place under its cap, until it ends.
// Thread safety: none; one worker.
#pragma once

#include "runtime/proxy/buffer.hpp"
#include "runtime/proxy/client_connection.hpp"
#include "runtime/proxy/exchange.hpp"
#include "runtime/proxy/upstream_call.hpp"

namespace homeostat::proxy {

class Tunnel final : public Exchange, private UpstreamUser {
 public:
  Tunnel(ClientConnection& connection, UpstreamTunnelEnd upstream);
  ~Tunnel() override;

  void start() override;
  void on_client_readable() override { pump(up_, connection_->stream, upstream_->stream); }
  void on_client_writable() override { pump(down_, upstream_->stream, connection_->stream); }
  void on_client_deadline(ClientWait) override { end(); }
  void on_client_gone() override { detach(); }

 private:
  struct Direction {
    Buffer buffer;
    bool ended = false;     ///< the source has sent everything
    bool finished = false;  ///< and all of it was passed on
    std::uint64_t bytes = 0;
  };

  // UpstreamUser
  void on_upstream_connected(int) override {}
  void on_upstream_readable() override { pump(down_, upstream_->stream, connection_->stream); }
  void on_upstream_writable() override { pump(up_, connection_->stream, upstream_->stream); }
  void on_upstream_deadline() override { end(); }

  void pump(Direction& direction, Stream& from, Stream& to);
  void read_ahead(Direction& direction, std::string_view bytes);
  void moved();
  [[nodiscard]] bool write_out(Direction& direction, Stream& to);
  void end();
  void detach();

  Ref<ClientConnection> connection_;
  Ref<UpstreamConnection> upstream_;
  gate::Permit permit_;
  Direction up_, down_;
};

}  // namespace homeostat::proxy
