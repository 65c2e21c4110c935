#include "runtime/app/record_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "config/descriptor.hpp"

namespace homeostat::app {
namespace {

std::string error_text(int number) { return std::generic_category().message(number); }

/// The size up to and with the last end of line.
off_t whole_lines(int file, off_t size) {
  std::array<char, 4096> piece{};
  while (size > 0) {
    const off_t begin = std::max<off_t>(0, size - static_cast<off_t>(piece.size()));
    const ssize_t got = ::pread(file, piece.data(), static_cast<std::size_t>(size - begin), begin);
    if (got <= 0) return size;
    for (ssize_t i = got; i > 0; --i) {
      if (piece[static_cast<std::size_t>(i - 1)] == '\n') return begin + i;
    }
    size = begin;
  }
  return 0;
}

bool write_all(int file, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(file, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

}  // namespace

bool RecordFile::make_room() {
  error_.clear();
  std::error_code failed;
  const auto size = std::filesystem::file_size(path_, failed);
  if (failed || size == 0) return true;
  if (size < bytes_max_ / 2) return false;
  std::filesystem::rename(path_, path_ + ".1", failed);
  if (!failed) return true;
  error_ = "cannot be renamed (" + failed.message() + "), so that it is emptied instead";
  std::filesystem::resize_file(path_, 0, failed);
  return !failed;
}

bool RecordFile::append(std::string_view lines) {
  const config::Descriptor file(
      ::open(path_.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0666));
  struct stat status {};
  if (file.get() < 0 || ::fstat(file.get(), &status) != 0) {
    error_ = error_text(errno);
    return false;
  }
  const off_t whole = whole_lines(file.get(), status.st_size);
  const bool mended = whole == status.st_size || ::ftruncate(file.get(), whole) == 0;
  const auto limit = static_cast<off_t>(bytes_max_);
  if (mended && whole + static_cast<off_t>(lines.size()) > limit) {
    error_ = "it has reached its bound and cannot be emptied";
    return false;
  }
  if (mended && write_all(file.get(), lines)) return true;
  error_ = error_text(errno);
  // What is left of a line is cut off now, or before the next.
  if (mended && ::ftruncate(file.get(), whole) != 0) error_ += ", and a part of a line is left";
  return false;
}

}  // namespace homeostat::app
