// What a client connection does with the request it has read.
//
// One exchange at a time owns the connection's readiness. It ends by calling
// ClientConnection::finish or ::abort, after which it gets no callbacks.
// Thread safety: none; one worker. Ownership: referenced by its connection,
// and by whatever it waits for.
#pragma once

#include "runtime/proxy/ref_counted.hpp"

namespace homeostat::proxy {

class Exchange : public RefCounted {
 public:
  virtual void start() = 0;
  virtual void on_client_readable() = 0;  ///< body bytes, pipelined bytes, or the end
  virtual void on_client_writable() = 0;
  virtual void on_client_deadline() = 0;
  /// The client is gone or the agent stops: let go of everything, silently.
  virtual void on_client_gone() = 0;
};

}  // namespace homeostat::proxy
