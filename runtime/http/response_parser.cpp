#include <array>

#include "runtime/http/ascii.hpp"
#include "runtime/http/framing.hpp"
#include "runtime/http/parser_core.hpp"

namespace homeostat::http {
namespace {

constexpr std::string_view protocol = "HTTP/1.";
constexpr std::size_t bare_status_line = 14;  // "HTTP/1.1 200" CRLF: no blank, no reason

}  // namespace

struct ResponseParser::Impl {
  using Core = ParserCore<false>;

  explicit Impl(const ParseLimits& limits) : core(limits) { restart({}); }

  void restart(const ResponseContext& new_context) {
    context = new_context;
    interim_count = 0;
    core.restart();
  }

  ParseStep read_head(std::string_view input) {
    if (interim_pending) {
      interim_pending = false;
      core.restart();
    }
    // Another protocol's greeting may never end like a head: it is told by its first
    // bytes, as far as they are here.
    const std::string_view start = input.substr(0, protocol.size());
    if (!protocol.starts_with(start)) return core.fail(502, "not an HTTP/1 response");
    const auto size = core.scan_head(input);
    if (core.state() == Core::State::failed) return core.failed();
    if (!size) return Core::need_more(0);
    if (!feed(input.substr(0, *size))) return core.failed();
    return complete_head(*size);
  }

  /// Many servers leave out the blank before an empty reason phrase (RFC 9112
  /// section 4 asks for it, and Beast insists): it is put in for them.
  bool feed(std::string_view bytes) {
    const std::size_t size = core.start_line_size();
    if (size != bare_status_line) {
      return core.feed_start_line(bytes.substr(0, size)) &&
             core.feed_fields(bytes.substr(size), head.headers);
    }
    std::array<char, bare_status_line + 1> line{};
    bytes.copy(line.data(), bare_status_line - 2);
    line[bare_status_line - 2] = ' ';
    line[bare_status_line - 1] = '\r';
    line[bare_status_line] = '\n';
    return core.feed_start_line({line.data(), line.size()}) &&
           core.feed_fields(bytes.substr(bare_status_line), head.headers);
  }

  ParseStep complete_head(std::size_t consumed) {
    head.status = static_cast<std::uint16_t>(core.output().status);
    // In the repaired line the reason points into a buffer that is gone.
    head.reason =
        core.start_line_size() == bare_status_line ? std::string_view{} : core.output().reason;
    head.version_minor = core.output().version == 10 ? 0 : 1;
    head.upgrade = false;
    if (head.status < 100) return core.fail(502, "invalid status");
    ParseStep step;
    step.consumed = consumed;
    if (head.status < 200 && head.status != 101) {
      if (++interim_count > core.limits().interim_max) {
        return core.fail(502, "too many interim responses");
      }
      fill_bodiless();
      interim_pending = true;
      step.event = ParseEvent::interim;
      return step;
    }
    if (const std::string_view error = fill_framing(); !error.empty()) return core.fail(502, error);
    core.expect(head.body, head.content_length);
    step.event = ParseEvent::head;
    return step;
  }

  void fill_bodiless() {
    head.body = BodyKind::none;
    head.has_content_length = false;
    head.content_length = 0;
    head.keep_alive = true;
  }

  std::string_view fill_framing() {
    fill_bodiless();
    if (head.status == 101) {
      if (!context.upgrade_requested) return "upgrade that was not asked for";
      head.upgrade = true;
      head.keep_alive = false;
      return {};
    }
    if (context.connect_request && head.status < 300) {
      head.upgrade = true;
      head.keep_alive = false;
      return {};
    }
    const Framing framing = declared_framing(head.headers, head.version_minor);
    if (!framing.error.empty()) return framing.error;
    head.has_content_length = framing.has_length;
    head.content_length = framing.length;
    head.keep_alive = wants_keep_alive(head.headers, head.version_minor);
    if (context.head_request || head.status == 304) return {};
    if (head.status == 204) {
      // It has no body; if the fields promise one, nobody knows what follows.
      if (framing.body == BodyKind::chunked || framing.length != 0) head.keep_alive = false;
      return {};
    }
    head.body = framing.body;
    if (framing.body == BodyKind::none) {
      head.body = BodyKind::until_close;
      head.keep_alive = false;
    }
    const std::uint64_t limit = core.limits().body_bytes_max;
    return limit != 0 && framing.length > limit ? "body too large" : std::string_view{};
  }

  Core core;
  ResponseHead head;
  ResponseContext context;
  unsigned interim_count = 0;
  bool interim_pending = false;  // the head in `head` is a 1xx; restart before the next
};

ResponseParser::ResponseParser(const ParseLimits& limits) : impl_(std::make_unique<Impl>(limits)) {}
ResponseParser::~ResponseParser() = default;
ResponseParser::ResponseParser(ResponseParser&&) noexcept = default;
ResponseParser& ResponseParser::operator=(ResponseParser&&) noexcept = default;

ParseStep ResponseParser::next(std::string_view input) {
  if (impl_->core.state() == Impl::Core::State::head) return impl_->read_head(input);
  return impl_->core.next_body(input);
}

ParseStep ResponseParser::finish() {
  using State = Impl::Core::State;
  switch (impl_->core.state()) {
    case State::complete: return Impl::Core::end(0);
    case State::failed: return impl_->core.failed();
    case State::body:
      if (impl_->head.body == BodyKind::until_close) {
        impl_->core.expect(BodyKind::none, 0);
        return Impl::Core::end(0);
      }
      break;
    case State::head:
      if (idle()) return impl_->core.fail(502, "closed before a response");
      break;
    default: break;
  }
  return impl_->core.fail(502, "truncated response");
}

void ResponseParser::reset(const ResponseContext& context) {
  impl_->interim_pending = false;
  impl_->restart(context);
}

const ResponseHead& ResponseParser::head() const noexcept { return impl_->head; }
const HeaderTable& ResponseParser::trailers() const noexcept { return impl_->core.trailers(); }
bool ResponseParser::idle() const noexcept {
  return impl_->core.idle() && impl_->interim_count == 0;
}

}  // namespace homeostat::http
