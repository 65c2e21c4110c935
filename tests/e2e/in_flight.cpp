#include "tests/e2e/in_flight.hpp"

#include <gtest/gtest.h>

namespace homeostat::test {

void InFlight::answer_in_halves(ScriptedOrigin& origin, const std::string& path,
                                const std::string& fields) {
  origin.on(path, [this, fields](OriginExchange& exchange) {
    (void)exchange.body();
    exchange.send("HTTP/1.1 200 OK\r\n" + fields + "Content-Length: 10\r\n\r\nfirst");
    exchange.alive = go_on_.wait();
    exchange.send("other");
  });
}

void InFlight::begin(std::string_view request) {
  HttpClient& client = clients_.emplace_back(agent_.port());
  EXPECT_TRUE(client.send(request));
  std::optional<Message> head = client.reader.read_head();
  EXPECT_TRUE(head.has_value());
  heads_.push_back(head.value_or(Message{}));
}

InFlight::InFlight(ScriptedOrigin& origin, const RunningAgent& agent)
    : agent_(agent), uploading_(agent.port()) {
  answer_in_halves(origin, "/flight/passed", "Cache-Control: no-store\r\n");
  answer_in_halves(origin, "/flight/stored", "Cache-Control: max-age=60\r\n");
  origin.on("/flight/upload", [this](OriginExchange& exchange) {
    const std::string half = exchange.reader.read_exactly(5);
    half_received_.set();
    exchange.body_read = true;
    exchange.respond(200, "", half + exchange.reader.read_exactly(5));
  });
  begin(request_text("POST", "/flight/passed"));
  begin(request_text("GET", "/flight/stored"));
  begin(request_text("GET", "/flight/stored"));
  EXPECT_NE(heads_.back().get("cache-status").find("collapsed"), std::string::npos);
  EXPECT_TRUE(uploading_.send(
      "PUT /flight/upload HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\nfirst"));
  EXPECT_TRUE(half_received_.wait());
}

void InFlight::expect_whole() {
  go_on_.set();
  auto head = heads_.begin();
  for (HttpClient& client : clients_) {
    client.reader.read_response_body(*head);
    EXPECT_EQ(head->status(), 200);
    EXPECT_TRUE(head->complete);
    EXPECT_EQ(head->body, "firstother");
    ++head;
  }
  EXPECT_TRUE(uploading_.send("other"));
  EXPECT_EQ(uploading_.read().body, "firstother");
}

}  // namespace homeostat::test
