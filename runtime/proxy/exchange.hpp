// What a client connection does with the request it has read.
//
// One exchange at a time owns the connection's readiness. It ends by calling
// ClientConnection::finish or ::abort, after which it gets no callbacks.
// Thread safety: none; one worker. Ownership: referenced by its connection,
// and by whatever it waits for.
#pragma once

#include <cstdint>

#include "runtime/proxy/ref_counted.hpp"

namespace homeostat::proxy {

/// What a client connection has a deadline for. Each runs on its own.
enum class ClientWait : std::uint8_t {
  answer,    ///< whatever the exchange waits for that is not the client
  deadline,  ///< the response's head, as the client or its route demands; has its own timer
  body,      ///< the next bytes of the request's body
  send,      ///< room for more of the response
  total,     ///< server.total_timeout
  count_,
};

class Exchange : public RefCounted {
 public:
  virtual void start() = 0;
  virtual void on_client_readable() = 0;  ///< body bytes, pipelined bytes, or the end
  virtual void on_client_writable() = 0;
  virtual void on_client_deadline(ClientWait wait) = 0;
  /// The client is gone or the agent stops: let go of everything, silently.
  virtual void on_client_gone() = 0;
};

}  // namespace homeostat::proxy
