#include "runtime/app/demo/process_figures.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

namespace homeostat::demo {
namespace {

TEST(ProcessFigures, TicksAreTheFourteenthAndFifteenthFieldWhateverTheName) {
  const std::string stat = "42 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 700 55 0 0 20 0 1 0";
  EXPECT_EQ(cpu_ticks_of(stat), 755U);
  EXPECT_EQ(cpu_ticks_of("42 (cut"), std::nullopt);
  EXPECT_EQ(cpu_ticks_of("42 (cut) S 1 2"), std::nullopt);
}

TEST(ProcessFigures, PssIsNotOneOfItsParts) {
  EXPECT_EQ(pss_bytes_of("00400000-7ff ---p\nRss: 900 kB\nPss:  300 kB\nPss_Anon: 200 kB\n"),
            300U * 1024);
  EXPECT_EQ(pss_bytes_of("Rss: 900 kB\nPss_Anon: 200 kB\n"), std::nullopt);
}

TEST(ProcessFigures, ReadsThisProcess) {
  EXPECT_TRUE(cpu_seconds(::getpid()));
  EXPECT_GT(memory_bytes(::getpid()).value_or(0), 100'000U);
}

}  // namespace
}  // namespace homeostat::demo
