// Drives a parser the way a connection does and writes down what it said.
//
// The bytes are shown in pieces: the caller says how many more become visible
// each time the parser needs more. The transcript must not depend on that, so
// two runs over the same bytes can be compared as text. Shared by unit tests
// and fuzz targets. Violations of the parser's contract abort.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "runtime/http/parser.hpp"

namespace homeostat::http::testing {

inline void check(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "parser contract broken: %s\n", what);
  std::abort();
}

inline void append_fields(std::string& out, const HeaderTable& fields) {
  for (const Field& field : fields) {
    out.append("  ").append(field.name).append("=").append(field.value).append("\n");
  }
}

inline void append_head(std::string& out, const RequestHead& head) {
  out.append("head ").append(head.method_text).append(" ").append(head.target);
  out.append(" 1.").append(std::to_string(head.version_minor)).append(" ").append(head.host);
  out.append(" body=").append(std::to_string(static_cast<int>(head.body)));
  out.append(",").append(std::to_string(head.content_length));
  out.append(head.keep_alive ? " keep" : " close").append(head.upgrade ? " upgrade" : "");
  out.append(head.expect_continue ? " expect" : "").append("\n");
  append_fields(out, head.headers);
}

inline void append_head(std::string& out, const ResponseHead& head) {
  out.append("head ").append(std::to_string(head.status)).append(" ").append(head.reason);
  out.append(" 1.").append(std::to_string(head.version_minor));
  out.append(" body=").append(std::to_string(static_cast<int>(head.body)));
  out.append(",").append(std::to_string(head.content_length));
  out.append(head.keep_alive ? " keep" : " close").append(head.upgrade ? " upgrade" : "");
  out.append("\n");
  append_fields(out, head.headers);
}

inline void restart(RequestParser& parser, const ResponseContext&) { parser.reset(); }
inline void restart(ResponseParser& parser, const ResponseContext& context) {
  parser.reset(context);
}
inline bool tunnels(const RequestHead&) { return false; }
inline bool tunnels(const ResponseHead& head) { return head.upgrade; }
inline ParseStep at_end_of_input(RequestParser&) { return {}; }
inline ParseStep at_end_of_input(ResponseParser& parser) { return parser.finish(); }

/// The transcript of all messages in `bytes`. `piece(position)` tells how many
/// bytes (at least 1) become visible next.
template <class Parser, class Piece>
std::string transcript(Parser& parser, std::string_view bytes, Piece&& piece,
                       const ResponseContext& context = {}) {
  std::string out;
  std::string body;
  std::size_t visible = 0;
  std::size_t position = 0;
  bool finished = false;
  const std::size_t steps_max = 16 * bytes.size() + 64;
  for (std::size_t steps = 0;; ++steps) {
    check(steps < steps_max, "no progress");
    const std::string_view input = bytes.substr(position, visible - position);
    const bool at_end = visible == bytes.size();
    ParseStep step = finished ? at_end_of_input(parser) : parser.next(input);
    check(step.consumed <= input.size(), "consumed more than was there");
    if (step.event == ParseEvent::body) {
      check(!step.body.empty(), "empty body piece");
      check(step.body.data() >= input.data() &&
                step.body.data() + step.body.size() <= input.data() + input.size(),
            "body outside of the input");
      body.append(step.body);
    }
    position += step.consumed;
    switch (step.event) {
      case ParseEvent::need_more:
        if (!at_end) {
          visible += piece(position);
          if (visible > bytes.size()) visible = bytes.size();
          continue;
        }
        if (finished) return out + "more " + body + "\n";
        finished = true;
        continue;
      case ParseEvent::head:
      case ParseEvent::interim:
        if (step.event == ParseEvent::interim) out.append("interim ");
        append_head(out, parser.head());
        continue;
      case ParseEvent::body: continue;
      case ParseEvent::end:
        out.append("body ").append(body).append("\n");
        append_fields(out, parser.trailers());
        out.append("end\n");
        body.clear();
        if (tunnels(parser.head())) {
          return out.append("tunnel ").append(bytes.substr(position)).append("\n");
        }
        if (finished || position == bytes.size()) return out;
        restart(parser, context);
        continue;
      case ParseEvent::error:
        check(step.error.status >= 400, "error without status");
        check(!step.error.reason.empty(), "error without reason");
        check(parser.next(input).event == ParseEvent::error, "error does not last");
        return out + body + "error " + std::to_string(step.error.status) + " " +
               std::string(step.error.reason) + "\n";
    }
  }
}

/// All bytes at once, and one by one: the same story, which is returned.
template <class Parser>
std::string both_ways(std::string_view bytes, const ParseLimits& limits = {},
                      const ResponseContext& context = {}) {
  Parser whole(limits);
  Parser bytewise(limits);
  restart(whole, context);
  restart(bytewise, context);
  const std::string expected = transcript(
      whole, bytes, [&](std::size_t) { return bytes.size(); }, context);
  const std::string got = transcript(
      bytewise, bytes, [](std::size_t) { return std::size_t{1}; }, context);
  if (expected != got) {
    std::fprintf(stderr, "whole:\n%s\nbytewise:\n%s\n", expected.c_str(), got.c_str());
    check(false, "the pieces change the outcome");
  }
  return expected;
}

}  // namespace homeostat::http::testing
