// Logs whose reader stalls: whoever logs goes on, and the process ends in time.
#include "runtime/telemetry/descriptor_sink.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <spdlog/logger.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <memory>
#include <string>

#include "runtime/telemetry/access_log.hpp"
#include "runtime/telemetry/logging.hpp"

namespace homeostat::telemetry {
namespace {

class Pipe {
 public:
  Pipe() { EXPECT_EQ(::pipe2(ends_.data(), O_CLOEXEC), 0); }
  ~Pipe() {
    close_reader();
    ::close(ends_[1]);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  [[nodiscard]] int writer() const noexcept { return ends_[1]; }
  void close_reader() {
    if (ends_[0] >= 0) ::close(ends_[0]);
    ends_[0] = -1;
  }
  /// All that was written until now.
  std::string read() {
    ::fcntl(ends_[0], F_SETFL, O_NONBLOCK);
    std::string all;
    std::array<char, 4096> piece{};
    for (ssize_t size = 0; (size = ::read(ends_[0], piece.data(), piece.size())) > 0;) {
      all.append(piece.data(), static_cast<std::size_t>(size));
    }
    return all;
  }

 private:
  std::array<int, 2> ends_{-1, -1};
};

/// Something else as standard output or error, while it lives.
class Redirected {
 public:
  Redirected(int descriptor, int to) : descriptor_(descriptor), before_(::dup(descriptor)) {
    ::dup2(to, descriptor);
  }
  ~Redirected() {
    ::dup2(before_, descriptor_);
    ::close(before_);
  }
  Redirected(const Redirected&) = delete;
  Redirected& operator=(const Redirected&) = delete;

 private:
  int descriptor_, before_;
};

class IgnoredPipeSignal {
 public:
  IgnoredPipeSignal() : before_(std::signal(SIGPIPE, SIG_IGN)) {}
  ~IgnoredPipeSignal() { std::signal(SIGPIPE, before_); }
  IgnoredPipeSignal(const IgnoredPipeSignal&) = delete;
  IgnoredPipeSignal& operator=(const IgnoredPipeSignal&) = delete;

 private:
  void (*before_)(int);
};

std::shared_ptr<spdlog::logger> logger_to(const std::shared_ptr<DescriptorSink>& sink) {
  auto logger = std::make_shared<spdlog::logger>("test", sink);
  logger->set_pattern("%v");
  return logger;
}

const std::string long_line(1000, 'x');

TEST(DescriptorSink, WritesLinesOfAnyLengthWhole) {
  Pipe pipe;
  const auto sink = std::make_shared<DescriptorSink>(pipe.writer());
  const auto logger = logger_to(sink);
  const std::string huge(30'000, 'y');
  logger->info("first");
  logger->info(huge);
  EXPECT_EQ(pipe.read(), "first\n" + huge + "\n");
  EXPECT_EQ(sink->lost(), 0U);
}

TEST(DescriptorSink, OnceTheProcessEndsItWaitsForNoReaderForLong) {
  Pipe pipe;
  const auto sink = std::make_shared<DescriptorSink>(pipe.writer());
  const auto logger = logger_to(sink);
  sink->leave();
  constexpr std::uint64_t lines = 10'000;  // at a wait for each, hours
  for (std::uint64_t i = 0; i < lines; ++i) logger->info(long_line);
  EXPECT_GT(sink->lost(), lines / 2);
}

TEST(DescriptorSink, AReaderThatHasGoneLosesLinesAndNothingElse) {
  const IgnoredPipeSignal ignored;
  Pipe pipe;
  pipe.close_reader();
  const auto sink = std::make_shared<DescriptorSink>(pipe.writer());
  logger_to(sink)->info("nobody reads this");
  EXPECT_EQ(sink->lost(), 1U);
}

TEST(Logging, NobodyWaitsForAStalledReaderOfAnyLog) {
  const IgnoredPipeSignal ignored;
  const auto before = spdlog::default_logger();
  Pipe pipe;
  {
    const Redirected out(STDOUT_FILENO, pipe.writer());
    const Redirected error(STDERR_FILENO, pipe.writer());
    spdlog::drop("homeostat");  // what other tests have left: a sink of their own
    config::LogSettings settings;
    settings.access.enabled = true;
    setup_logging(settings);
    AccessLog access(settings);
    AccessRecord record;
    record.status = 200;
    for (int i = 0; i < 4000; ++i) {
      spdlog::warn("{}", long_line);
      access.write(record);
    }
    EXPECT_GT(log_lines_dropped(), 0U) << "the pipe holds 64 lines, and the queue a thousand";
    EXPECT_GT(access.dropped(), 0U);
    pipe.close_reader();
    finish_logging();  // while standard error is not the test's own again
  }
  spdlog::drop("homeostat");
  spdlog::set_default_logger(before);
}

}  // namespace
}  // namespace homeostat::telemetry
