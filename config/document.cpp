// parse_document: yaml-cpp's event stream into a bounded tree.
//
// The event interface, not YAML::Load, is used on purpose: it gives the place of
// every key, tells plain from quoted scalars, and lets the bounds be enforced
// while reading, before an alias bomb has been expanded.
#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <map>
#include <sstream>
#include <utility>

#include "config/loader.hpp"
#include "config/node.hpp"
#include "config/substitution.hpp"

namespace homeostat::config {
namespace {

constexpr std::size_t text_total_max = 4 * mebibyte;

/// Ends parsing early; carries what to tell the operator.
struct Refused {
  Place place;
  std::string message;
};

struct Weight {
  std::size_t nodes = 0;
  std::size_t bytes = 0;
};

Weight weigh(const Node& node) {
  Weight sum{1, node.text.size() + node.key.size()};
  for (const auto& child : node.children) {
    const auto weight = weigh(child);
    sum.nodes += weight.nodes;
    sum.bytes += weight.bytes;
  }
  return sum;
}

std::size_t height(const Node& node) {
  std::size_t highest = 0;
  for (const auto& child : node.children) highest = std::max(highest, height(child));
  return highest + 1;
}

class Builder final : public YAML::EventHandler {
 public:
  Builder(std::shared_ptr<const Source> source, Report& report)
      : source_(std::move(source)), report_(report) {}

  [[nodiscard]] Node take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    add(made(Node::Kind::null, mark), anchor);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    Node node = made(Node::Kind::scalar, mark);
    check_tag(node.place, tag);
    node.text = value;
    node.plain = tag != "!";
    check_quote(node.place);
    add(std::move(node), anchor);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(Node::Kind::list, mark, tag, anchor);
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(Node::Kind::map, mark, tag, anchor);
  }
  void OnMapEnd() override { close(); }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto place = placed(mark);
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) throw Refused{place, "an alias inside its own anchor"};
    charge(weigh(found->second), place);
    if (stack_.size() + height(found->second) > file_depth_max) too_deep(place);
    attach(found->second);
  }

 private:
  struct Open {
    Node node;
    YAML::anchor_t anchor = 0;
    std::optional<Node> key;  ///< of the entry whose value comes next
  };

  [[nodiscard]] Place placed(const YAML::Mark& mark) const {
    if (mark.is_null()) return Place{source_, 1, 1, 0};
    return Place{source_, mark.line + 1, mark.column + 1, static_cast<std::size_t>(mark.pos)};
  }

  [[nodiscard]] Node made(Node::Kind kind, const YAML::Mark& mark) const {
    Node node;
    node.kind = kind;
    node.place = placed(mark);
    return node;
  }

  static void check_tag(const Place& place, const std::string& tag) {
    if (!tag.empty() && tag != "?" && tag != "!")
      throw Refused{place, "YAML tags are not used here"};
  }

  /// yaml-cpp takes the end of the text for a closing quote; a file that was cut
  /// off must not load.
  void check_quote(const Place& place) const {
    const auto& text = source_->text;
    if (place.offset >= text.size()) return;
    const char quote = text[place.offset];
    if (quote != '"' && quote != '\'') return;
    for (std::size_t at = place.offset + 1; at < text.size(); ++at) {
      if (text[at] == '\\' && quote == '"') {
        ++at;
      } else if (text[at] == quote && quote == '\'' && at + 1 < text.size() &&
                 text[at + 1] == quote) {
        ++at;
      } else if (text[at] == quote) {
        return;
      }
    }
    throw Refused{place, "not valid YAML: the quote is never closed"};
  }

  [[noreturn]] static void too_deep(const Place& place) {
    throw Refused{place, fmt::format("nested deeper than {} levels", file_depth_max)};
  }

  void charge(Weight weight, const Place& place) {
    nodes_ += weight.nodes;
    bytes_ += weight.bytes;
    if (nodes_ > file_nodes_max || bytes_ > text_total_max) {
      throw Refused{place, fmt::format("too large once aliases are expanded; at most {} values",
                                       file_nodes_max)};
    }
  }

  void open(Node::Kind kind, const YAML::Mark& mark, const std::string& tag,
            YAML::anchor_t anchor) {
    Open frame{made(kind, mark), anchor, std::nullopt};
    check_tag(frame.node.place, tag);
    if (stack_.size() >= file_depth_max) too_deep(frame.node.place);
    charge({1, 0}, frame.node.place);
    stack_.push_back(std::move(frame));
  }

  void close() {
    Open frame = std::move(stack_.back());
    stack_.pop_back();
    if (frame.anchor != 0) anchors_[frame.anchor] = frame.node;
    attach(std::move(frame.node));
  }

  void add(Node node, YAML::anchor_t anchor) {
    charge(weigh(node), node.place);
    if (anchor != 0) anchors_[anchor] = node;
    attach(std::move(node));
  }

  void attach(Node node) {
    if (stack_.empty()) {
      root_ = std::move(node);
      return;
    }
    auto& frame = stack_.back();
    if (frame.node.is_list()) {
      frame.node.children.push_back(std::move(node));
    } else if (!frame.key) {
      if (!node.is_scalar()) throw Refused{node.place, "a key must be a plain name"};
      frame.key = std::move(node);
    } else {
      enter(frame, std::move(node));
    }
  }

  void enter(Open& frame, Node node) {
    Node key = std::move(*frame.key);
    frame.key.reset();
    node.key = unprotect(std::move(key.text));
    node.key_place = key.place;
    if (const auto* first = frame.node.find(node.key)) {
      key.text = node.key;
      report_.error(node.key_place, fmt::format("key {} is given twice; first at line {}",
                                                shown(key), first->key_place.line));
      return;
    }
    frame.node.children.push_back(std::move(node));
  }

  std::shared_ptr<const Source> source_;
  Report& report_;
  std::vector<Open> stack_;
  std::map<YAML::anchor_t, Node> anchors_;
  Node root_;
  std::size_t nodes_ = 0;
  std::size_t bytes_ = 0;
};

/// Control bytes would be taken for protect()'s own, and NUL ends yaml-cpp's input.
bool printable(const std::shared_ptr<const Source>& source, Report& report) {
  Place place{source, 1, 1, 0};
  for (const char c : source->text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 && c != '\n' && c != '\r' && c != '\t') {
      report.error(place, fmt::format("control character 0x{:02x}; the text must be UTF-8", byte));
      return false;
    }
    ++place.offset;
    ++place.column;
    if (c == '\n') {
      ++place.line;
      place.column = 1;
    }
  }
  return true;
}

std::optional<Node> run(const std::shared_ptr<const Source>& source, Report& report) {
  Builder builder(source, report);
  try {
    std::istringstream input(protect(source->text));
    YAML::Parser parser(input);
    if (!parser.HandleNextDocument(builder)) {
      Node empty;
      empty.kind = Node::Kind::map;
      empty.place = Place{source, 1, 1, 0};
      return empty;
    }
    Node root = builder.take();
    if (parser.HandleNextDocument(builder)) {
      report.error(builder.take().place, "a second YAML document; write everything in one");
      return std::nullopt;
    }
    if (root.is_null()) root.kind = Node::Kind::map;
    return root;
  } catch (const Refused& refused) {
    report.error(refused.place, refused.message);
  } catch (const YAML::Exception& error) {
    const auto& mark = error.mark;
    const Place place =
        mark.is_null() ? Place{source, 1, 1, 0} : Place{source, mark.line + 1, mark.column + 1, 0};
    report.error(place, "not valid YAML: " + error.msg);
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception&) {
    report.error(Place{source, 1, 1, 0}, "not valid YAML");
  }
  return std::nullopt;
}

}  // namespace

std::optional<Node> parse_document(const std::shared_ptr<const Source>& source, Report& report) {
  if (source->text.size() > file_bytes_max) {
    report.error(
        Place{source, 1, 1, 0},
        fmt::format("larger than {} bytes, which is the most that is read", file_bytes_max));
    return std::nullopt;
  }
  if (!printable(source, report)) return std::nullopt;
  return run(source, report);
}

}  // namespace homeostat::config
