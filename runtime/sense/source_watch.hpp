// Reports a change of the source of a group of signals, once per change.
//
// Thread safety: none; one owner. The hook runs on the caller's thread.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace homeostat::sense {

class SourceWatch {
 public:
  explicit SourceWatch(std::function<void(const std::string&)> hook) : hook_(std::move(hook)) {}

  /// `source` is "none" when nothing could be read.
  void report(std::string_view what, std::string_view source) {
    auto& known = sources_[std::string(what)];
    if (known == source) return;
    if (hook_) {
      if (source == "none") {
        hook_(std::string(what) + " cannot be measured" + (known.empty() ? "" : ", was: " + known));
      } else {
        hook_(std::string(what) + " is measured from " + std::string(source) +
              (known.empty() ? "" : ", before: " + known));
      }
    }
    known = source;
  }

 private:
  std::function<void(const std::string&)> hook_;
  std::map<std::string, std::string, std::less<>> sources_;
};

}  // namespace homeostat::sense
