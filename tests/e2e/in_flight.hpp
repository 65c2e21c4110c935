// Requests of every kind that are under way while something goes wrong: a
// response being passed, a fill with a client that began it and one that
// follows, an upload. None of them may notice.
//
// Thread safety: use from the test's thread. The origin must outlive it.
#pragma once

#include <list>

#include "tests/e2e/running_agent.hpp"
#include "tests/support/waiting.hpp"

namespace homeostat::test {

class InFlight {
 public:
  /// Returns when all of them are half done: their heads have arrived, and half
  /// of the upload has.
  InFlight(ScriptedOrigin& origin, const RunningAgent& agent);
  ~InFlight() { go_on_.set(); }
  InFlight(const InFlight&) = delete;
  InFlight& operator=(const InFlight&) = delete;

  /// Lets them finish and expects every one to be whole.
  void expect_whole();

 private:
  void begin(std::string_view request);
  void answer_in_halves(ScriptedOrigin& origin, const std::string& path, const std::string& fields);

  const RunningAgent& agent_;
  Signal go_on_, half_received_;
  std::list<HttpClient> clients_;
  std::list<Message> heads_;
  HttpClient uploading_;
};

}  // namespace homeostat::test
