// docs/first_rule.md, word for word: its blocks are run as they stand, in a shell and an
// empty directory, with other ports. What the page shows must be what comes.
#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <map>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <string_view>

#include "tests/support/child_process.hpp"
#include "tests/support/socket.hpp"
#include "tests/support/waiting.hpp"

namespace homeostat::test {
namespace {

/// A trial needs more than a minute of comparisons, and more where the machine is busy.
constexpr std::chrono::seconds trial_patience{180};

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

/// The fenced blocks of a page, by what follows the fence: "sh check", "text check".
std::map<std::string, std::string> blocks_of(const std::string& path) {
  std::ifstream page(path);
  std::map<std::string, std::string> blocks;
  std::string* open = nullptr;
  for (std::string line; std::getline(page, line);) {
    if (!line.starts_with("```")) {
      if (open != nullptr) *open += line + "\n";
      continue;
    }
    open = open == nullptr ? &blocks[line.substr(3)] : nullptr;
  }
  return blocks;
}

void replace_all(std::string& text, const std::string& from, const std::string& to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) {
    text.replace(at, from.size(), to);
  }
}

/// A reader of the page who does what it says.
class Reader {
 public:
  Reader() : blocks_(blocks_of(std::string(HOMEOSTAT_SOURCE_DIR) + "/docs/first_rule.md")) {}

  /// A command that is left running.
  [[nodiscard]] std::unique_ptr<ChildProcess> leave(const std::string& name) {
    const std::string text = command(name);
    return start((text.find("while") == 0 ? "" : "exec ") + text);
  }
  /// A command's output, and how it ended.
  std::string run(const std::string& name) {
    const auto child = start(command(name));
    EXPECT_TRUE(child->wait_for_exit(signal_patience)) << name << " does not end";
    return child->output();
  }
  /// Until its output holds that.
  [[nodiscard]] bool shows(const std::string& name, const std::string& part,
                           std::chrono::seconds patience = wait_patience) {
    return eventually([&] { return contains(last_ = run(name), part); }, patience);
  }
  [[nodiscard]] const std::string& last() const { return last_; }
  /// What the page says that one sees.
  [[nodiscard]] const std::string& promised(const std::string& name) {
    return block("text " + name);
  }
  /// A line of it that holds that.
  [[nodiscard]] std::string promised(const std::string& name, const std::string& part) {
    std::istringstream lines(promised(name));
    for (std::string line; std::getline(lines, line);) {
      if (contains(line, part)) return line;
    }
    ADD_FAILURE() << "the page does not show " << part << " at " << name;
    return "not on the page";
  }
  [[nodiscard]] std::set<std::string> left() const {
    std::set<std::string> names;
    for (const auto& [name, text] : blocks_) {
      if (!used_.contains(name)) names.insert(name);
    }
    return names;
  }

 private:
  const std::string& block(const std::string& name) {
    used_.insert(name);
    EXPECT_TRUE(blocks_.contains(name)) << name << " is not on the page";
    return blocks_[name];
  }
  std::string command(const std::string& name) {
    std::string text = block("sh " + name);
    const auto at = [](const HeldPort& port) { return "127.0.0.1:" + std::to_string(port.port()); };
    replace_all(text, "127.0.0.1:9000", at(application_));
    replace_all(text, "127.0.0.1:8080", at(service_));
    replace_all(text, "127.0.0.1:9180", at(admin_));
    // The port above is not the one that it looks at by itself.
    replace_all(text, "homeostat explain", "homeostat explain --admin http://" + at(admin_));
    return text;
  }
  [[nodiscard]] std::unique_ptr<ChildProcess> start(const std::string& text) const {
    const std::string binary = HOMEOSTAT_BINARY;
    return std::make_unique<ChildProcess>(
        std::vector<std::string>{"/bin/sh", "-c",
                                 "cd '" + directory_.path() + "' && PATH='" +
                                     binary.substr(0, binary.rfind('/')) + "':$PATH && " + text});
  }

  std::map<std::string, std::string> blocks_;
  std::set<std::string> used_;
  TemporaryDirectory directory_;
  HeldPort application_, service_, admin_;
  std::string last_;
};

TEST(FirstRule, IsWrittenCheckedReplayedTriedProvenAndUndoneAsThePageSays) {
  Reader reader;
  const auto application = reader.leave("application");
  ASSERT_TRUE(application->wait_for_line("listening on")) << application->output();
  reader.run("settings");
  const auto agent = reader.leave("agent");
  ASSERT_TRUE(agent->wait_for_line("serving on")) << agent->output();
  const auto load = reader.leave("load");

  reader.run("write");
  EXPECT_EQ(reader.run("check"), reader.promised("check"));
  EXPECT_EQ(reader.run("mend"), reader.promised("mend"));
  EXPECT_EQ(reader.run("mend-again"), reader.promised("mend-again"));

  const std::string fires = "pending -> firing";
  EXPECT_TRUE(contains(reader.promised("replay", fires), "for 5s"));
  EXPECT_TRUE(reader.shows("replay", fires, signal_patience)) << reader.last() << agent->output();
  EXPECT_TRUE(contains(reader.last(), "reports-live-longer             1 ")) << reader.last();

  reader.run("install");
  const std::string idle = reader.promised("dry-run", "dry run: does not act");
  EXPECT_TRUE(reader.shows("dry-run", "  firing since", signal_patience)) << reader.last();
  EXPECT_TRUE(contains(reader.last(), idle)) << reader.last();
  EXPECT_TRUE(contains(reader.last(), reader.promised("dry-run", "  until "))) << reader.last();
  EXPECT_TRUE(contains(reader.last(), reader.promised("dry-run", "  tried on ")));
  EXPECT_FALSE(contains(reader.last(), "in force since")) << "it does not act: " << reader.last();

  reader.run("live");
  EXPECT_TRUE(reader.shows("why", "  in force since", signal_patience)) << reader.last();
  EXPECT_TRUE(contains(reader.last(), "because endpoint.hit_ratio = ")) << reader.last();
  EXPECT_TRUE(contains(reader.promised("why", "effect on"), "latency_avg: useful"));
  EXPECT_TRUE(reader.shows("why", "effect on endpoint.latency_avg: useful", trial_patience))
      << reader.last() << agent->output();
  EXPECT_TRUE(contains(reader.last(), "% better (")) << reader.last();

  EXPECT_TRUE(contains(reader.run("undo"), "reports-live-longer"));
  const std::string disabled = reader.promised("undone", "DISABLED");
  EXPECT_TRUE(reader.shows("undone", disabled)) << reader.last();
  EXPECT_TRUE(reader.shows("undone", "the rule was disabled")) << reader.last();
  EXPECT_FALSE(contains(reader.last(), "in force since")) << reader.last();
  reader.run("remove");
  EXPECT_TRUE(reader.shows("undone", "no rule and no endpoint is named")) << reader.last();
  EXPECT_EQ(reader.left(), std::set<std::string>{}) << "blocks of the page that nobody ran";
}

}  // namespace
}  // namespace homeostat::test
