#include "runtime/http/forwarded.hpp"

#include <functional>

#include "runtime/http/ascii.hpp"

namespace homeostat::http {
namespace {

/// Appends the values of all lines of `id`, joined by ", "; whether any was there.
bool append_joined(std::string& out, const HeaderTable& table, HeaderId id) {
  bool any = false;
  table.any_field(id, [&](const Field& field) {
    if (field.value.empty()) return false;
    if (any) out.append(", ");
    out.append(field.value);
    any = true;
    return false;
  });
  return any;
}

/// A parameter value: a token as it is, anything else as a quoted string.
void append_parameter_value(std::string& out, std::string_view value) {
  if (is_token(value)) {
    out.append(value);
    return;
  }
  out.push_back('"');
  for (const char c : value) {
    if (c == '"' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  out.push_back('"');
}

void append_forwarded_for(std::string& out, const HeaderTable& request,
                          const ForwardingFacts& facts) {
  if (facts.client_address.empty() && !facts.trust) return;
  const std::size_t start = out.size();
  out.append(header_name(HeaderId::x_forwarded_for)).append(": ");
  const bool any = facts.trust && append_joined(out, request, HeaderId::x_forwarded_for);
  if (!facts.client_address.empty()) {
    if (any) out.append(", ");
    out.append(facts.client_address);
  } else if (!any) {
    out.resize(start);
    return;
  }
  out.append("\r\n");
}

/// The received value if it is trusted and there, else ours.
void append_kept_or_own(HeadWriter& out, const HeaderTable& request, bool trust, HeaderId id,
                        std::string_view own) {
  const std::string_view received = trust ? request.get(id) : std::string_view{};
  const std::string_view value = received.empty() ? own : received;
  if (!value.empty()) out.field(id, value);
}

void append_forwarded(std::string& out, const HeaderTable& request, const ForwardingFacts& facts) {
  out.append(header_name(HeaderId::forwarded)).append(": ");
  if (facts.trust && append_joined(out, request, HeaderId::forwarded)) out.append(", ");
  out.append("for=");
  append_forwarded_node(out, facts.client_address);
  if (!facts.host.empty()) {
    out.append(";host=");
    append_parameter_value(out, facts.host);
  }
  out.append(";proto=").append(facts.scheme).append("\r\n");
}

/// The statements that name a resource, besides `Forwarded`. Which proxy made them
/// (X-Forwarded-Server) and for whom (X-Real-IP) does not.
constexpr HeaderId resource_statements[] = {
    HeaderId::x_forwarded_host,    HeaderId::x_forwarded_proto,  HeaderId::x_forwarded_port,
    HeaderId::x_forwarded_prefix,  HeaderId::x_forwarded_scheme, HeaderId::x_forwarded_ssl,
    HeaderId::front_end_https,     HeaderId::x_original_host,    HeaderId::x_host,
    HeaderId::x_http_host_override};

void append_statement(std::string& out, std::string_view name, std::string_view value) {
  // A line feed cannot be in a value: what one statement says cannot pass for two.
  out.append(name).append("=").append(value).push_back('\n');
}

/// The host and proto parameters of Forwarded; `for` and `by` name no resource.
void append_forwarded_resource_of(std::string& out, std::string_view element) {
  while (!element.empty()) {
    const std::size_t end = element.find(';');  // a quoted `;` splits too: more keys, not fewer
    const std::string_view pair = trim(element.substr(0, end));
    const std::string_view name = trim(pair.substr(0, pair.find('=')));
    if (!iequals(name, "for") && !iequals(name, "by")) append_statement(out, "forwarded", pair);
    if (end == std::string_view::npos) return;
    element.remove_prefix(end + 1);
  }
}

}  // namespace

bool is_proxy_statement(HeaderId id) noexcept {
  static constexpr HeaderSet statements(HeaderId::x_real_ip, HeaderId::x_forwarded_port,
                                        HeaderId::x_forwarded_prefix, HeaderId::x_forwarded_scheme,
                                        HeaderId::x_forwarded_server, HeaderId::x_forwarded_ssl,
                                        HeaderId::front_end_https, HeaderId::x_original_host,
                                        HeaderId::x_host, HeaderId::x_http_host_override);
  return statements.contains(id);
}

void append_forwarded_resource(std::string& out, const HeaderTable& request,
                               std::string_view host) {
  for (const HeaderId id : resource_statements) {
    request.any_field(id, [&](const Field& field) {
      const bool same = (id == HeaderId::x_forwarded_host && iequals(field.value, host)) ||
                        (id == HeaderId::x_forwarded_proto && iequals(field.value, "http"));
      if (!same && !field.value.empty()) append_statement(out, header_name(id), field.value);
      return false;
    });
  }
  request.any_field(HeaderId::forwarded, [&](const Field& field) {
    any_list_element(field.value, [&](std::string_view element) {
      append_forwarded_resource_of(out, element);
      return false;
    });
    return false;
  });
}

bool is_forwarding_field(HeaderId id) noexcept {
  return id == HeaderId::x_forwarded_for || id == HeaderId::x_forwarded_proto ||
         id == HeaderId::x_forwarded_host || id == HeaderId::forwarded;
}

void append_forwarded_node(std::string& out, std::string_view address) {
  if (address.empty()) {
    out.append("unknown");
  } else if (address.find(':') != std::string_view::npos) {
    out.append("\"[").append(address).append("]\"");
  } else {
    out.append(address);
  }
}

void append_forwarding_fields(HeadWriter& out, const HeaderTable& request,
                              const ForwardingFacts& facts) {
  append_forwarded_for(out.buffer(), request, facts);
  append_kept_or_own(out, request, facts.trust, HeaderId::x_forwarded_proto, facts.scheme);
  append_kept_or_own(out, request, facts.trust, HeaderId::x_forwarded_host, facts.host);
  append_forwarded(out.buffer(), request, facts);
}

void ForwardingMemo::append(HeadWriter& out, const HeaderTable& request,
                            const ForwardingFacts& facts) {
  if (facts.trust || facts.host.size() > host_bytes_max) {
    append_forwarding_fields(out, request, facts);
    return;
  }
  const std::hash<std::string_view> hash;
  Entry& entry = entries_[(hash(facts.client_address) * 31 + hash(facts.host)) % size];
  if (entry.lines.empty() || entry.client_address != facts.client_address ||
      entry.host != facts.host || entry.scheme != facts.scheme) {
    entry.client_address = facts.client_address;
    entry.scheme = facts.scheme;
    entry.host = facts.host;
    entry.lines.clear();
    HeadWriter lines(entry.lines);
    append_forwarding_fields(lines, request, facts);
  }
  out.buffer() += entry.lines;
}

void append_via(HeadWriter& out, const HeaderTable& message, unsigned received_minor,
                std::string_view pseudonym) {
  std::string& buffer = out.buffer();
  buffer.append(header_name(HeaderId::via)).append(": ");
  if (append_joined(buffer, message, HeaderId::via)) buffer.append(", ");
  buffer.append(received_minor == 0 ? "1.0 " : "1.1 ").append(pseudonym).append("\r\n");
}

bool via_contains(const HeaderTable& message, std::string_view pseudonym) noexcept {
  return message.any_field(HeaderId::via, [pseudonym](const Field& field) {
    return any_list_element(field.value, [pseudonym](std::string_view element) {
      const std::size_t blank = element.find_first_of(" \t");
      if (blank == std::string_view::npos) return false;
      const std::string_view rest = trim(element.substr(blank));
      return iequals(rest.substr(0, rest.find_first_of(" \t")), pseudonym);
    });
  });
}

std::optional<std::uint64_t> forwards_left(const HeaderTable& request) noexcept {
  if (request.count(HeaderId::max_forwards) != 1) return std::nullopt;
  return parse_decimal(request.get(HeaderId::max_forwards));
}

}  // namespace homeostat::http
