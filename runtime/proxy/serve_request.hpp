// Decides what happens to a request whose head was read: answer from the cache,
// join or begin a fill, pass it through, or refuse it.
//
// Thread safety: none; one worker.
#pragma once

namespace homeostat::proxy {

class ClientConnection;

/// REQUIRES: the connection's request has a valid head. The request is answered
/// or handed to an exchange on return.
void serve_request(ClientConnection& connection);

/// The second half, for a request whose body was collected first.
void serve_identified(ClientConnection& connection);

}  // namespace homeostat::proxy
