// A leaf for a list of maps, e.g. cache.rules. See leaf.hpp.
#pragma once

#include <fmt/format.h>

#include <string>
#include <vector>

#include "config/flow_printer.hpp"
#include "config/reader.hpp"

namespace homeostat::config {

/// `describe` walks the keys of one row; `check` looks at a row that was read
/// and reports what its keys cannot say one by one. `clean` tells it that no key
/// of the row had an error.
template <class Row>
class RowsLeaf final : public Leaf {
 public:
  using Describe = void (*)(Visitor&, Row&);
  using Check = void (*)(Row&, const Node&, const std::string& path, Reading&, bool clean);

  RowsLeaf(std::vector<Row>& field, std::size_t rows_max, Describe describe, Check check)
      : field_(field), rows_max_(rows_max), describe_(describe), check_(check) {}

  void read(const Node& node, const std::string& path, Reading& reading) override {
    if (!node.is_list()) {
      report_type(*this, node, path, reading);
      return;
    }
    if (node.children.size() > rows_max_) {
      reading.report.error(node.place, fmt::format("`{}` has {} entries; at most {} are allowed",
                                                   path, node.children.size(), rows_max_));
      return;
    }
    std::vector<Row> rows;
    for (std::size_t i = 0; i < node.children.size(); ++i) {
      const auto at = fmt::format("{}[{}]", path, i);
      const auto before = reading.report.size();
      Row row{};
      const auto keys = [&](Visitor& visitor) { describe_(visitor, row); };
      if (!read_map(node.children[i], at, reading, keys)) continue;
      check_(row, node.children[i], at, reading, reading.report.size() == before);
      rows.push_back(std::move(row));
    }
    field_ = std::move(rows);
  }

  std::string show() const override { return text(false); }
  std::string identity() const override { return text(true); }
  std::string type() const override { return "list of maps"; }
  std::string allowed() const override { return fmt::format("at most {} entries", rows_max_); }

  void visit_row(Visitor& visitor) override {
    Row row{};
    describe_(visitor, row);
  }
  void take(const Leaf& same_key) override { field_ = same_kind(*this, same_key).field_; }

 private:
  [[nodiscard]] std::string text(bool complete) const {
    std::string all;
    for (auto& row : field_) {
      FlowPrinter printer(complete);
      describe_(printer, row);
      all += (all.empty() ? "" : ", ") + printer.text();
    }
    return "[" + all + "]";
  }

  std::vector<Row>& field_;
  std::size_t rows_max_;
  Describe describe_;
  Check check_;
};

}  // namespace homeostat::config
