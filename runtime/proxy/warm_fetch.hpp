// Fetches a response into the cache before anybody asks for it: as a GET without a
// client, in the lowest priority class. The shared tier is asked first.
//
// Thread safety: the worker's thread. Errors: as WarmResult.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace homeostat::proxy {

class Worker;

struct WarmUrl {
  std::string host;         ///< as clients name it
  std::string target;       ///< path and query
  bool tier_first = false;  ///< not before the shared tier can be asked
};

enum class WarmResult : std::uint8_t {
  fetched,      ///< stored now
  fresh,        ///< was stored already, or is being fetched
  uncacheable,  ///< nothing to keep
  failed,       ///< no answer, a failure, or refused because others need the place
  deferred,     ///< the shared tier cannot be asked yet: nothing was done
};

/// `ended` runs exactly once, maybe before it returns.
void warm_up(Worker& worker, const WarmUrl& url, std::function<void(WarmResult)> ended);

}  // namespace homeostat::proxy
