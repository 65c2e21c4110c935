// What particular texts must look like. Each returns nothing if the text is
// fine, else what is wrong with it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace homeostat::config {

using CheckResult = std::optional<std::string>;

CheckResult check_path_pattern(std::string_view text);   ///< "/a/*", starts with '/' or '*'
CheckResult check_method(std::string_view text);         ///< GET, POST, ...
CheckResult check_field_name(std::string_view text);     ///< RFC 9110 token
CheckResult check_cache_control(std::string_view text);  ///< known response directives
CheckResult check_tag(std::string_view text);            ///< visible, no comma
CheckResult check_identifier(std::string_view text);     ///< letters, digits, _ and -
CheckResult check_event_name(std::string_view text);     ///< also dots
CheckResult check_event_item(std::string_view text);     ///< tag:, event:, pattern or key
CheckResult check_label_name(std::string_view text);     ///< Prometheus label, not reserved
CheckResult check_content_type(std::string_view text);   ///< type/subtype, `*` allowed
CheckResult check_route(std::string_view text);          ///< "/book/{id}"
CheckResult check_absolute_path(std::string_view text);  ///< file path
CheckResult check_request_path(std::string_view text);   ///< "/healthz?full=1"
CheckResult check_url(std::string_view text);            ///< check_http_url
CheckResult check_file_name(std::string_view text);      ///< not empty, no NUL
CheckResult check_parameter(std::string_view text);      ///< query parameter name, `*` at the end

}  // namespace homeostat::config
