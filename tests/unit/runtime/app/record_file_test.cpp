// The recorder's file: bounded and readable whatever happens to it.
#include "runtime/app/record_file.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace homeostat::app {
namespace {

namespace fs = std::filesystem;

class RecordFileTest : public ::testing::Test {
 protected:
  RecordFileTest() {
    auto pattern = (fs::path(testing::TempDir()) / "homeostat_record_XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    path = (folder_ / "signals.csv").string();
  }
  ~RecordFileTest() override {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }
  static std::string content(const std::string& file) {
    std::ostringstream text;
    text << std::ifstream(file, std::ios::binary).rdbuf();
    return text.str();
  }
  void put(const std::string& text) const { std::ofstream(path, std::ios::binary) << text; }

  std::string path;

 private:
  fs::path folder_;
};

TEST_F(RecordFileTest, AppendsAndStartsAnewAtHalfOfItsBound) {
  RecordFile file(path, 40);
  EXPECT_TRUE(file.make_room());
  ASSERT_TRUE(file.append("0123456789\n"));
  EXPECT_FALSE(file.make_room());
  ASSERT_TRUE(file.append("0123456789\n"));
  EXPECT_TRUE(file.make_room());
  ASSERT_TRUE(file.append("new\n"));
  EXPECT_EQ(content(path), "new\n");
  EXPECT_EQ(content(path + ".1"), "0123456789\n0123456789\n");
}

TEST_F(RecordFileTest, CutsOffWhatAKillHasLeftOfALine) {
  put("time,cpu.utilization\n1,0.5\n2,0.");
  RecordFile file(path, 4096);
  EXPECT_FALSE(file.make_room());
  ASSERT_TRUE(file.append("3,0.5\n"));
  EXPECT_EQ(content(path), "time,cpu.utilization\n1,0.5\n3,0.5\n");
  put(std::string(10'000, 'x'));
  RecordFile torn(path, 40'000);
  ASSERT_TRUE(torn.append("1\n"));
  EXPECT_EQ(content(path), "1\n") << "not a whole line was left";
}

TEST_F(RecordFileTest, LeavesNoPartOfWhatDoesNotFit) {
  RecordFile file(path, 1 << 20);
  ASSERT_TRUE(file.append("whole\n"));
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  rlimit full = before;
  full.rlim_cur = 10;  // as a full disk: a part can be written
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &full), 0);
  const bool written = file.append("does not fit\n");
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_FALSE(written);
  EXPECT_FALSE(file.error().empty());
  EXPECT_EQ(content(path), "whole\n");
  EXPECT_TRUE(file.append("next\n"));
  EXPECT_EQ(content(path), "whole\nnext\n");
}

TEST_F(RecordFileTest, IsEmptiedWhereItCannotBeRenamed) {
  fs::create_directories(path + ".1/occupied");  // a file cannot replace it
  RecordFile file(path, 40);
  for (int i = 0; i < 50; ++i) {
    (void)file.make_room();
    ASSERT_TRUE(file.append("0123456789\n"));
    ASSERT_LE(fs::file_size(path), 40U);
  }
  put(std::string(30, 'x') + "\n");
  EXPECT_TRUE(file.make_room());
  EXPECT_NE(file.error().find("cannot be renamed"), std::string::npos) << file.error();
}

TEST_F(RecordFileTest, SaysWhyItCannotBeWritten) {
  RecordFile file("/nowhere/signals.csv", 4096);
  EXPECT_TRUE(file.make_room());
  EXPECT_FALSE(file.append("1\n"));
  EXPECT_EQ(file.error(), "No such file or directory");
}

}  // namespace
}  // namespace homeostat::app
