// A management request and its answer, free of any HTTP library.
//
// Plain values. Thread safety: none needed.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace homeostat::admin {

struct AdminRequest {
  std::string method;                                      ///< "GET"; HEAD arrives as GET
  std::string path;                                        ///< as sent, without query; for messages
  std::vector<std::string> segments;                       ///< decoded path segments
  std::vector<std::pair<std::string, std::string>> query;  ///< decoded
  std::string host;
  std::string origin;      ///< Origin field
  std::string fetch_site;  ///< Sec-Fetch-Site field
  std::string authorization;
  std::string content_type;
  std::string request_id;     ///< X-Request-Id as sent
  std::string last_event_id;  ///< Last-Event-ID
  std::string body;
  std::string peer;  ///< address of the client, for the audit log
  bool peer_loopback = false;

  /// The first value of a query parameter; empty if absent.
  [[nodiscard]] std::string_view parameter(std::string_view name) const noexcept {
    for (const auto& [key, value] : query) {
      if (key == name) return value;
    }
    return {};
  }
};

struct AdminResponse {
  unsigned status = 200;
  std::string content_type;
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
  std::function<void(std::function<void(AdminResponse)> done)> later;  ///< as Reply::later
  std::function<void()> abandoned;                                     ///< as Reply::abandoned
  std::optional<std::uint64_t> events_after;  ///< set: goes on with the events after this number
};

}  // namespace homeostat::admin
