// Leaves for lists, addresses and maps of names. See leaf.hpp.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "config/scalar_leaves.hpp"

namespace homeostat::config {

/// A list of texts. Where `single` is set, one text may stand for a list of one.
class TextListLeaf final : public Leaf {
 public:
  struct Bounds {
    std::size_t items_max = 100;
    std::size_t bytes_max = 1024;
    bool single = false;
    bool secret = false;  ///< URLs that may carry a token
  };

  TextListLeaf(std::vector<std::string>& field, std::string_view of, TextCheck check, Bounds bounds)
      : field_(field), of_(of), check_(check), bounds_(bounds) {}
  void read(const Node& node, const std::string& path, Reading& reading) override;
  std::string show() const override;
  std::string identity() const override;
  std::string type() const override;
  std::string allowed() const override;
  void take(const Leaf& same_key) override { field_ = same_kind(*this, same_key).field_; }

 private:
  bool item_ok(const Node& item, const std::string& path, Reading& reading) const;
  std::vector<std::string>& field_;
  std::string_view of_;
  TextCheck check_;
  Bounds bounds_;
};

/// A list of different words out of a few, in the order that was written.
class CodingListLeaf final : public Leaf {
 public:
  explicit CodingListLeaf(std::vector<rules::Coding>& field) : field_(field) {}
  void read(const Node& node, const std::string& path, Reading& reading) override;
  std::string show() const override;
  std::string type() const override { return "list of words"; }
  std::string allowed() const override { return "zstd, br or gzip, each once"; }
  void take(const Leaf& same_key) override { field_ = same_kind(*this, same_key).field_; }

 private:
  std::vector<rules::Coding>& field_;
};

/// media type pattern: level 1 to 9. The order is kept.
class TypeLevelsLeaf final : public Leaf {
 public:
  using Field = std::vector<std::pair<std::string, int>>;
  TypeLevelsLeaf(Field& field, TextCheck name_check) : field_(field), name_check_(name_check) {}
  void read(const Node& node, const std::string& path, Reading& reading) override;
  std::string show() const override;
  std::string type() const override { return "map of integers"; }
  std::string allowed() const override { return "1 to 9 each"; }
  void take(const Leaf& same_key) override { field_ = same_kind(*this, same_key).field_; }

 private:
  Field& field_;
  TextCheck name_check_;
};

class AddressLeaf final : public ScalarLeaf {
 public:
  explicit AddressLeaf(Address& field) : field_(field) {}
  std::string show() const override;
  std::string type() const override { return "address"; }
  void take(const Leaf& same_key) override { field_ = same_kind(*this, same_key).field_; }

 private:
  std::optional<UnitError> set(const Node& scalar) override;
  Address& field_;
};

/// One address or a list of them. Nothing by default.
class AddressListLeaf final : public Leaf {
 public:
  explicit AddressListLeaf(std::vector<Address>& field) : field_(field) {}
  void read(const Node& node, const std::string& path, Reading& reading) override;
  std::string show() const override;
  std::string type() const override { return "address or list of addresses"; }
  void take(const Leaf& same_key) override { field_ = same_kind(*this, same_key).field_; }

 private:
  std::vector<Address>& field_;
};

/// One upstream URL or a list of them.
class TargetListLeaf final : public Leaf {
 public:
  explicit TargetListLeaf(std::vector<UpstreamTarget>& field) : field_(field) {}
  void read(const Node& node, const std::string& path, Reading& reading) override;
  std::string show() const override;
  std::string type() const override { return "URL or list of URLs"; }
  void take(const Leaf& same_key) override { field_ = same_kind(*this, same_key).field_; }

 private:
  std::vector<UpstreamTarget>& field_;
};

/// name: [text, ...] for any names.
class NamedListsLeaf final : public Leaf {
 public:
  using Field = std::vector<std::pair<std::string, std::vector<std::string>>>;
  NamedListsLeaf(Field& field, TextCheck name_check, std::string_view of, TextCheck item_check)
      : field_(field), name_check_(name_check), of_(of), item_check_(item_check) {}
  void read(const Node& node, const std::string& path, Reading& reading) override;
  std::string show() const override;
  std::string type() const override;
  void take(const Leaf& same_key) override { field_ = same_kind(*this, same_key).field_; }

 private:
  Field& field_;
  TextCheck name_check_;
  std::string_view of_;
  TextCheck item_check_;
};

/// name: text for any names.
class PairsLeaf final : public Leaf {
 public:
  using Field = std::vector<std::pair<std::string, std::string>>;
  PairsLeaf(Field& field, TextCheck name_check) : field_(field), name_check_(name_check) {}
  void read(const Node& node, const std::string& path, Reading& reading) override;
  std::string show() const override;
  std::string type() const override { return "map of text"; }
  void take(const Leaf& same_key) override { field_ = same_kind(*this, same_key).field_; }

 private:
  Field& field_;
  TextCheck name_check_;
};

/// "[a, b]" in flow style.
[[nodiscard]] std::string yaml_list(const std::vector<std::string>& items);

}  // namespace homeostat::config
