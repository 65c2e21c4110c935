#include "runtime/redis/reply.hpp"

#include <hiredis/hiredis.h>

#include <exception>
#include <utility>

namespace homeostat::redis {
namespace {

ReplyReader::Budget& budget_of(const redisReadTask* task) {
  return *static_cast<ReplyReader::Budget*>(task->privdata);
}

/// Where the reply goes: a new root, or its place in the array it belongs to.
Reply* place_of(const redisReadTask* task) {
  if (task->parent == nullptr) return new Reply;
  auto* array = static_cast<Reply*>(task->parent->obj);
  return &array->elements[static_cast<std::size_t>(task->idx)];
}

/// No exception may pass through the parser, which is C; null makes it give up.
template <class Make>
void* guarded(Make&& make) noexcept {
  try {
    return make();
  } catch (const std::exception&) {
    return nullptr;
  }
}

Reply::Type type_of(int type) noexcept {
  switch (type) {
    case REDIS_REPLY_STATUS: return Reply::Type::status;
    case REDIS_REPLY_ERROR: return Reply::Type::error;
    default: return Reply::Type::text;
  }
}

void* create_text(const redisReadTask* task, char* bytes, std::size_t size) {
  return guarded([&]() -> void* {
    ReplyReader::Budget& budget = budget_of(task);
    budget.bytes += size;
    if (budget.bytes > budget.bounds.bytes_max) return nullptr;
    std::string text(bytes, size);
    Reply* reply = place_of(task);
    reply->type = type_of(task->type);
    reply->text = std::move(text);
    return reply;
  });
}

void* create_array(const redisReadTask* task, int count) {
  return guarded([&]() -> void* {
    ReplyReader::Budget& budget = budget_of(task);
    const auto wanted = static_cast<std::size_t>(count);
    if (count < 0 || wanted > budget.bounds.elements_max - budget.elements) return nullptr;
    budget.elements += wanted;
    std::vector<Reply> elements(wanted);
    Reply* reply = place_of(task);
    reply->type = Reply::Type::array;
    reply->elements = std::move(elements);
    return reply;
  });
}

void* create_integer(const redisReadTask* task, long long value) {
  return guarded([&]() -> void* {
    Reply* reply = place_of(task);
    reply->type = Reply::Type::integer;
    reply->integer = value;
    return reply;
  });
}

void* create_nil(const redisReadTask* task) {
  return guarded([&]() -> void* { return place_of(task); });
}

void free_reply(void* reply) { delete static_cast<Reply*>(reply); }

redisReplyObjectFunctions functions{create_text, create_array, create_integer, create_nil,
                                    free_reply};

}  // namespace

bool Reply::is_error(std::string_view code) const noexcept {
  if (type != Type::error || !text.starts_with(code)) return false;
  return text.size() == code.size() || text[code.size()] == ' ';
}

bool Reply::of_replica() const noexcept {
  return type == Type::error && text.find("READONLY") != std::string::npos;
}

std::string excerpt(std::string_view text) {
  constexpr std::size_t bytes_max = 100;
  std::string out(text.substr(0, bytes_max));
  for (char& c : out) {
    if (c < ' ' || c > '~') c = '?';
  }
  if (text.size() > bytes_max) out += "...";
  return out;
}

void ReplyReader::Free::operator()(redisReader* reader) const noexcept { redisReaderFree(reader); }

ReplyReader::ReplyReader(Bounds bounds)
    : budget_{bounds}, reader_(redisReaderCreateWithFunctions(&functions)) {
  if (!reader_) throw std::bad_alloc();
  reader_->privdata = &budget_;
}

ReplyReader::~ReplyReader() = default;

void ReplyReader::feed(std::string_view bytes) {
  if (broken()) return;
  if (redisReaderFeed(reader_.get(), bytes.data(), bytes.size()) != REDIS_OK) {
    error_ = reader_->errstr;
  }
}

std::optional<Reply> ReplyReader::next() {
  if (broken()) return std::nullopt;
  void* made = nullptr;
  if (redisReaderGetReply(reader_.get(), &made) != REDIS_OK) {
    error_ = reader_->err == REDIS_ERR_OOM ? "a reply beyond the bounds" : reader_->errstr;
    return std::nullopt;
  }
  if (made == nullptr) {
    const std::size_t waiting = reader_->len - reader_->pos;
    // A length line and its CRLFs come on top of the bytes they announce.
    if (waiting > budget_.bounds.bytes_max + 64) error_ = "a reply beyond the bounds";
    return std::nullopt;
  }
  budget_.bytes = budget_.elements = 0;
  const std::unique_ptr<Reply> reply(static_cast<Reply*>(made));
  return std::move(*reply);
}

}  // namespace homeostat::redis
