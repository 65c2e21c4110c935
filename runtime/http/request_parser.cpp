#include "runtime/http/ascii.hpp"
#include "runtime/http/framing.hpp"
#include "runtime/http/parser_core.hpp"
#include "runtime/http/target.hpp"

namespace homeostat::http {
namespace {

/// 0 if the request line ends with a version we speak, else the status for it.
unsigned refused_version(std::string_view line) noexcept {
  constexpr std::size_t size = 8;  // HTTP/1.1
  if (line.size() < size) return 400;
  const std::string_view version = line.substr(line.size() - size);
  if (version == "HTTP/1.1" || version == "HTTP/1.0") return 0;
  const bool well_formed = version.substr(0, 5) == "HTTP/" && is_digit(version[5]) &&
                           version[6] == '.' && is_digit(version[7]);
  return well_formed ? 505 : 400;
}

}  // namespace

struct RequestParser::Impl {
  using Core = ParserCore<true>;

  explicit Impl(const ParseLimits& limits) : core(limits) { restart(); }

  void restart() {
    core.restart();
    head.clear();
    blank_skipped = false;
  }

  ParseStep read_head(std::string_view input) {
    std::size_t offset = 0;
    // One empty line before the request is tolerated (RFC 9112 section 2.2).
    if (!blank_skipped && core.idle() && !input.empty() && input[0] == '\r') {
      if (input.size() == 1) return Core::need_more(0);
      if (input[1] == '\n') {
        blank_skipped = true;
        offset = 2;
      }
    }
    const std::string_view block = input.substr(offset);
    const auto size = core.scan_head(block);
    if (core.state() == Core::State::failed) return core.failed();
    if (!size) return Core::need_more(offset);
    return complete_head(block.substr(0, *size), offset + *size);
  }

  ParseStep complete_head(std::string_view bytes, std::size_t consumed) {
    if (core.start_line_size() == 2) return core.fail(400, "empty request line");
    const std::string_view line = bytes.substr(0, core.start_line_size() - 2);
    if (const unsigned status = refused_version(line); status != 0) {
      return core.fail(status,
                       status == 505 ? "unsupported HTTP version" : "malformed request line");
    }
    std::size_t* const dropped = core.limits().underscores ? nullptr : &head.fields_dropped;
    if (!core.feed_start_line(bytes.substr(0, core.start_line_size())) ||
        !core.feed_fields(bytes.substr(core.start_line_size()), head.headers, dropped)) {
      return core.failed();
    }
    if (ParseError error = fill_head(); error.status != 0) {
      return core.fail(error.status, error.reason);
    }
    core.expect(head.body, head.content_length);
    ParseStep step;
    step.event = ParseEvent::head;
    step.consumed = consumed;
    return step;
  }

  ParseError fill_head() {
    head.method_text = core.output().method;
    head.method = method_from(head.method_text);
    head.target = core.output().target;
    head.version_minor = core.output().version == 10 ? 0 : 1;
    if (head.target.size() > core.limits().target_bytes_max)
      return {414, "request target too long"};
    if (ParseError error = check_target(); error.status != 0) return error;
    if (!valid_connection(head.headers)) return {400, "invalid Connection"};
    const Framing framing = declared_framing(head.headers, head.version_minor);
    if (!framing.error.empty()) return {400, framing.error};
    const bool empty = framing.body == BodyKind::length && framing.length == 0;
    head.body = empty ? BodyKind::none : framing.body;
    head.content_length = framing.length;
    const std::uint64_t limit = core.limits().body_bytes_max;
    if (limit != 0 && framing.length > limit) return {413, "body too large"};
    head.keep_alive = wants_keep_alive(head.headers, head.version_minor);
    head.upgrade = wants_upgrade(head.headers, head.version_minor);
    head.expect_continue = head.version_minor >= 1 && head.body != BodyKind::none &&
                           head.headers.contains_token(HeaderId::expect, "100-continue");
    return {};
  }

  ParseError check_target() {
    if (!parse_target(head.method, head.target)) return {400, "invalid request target"};
    const Field* host = head.headers.find(HeaderId::host);
    head.host = host != nullptr ? host->value : std::string_view{};
    if (host == nullptr) {
      return head.version_minor == 0 ? ParseError{} : ParseError{400, "missing Host"};
    }
    if (head.headers.count(HeaderId::host) > 1) return {400, "repeated Host"};
    if (!valid_authority(head.host)) return {400, "invalid Host"};
    return {};
  }

  Core core;
  RequestHead head;
  bool blank_skipped = false;
};

RequestParser::RequestParser(const ParseLimits& limits) : impl_(std::make_unique<Impl>(limits)) {}
RequestParser::~RequestParser() = default;
RequestParser::RequestParser(RequestParser&&) noexcept = default;
RequestParser& RequestParser::operator=(RequestParser&&) noexcept = default;

ParseStep RequestParser::next(std::string_view input) {
  if (impl_->core.state() == Impl::Core::State::head) return impl_->read_head(input);
  return impl_->core.next_body(input);
}

void RequestParser::reset() { impl_->restart(); }

void RequestParser::reset(const ParseLimits& limits) {
  impl_->core.set_limits(limits);
  impl_->restart();
}

const RequestHead& RequestParser::head() const noexcept { return impl_->head; }
const HeaderTable& RequestParser::trailers() const noexcept { return impl_->core.trailers(); }
bool RequestParser::idle() const noexcept { return impl_->core.idle(); }

}  // namespace homeostat::http
