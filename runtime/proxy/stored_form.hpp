// Which form of a stored object answers a request: the body as it came, one of
// its encodings, or the tightened or decoded body.
//
// Forms are built by the background pool, the first time a client could use one
// and once more when demand has shown that a better ratio pays; until then the
// object is sent as it is. On the hit path this costs a few loads: no lock, no
// allocation.
// Thread safety: none; one worker (the pool's job touches only the object).
#pragma once

#include <cstdint>

#include "runtime/cache/object.hpp"

namespace homeostat::proxy {

class ClientConnection;

struct StoredForm {
  cache::ObjectPtr object;
  /// Vary: Accept-Encoding must be added: another client might get another form.
  bool vary = false;
  std::uint64_t saved_bytes = 0;  ///< of the body, by this form
  bool coded = false;             ///< of a range: the whole may be sent in a coding of this agent's
  bool whole = false;             ///< of a range: the client refuses what it would be cut from
};

[[nodiscard]] StoredForm choose_form(ClientConnection& connection, cache::ObjectPtr object);

/// True if the client named codings, and that of a response to somebody else is
/// not among them.
[[nodiscard]] bool refuses_coding(ClientConnection& connection, const cache::ObjectHead& head);

/// The same of a stored response, unless a decoded form is there. It is asked for;
/// meanwhile the origin answers.
[[nodiscard]] bool must_ask_origin(ClientConnection& connection, const cache::ObjectPtr& object);

}  // namespace homeostat::proxy
