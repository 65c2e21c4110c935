// A real Alertmanager of the test's own, on a port the kernel chose, without
// receivers: it only keeps what it is told.
//
// Thread safety: use from one thread.
#pragma once

#include <boost/json/array.hpp>
#include <string>

#include "tests/support/child_process.hpp"

namespace homeostat::test {

class Alertmanager {
 public:
  /// Throws std::runtime_error if it does not start.
  Alertmanager();

  [[nodiscard]] std::string url() const;
  /// The alerts of this name that GET /api/v2/alerts lists: the active ones.
  [[nodiscard]] boost::json::array listed(const std::string& name) const;
  [[nodiscard]] std::string output() const { return process_.output(); }

 private:
  TemporaryDirectory directory_;
  ChildProcess process_;
  std::uint16_t port_ = 0;
};

}  // namespace homeostat::test
