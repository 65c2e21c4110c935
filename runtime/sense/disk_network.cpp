#include "runtime/sense/disk_network.hpp"

#include <sys/statvfs.h>

#include <algorithm>
#include <array>
#include <utility>

#include "runtime/sense/cpu.hpp"
#include "runtime/sense/files.hpp"

namespace homeostat::sense {
namespace {

constexpr std::size_t interfaces_max = 1024;

bool is_counted(std::string_view name) {
  constexpr std::array<std::string_view, 5> elsewhere = {"veth", "docker", "br-", "virbr", "cni"};
  return name != "lo" &&
         std::none_of(elsewhere.begin(), elsewhere.end(),
                      [name](std::string_view prefix) { return name.starts_with(prefix); });
}

}  // namespace

std::optional<double> disk_utilization(const std::string& root,
                                       const std::vector<std::string>& mounts) {
  std::optional<double> fullest;
  for (const std::string& mount : mounts) {
    struct statvfs figures {};
    if (::statvfs(join_path(root, mount).c_str(), &figures) != 0) continue;
    const auto used = static_cast<double>(figures.f_blocks - figures.f_bfree);
    const auto available = static_cast<double>(figures.f_bavail);
    if (used + available <= 0) continue;  // a pseudo file system
    fullest = std::max(fullest.value_or(0), used / (used + available));
  }
  return fullest;
}

// Inter-|   Receive  ...            |  Transmit
//  eth0: bytes packets errs drop fifo frame compressed multicast bytes packets ...
std::optional<NetworkReader::Interfaces> NetworkReader::read() const {
  const auto content = read_file(join_path(root_, "/proc/self/net/dev"));
  if (!content) return std::nullopt;
  Interfaces interfaces;
  std::string_view text = *content;
  while (!text.empty() && interfaces.size() < interfaces_max) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    const auto name = split_words(line.substr(0, colon));
    const auto words = split_words(line.substr(colon + 1));
    if (name.size() != 1 || words.size() < 9 || !is_counted(name[0])) continue;
    const auto received = parse_number(words[0]), sent = parse_number(words[8]);
    if (received && sent) interfaces.emplace(std::string(name[0]), Counters{*received, *sent});
  }
  return interfaces;
}

NetworkReader::Sample NetworkReader::sample(Instant now) {
  if (last_.readable && now - at_ < sample_interval_min) return last_;
  Sample sample;
  auto interfaces = read();
  sample.readable = interfaces && !interfaces->empty();
  if (sample.readable && previous_) {
    std::uint64_t received = 0, sent = 0;
    bool known = false;
    for (const auto& [name, counters] : *interfaces) {
      const auto before = previous_->find(name);
      // New or reset: its traffic is known from the next sample on.
      if (before == previous_->end() || counters.received < before->second.received ||
          counters.sent < before->second.sent) {
        continue;
      }
      received += counters.received - before->second.received;
      sent += counters.sent - before->second.sent;
      known = true;
    }
    const double elapsed = std::chrono::duration<double>(now - at_).count();
    if (known) {
      sample.received = static_cast<double>(received) / elapsed;
      sample.sent = static_cast<double>(sent) / elapsed;
    }
  }
  previous_ = std::move(interfaces);
  at_ = now;
  last_ = sample;
  return sample;
}

}  // namespace homeostat::sense
