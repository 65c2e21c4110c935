// UpstreamCall while it is its client's turn: sending its body, or taking the answer;
// and while the upstream's own turn after the head makes a stream of it.
//
// Such a call is at the application, but is no work there: after client_turn_max it
// stands aside at the gate (runtime/gate/permit.hpp). It comes back when it is the
// upstream's turn again. An upload asks for its slot before it hands over the end of the
// body, with which the work begins; an answer that is under way takes it unasked.
// docs/decisions/0019.
#include <algorithm>
#include <utility>

#include "runtime/proxy/upstream_call.hpp"
#include "runtime/proxy/worker.hpp"

namespace homeostat::proxy {
namespace {

/// A client is waited for at the price of a slot for this long.
constexpr std::chrono::milliseconds client_turn_max{500};
/// And then asked again, while there is no place aside.
constexpr std::chrono::seconds look_again{1};

}  // namespace

void UpstreamCall::await_client() {
  if (over_) return;
  if (ended_) {
    permit_.stand_aside();  // the application has done its part
  } else {
    begin_clients_turn();
  }
}

/// What the client takes or sends meanwhile does not begin its time anew: only the
/// upstream's turn does.
void UpstreamCall::begin_clients_turn() {
  if (permit_.aside() || deadlines_.armed(Wait::client)) return;
  if (clients_turn_since_ == Instant::max()) clients_turn_since_ = worker_.now();
  deadlines_.set(Wait::client, clients_turn_since_ + client_turn_max);
  arm_wheel();
}

/// Where no place is left aside, slow clients keep their slots for as long as nobody
/// waits for one.
void UpstreamCall::client_too_slow() {
  if (!permit_.aside()) {
    if (permit_.step_aside()) {
      lent_ = true;
    } else if (worker_.gate().others_wait()) {
      turn_away(worker_.gate().streams_full(request_.priority_class));
    } else {
      deadlines_.set(Wait::client, worker_.now() + look_again);
    }
  }
  if (!over_) arm_wheel();  // whoever got the slot may have ended this one
}

/// Only that which was armed to find out counts: the call has a head and a slot.
void UpstreamCall::upstreams_turn_over(Instant now) noexcept {
  if (!deadlines_.armed(Wait::stream)) return;
  streamed_ += now - turn_;
  deadlines_.clear(Wait::stream);
}

/// An answer that goes on for so long is a stream, whatever its media type: a feed, a
/// watch, tokens as they come. Its slot would be held for hours, and nothing learnt. What
/// says how long it is will end: that is work, however long it takes.
void UpstreamCall::await_stream() {
  if (!head_received_ || sized_ || permit_.aside()) return;
  const Duration left = worker_.gate().stream_after(request_.endpoint) - streamed_;
  deadlines_.set(Wait::stream, turn_ + std::max(left, Duration::zero()));
}

/// For good, unlike one that waits for its client. Where no place is left it keeps its
/// slot: it is known by its duration only, and may be work.
void UpstreamCall::goes_on_for_long() {
  if (!permit_.step_aside()) deadlines_.set(Wait::stream, worker_.now() + look_again);
  if (!over_) arm_wheel();  // whoever got the slot may have ended this one
}

/// The rest of the request is about to be at the application: that is work. False: it
/// waits for its turn, or was turned away.
bool UpstreamCall::regain_slot() {
  if (queued()) return false;
  const Ref<UpstreamCall> keep(this);
  if (permit_.step_back()) {
    lent_ = false;
    return true;
  }
  if (out_.empty()) {  // it is there already
    lent_ = false;
    permit_.step_back_always();
    return true;
  }
  gate::Admission admission = worker_.gate().admit({request_.endpoint,
                                                    request_.priority_class,
                                                    worker_.now(),
                                                    request_.deadline,
                                                    request_.tenant,
                                                    request_.weight,
                                                    {}},
                                                   *this);
  if (auto* permit = std::get_if<gate::Permit>(&admission)) {
    lent_ = false;
    permit_.step_back(std::move(*permit));
    return !over_;
  }
  if (auto* rejection = std::get_if<gate::Rejection>(&admission)) turn_away(*rejection);
  return false;
}

}  // namespace homeostat::proxy
