// GET, PUT and DELETE /cache/entries/{key}, POST /cache/entries:batch: the application's
// own data; and GET /cache/keys?level=l2.
#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/admin/request_body.hpp"
#include "runtime/admin/routes.hpp"
#include "runtime/ports/rfc3339.hpp"

namespace homeostat::admin {

namespace json = boost::json;

namespace {

constexpr std::size_t key_bytes_max = 512, tags_max = 32, tag_bytes_max = 128, operations_max = 100;
constexpr std::int64_t ttl_max = 365 * 86400;

using Done = std::function<void(Reply)>;

/// A call that is answered after its request is gone.
class KeptCall {
 public:
  explicit KeptCall(const Call& call)
      : request_(call.request), who_(call.who), correlation_id_(call.correlation_id) {
    request_.body.clear();
  }
  [[nodiscard]] Call call() const { return {request_, path_, who_, correlation_id_}; }

 private:
  AdminRequest request_;
  PathParameters path_;
  std::string who_, correlation_id_;
};

bool printable(std::string_view text) {
  return std::none_of(text.begin(), text.end(),
                      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

/// What lists it would be no JSON otherwise.
bool is_utf8(std::string_view text) {
  boost::system::error_code error;
  json::parse(json::serialize(json::string(text)), error);
  return !error;
}

std::string key_error(std::string_view key) {
  if (!key.empty() && key.size() <= key_bytes_max && printable(key) && is_utf8(key)) return {};
  return "key: expected 1 to 512 bytes of UTF-8 without control characters";
}

json::value level_json(DataLevel level) {
  switch (level) {
    case DataLevel::memory:
    case DataLevel::behind: return "l1";
    case DataLevel::shared: return "l2";
    case DataLevel::none:
    case DataLevel::refused: break;
  }
  return nullptr;
}

json::array to_array(const std::vector<std::string>& texts) {
  json::array out;
  for (const std::string& text : texts) out.emplace_back(text);
  return out;
}

std::int64_t seconds_of(Duration duration) {
  return std::chrono::ceil<std::chrono::seconds>(duration).count();
}

json::object to_json(const DataEntry& entry, WallTime now) {
  boost::system::error_code error;
  json::value value = json::parse(entry.value, error);
  if (error) value = nullptr;  // not written by this API
  return {{"key", entry.key},
          {"value", std::move(value)},
          {"ttl", seconds_of(entry.ttl)},
          {"expires", rfc3339(now + std::chrono::duration_cast<WallTime::duration>(entry.ttl))},
          {"level", level_json(entry.level)},
          {"tags", to_array(entry.tags)}};
}

/// `value`, `ttl` and `tags` of one entry to be written.
DataEntry read_entry(BodyReader& reader, std::string key, Duration ttl) {
  DataEntry entry;
  entry.key = std::move(key);
  entry.ttl = ttl;
  if (const json::value* value = reader.optional_value("value")) {
    entry.value = json::serialize(*value);
  } else {
    reader.fail("value: expected any JSON value");
  }
  if (const json::value* given = reader.optional_value("ttl")) {
    if (given->is_int64() && given->get_int64() > 0 && given->get_int64() <= ttl_max) {
      entry.ttl = std::chrono::seconds(given->get_int64());
    } else {
      reader.fail("ttl: expected 1 to 31536000 seconds");
    }
  }
  entry.tags = reader.optional_texts("tags");
  const bool tags_ok =
      entry.tags.size() <= tags_max &&
      std::all_of(entry.tags.begin(), entry.tags.end(), [](const std::string& tag) {
        return tag.size() <= tag_bytes_max && printable(tag) && tag.find(',') == std::string::npos;
      });
  if (!tags_ok) reader.fail("tags: at most 32 of at most 128 bytes, without commas");
  return entry;
}

DataWrite read_mode(BodyReader& reader) {
  const bool behind = reader.optional_word("mode", {"through", "behind"}) == "behind";
  return behind ? DataWrite::behind : DataWrite::through;
}

Reply no_tier() { return problem(409, "there is no Redis tier to write behind to"); }

/// Not 404: whoever believed that would put the default over what is there.
Reply no_answer() {
  Reply reply = problem(503, "Redis did not answer: it may have such an entry");
  reply.headers.emplace_back("Retry-After", "1");
  return reply;
}

Reply no_data() { return problem(503, "this agent keeps no data of the application"); }

Reply get_entry(const AdminServices& services, const Call& call) {
  if (services.data == nullptr) return no_data();
  const std::string& key = call.parameter("key");
  if (std::string error = key_error(key); !error.empty()) return problem(422, std::move(error));
  Reply reply;
  reply.later = [&services, key](Done done) {
    services.data->get(key, [&services, done = std::move(done)](const DataFound& found) {
      if (!found.known) return done(no_answer());
      if (!found.entry) return done(problem(404, "there is no such entry"));
      Reply present;
      present.members = to_json(*found.entry, services.clock.wall_now());
      done(std::move(present));
    });
  };
  return reply;
}

bool is_stored(DataLevel level) { return level != DataLevel::none && level != DataLevel::refused; }

Reply put_reply(const std::string& key, Duration ttl, DataLevel level) {
  if (level == DataLevel::none) {
    return problem(503, "there is no room for it: see cache.entries.memory");
  }
  if (level == DataLevel::refused) {
    return problem(503,
                   "Redis is away and no more may wait for it: see cache.entries.behind_memory");
  }
  Reply written;
  const bool waits = level == DataLevel::behind;
  written.status = waits ? 202 : 200;
  written.members["status"] = waits ? "accepted" : "success";
  written.members["key"] = key;
  written.members["ttl"] = seconds_of(ttl);
  written.members["level"] = level_json(level);
  return written;
}

Reply put_entry(const RouteContext& context, const Call& call) {
  const AdminServices& services = context.services;
  if (services.data == nullptr) return no_data();
  const std::string& key = call.parameter("key");
  auto body = read_body(call.request);
  if (auto* refused = std::get_if<Reply>(&body)) return std::move(*refused);
  BodyReader reader(std::get<json::object>(body));
  DataEntry entry = read_entry(reader, key, services.data_ttl);
  const DataWrite mode = read_mode(reader);
  const std::string reason = reader.optional_reason();
  reader.refuse_others();
  if (std::string error = key_error(key); !error.empty()) reader.fail(std::move(error));
  if (!reader.ok()) return reader.to_problem();
  if (mode == DataWrite::behind && !services.shared_tier) return no_tier();
  Reply reply;
  reply.later = [&context, kept = KeptCall(call), entry = std::move(entry), mode,
                 reason](Done done) {
    const auto answer = [&context, kept, key = entry.key, ttl = entry.ttl, reason,
                         done = std::move(done)](DataLevel level) {
      context.audit.record(kept.call(), {"set_entry", key, reason, is_stored(level) ? 1U : 0U});
      done(put_reply(key, ttl, level));
    };
    context.services.data->put(entry, mode, answer);
  };
  return reply;
}

Reply delete_entry(const RouteContext& context, const Call& call) {
  if (context.services.data == nullptr) return no_data();
  const std::string& key = call.parameter("key");
  const std::string reason(call.request.parameter("reason"));
  if (std::string error = key_error(key); !error.empty()) return problem(422, std::move(error));
  if (reason.size() > reason_bytes_max) return problem(422, "reason: at most 500 bytes");
  Reply reply;
  reply.later = [&context, kept = KeptCall(call), key, reason](Done done) {
    context.services.data->erase(
        key, [&context, kept, key, reason, done = std::move(done)](DataErased erased) {
          context.audit.record(kept.call(), {"delete_entry", key, reason, erased.found ? 1U : 0U});
          Reply gone;
          gone.members["status"] = "success";
          gone.members["key"] = key;
          gone.members["deleted"] = erased.found ? 1 : 0;
          gone.members["level"] = level_json(erased.level);
          done(std::move(gone));
        });
  };
  return reply;
}

// -- batches --------------------------------------------------------------------------

struct Operation {
  enum class Kind : std::uint8_t { get, set, erase };
  Kind kind = Kind::get;
  DataEntry entry;
  DataWrite mode = DataWrite::through;
};

/// What the operations of one request came to, in their order.
struct Batch {
  Batch(const RouteContext& context_in, const Call& call, std::vector<Operation> all,
        std::string reason_in)
      : context(context_in),
        kept(call),
        operations(std::move(all)),
        reason(std::move(reason_in)),
        results(operations.size()),
        missing(operations.size()) {}

  void finish(std::size_t index, json::object result) {
    results[index] = std::move(result);
    if (--missing > 0) return;
    if (changes > 0 || asked_changes > 0) {
      context.audit.record(kept.call(), {"batch_entries", changed_keys(), reason, changes});
    }
    Reply reply;
    json::array listed;
    for (json::object& one : results) listed.emplace_back(std::move(one));
    reply.members["status"] = "success";
    reply.members["results"] = std::move(listed);
    done(std::move(reply));
  }

  /// "set=[a, b] delete=[c]", for the audit log.
  [[nodiscard]] std::string changed_keys() const {
    std::string text;
    for (const auto& [kind, name] : {std::pair(Operation::Kind::set, "set=["),
                                     std::pair(Operation::Kind::erase, "delete=[")}) {
      std::string keys;
      for (const Operation& operation : operations) {
        if (operation.kind == kind) keys += (keys.empty() ? "" : ", ") + operation.entry.key;
      }
      if (!keys.empty()) text += (text.empty() ? "" : " ") + (name + keys) + "]";
    }
    return text;
  }

  const RouteContext& context;
  const KeptCall kept;
  const std::vector<Operation> operations;
  const std::string reason;
  std::vector<json::object> results;
  std::size_t missing;
  std::uint64_t changes = 0, asked_changes = 0;
  Done done;
};

void run(const std::shared_ptr<Batch>& batch, std::size_t index) {
  const Operation& operation = batch->operations[index];
  ApplicationData& data = *batch->context.services.data;
  const std::string& key = operation.entry.key;
  switch (operation.kind) {
    case Operation::Kind::get:
      return data.get(key, [batch, index, key](const DataFound& found) {
        json::object result = {{"op", "get"}, {"key", key}};
        result["found"] = found.known ? json::value(found.entry.has_value()) : json::value(nullptr);
        if (found.entry) {
          for (auto& [name, value] :
               to_json(*found.entry, batch->context.services.clock.wall_now())) {
            result[name] = value;
          }
        }
        batch->finish(index, std::move(result));
      });
    case Operation::Kind::set:
      ++batch->asked_changes;
      return data.put(operation.entry, operation.mode, [batch, index, key](DataLevel level) {
        if (is_stored(level)) ++batch->changes;
        batch->finish(index, {{"op", "set"},
                              {"key", key},
                              {"stored", is_stored(level)},
                              {"behind", level == DataLevel::behind},
                              {"level", level_json(level)}});
      });
    case Operation::Kind::erase:
      ++batch->asked_changes;
      return data.erase(key, [batch, index, key](DataErased erased) {
        if (erased.found) ++batch->changes;
        batch->finish(index, {{"op", "delete"},
                              {"key", key},
                              {"deleted", erased.found ? 1 : 0},
                              {"level", level_json(erased.level)}});
      });
  }
}

std::optional<Operation> read_operation(const json::value& value, Duration ttl, std::size_t index,
                                        BodyReader& errors) {
  const std::string place = "operations[" + std::to_string(index) + "]";
  if (!value.is_object()) {
    errors.fail(place + ": expected an object");
    return std::nullopt;
  }
  BodyReader reader(value.get_object());
  Operation operation;
  const std::string word = reader.optional_word("op", {"get", "set", "delete"});
  std::string key = reader.required_text("key");
  if (std::string error = key_error(key); !error.empty()) reader.fail(std::move(error));
  if (word == "set") {
    operation.kind = Operation::Kind::set;
    operation.entry = read_entry(reader, std::move(key), ttl);
    operation.mode = read_mode(reader);
  } else {
    operation.kind = word == "delete" ? Operation::Kind::erase : Operation::Kind::get;
    operation.entry.key = std::move(key);
  }
  reader.refuse_others();
  if (reader.ok()) return operation;
  for (const std::string& error : reader.errors()) errors.fail(place + "." + error);
  return std::nullopt;
}

Reply run_batch(const RouteContext& context, const Call& call) {
  if (context.services.data == nullptr) return no_data();
  auto body = read_body(call.request);
  if (auto* refused = std::get_if<Reply>(&body)) return std::move(*refused);
  BodyReader reader(std::get<json::object>(body));
  const json::value* given = reader.optional_value("operations");
  const std::string reason = reader.optional_reason();
  reader.refuse_others();
  std::vector<Operation> operations;
  if (given == nullptr || !given->is_array() || given->get_array().empty() ||
      given->get_array().size() > operations_max) {
    reader.fail("operations: expected a list of 1 to 100");
  } else {
    for (std::size_t i = 0; i < given->get_array().size(); ++i) {
      auto operation = read_operation(given->get_array()[i], context.services.data_ttl, i, reader);
      if (operation) operations.push_back(std::move(*operation));
    }
  }
  if (!reader.ok()) return reader.to_problem();
  const bool needs_tier =
      std::any_of(operations.begin(), operations.end(),
                  [](const Operation& one) { return one.mode == DataWrite::behind; });
  if (needs_tier && !context.services.shared_tier) return no_tier();
  auto batch = std::make_shared<Batch>(context, call, std::move(operations), reason);
  Reply reply;
  reply.later = [batch](Done done) {
    batch->done = std::move(done);
    for (std::size_t i = 0; i < batch->operations.size(); ++i) run(batch, i);
  };
  return reply;
}

}  // namespace

void add_entry_routes(Router& router, const RouteContext& context) {
  constexpr const char* one = "/api/v1/cache/entries/{key}";
  router.add({"GET", one, Access::viewer,
              [&context](const Call& call) { return get_entry(context.services, call); }});
  router.add({"PUT", one, Access::operator_,
              [&context](const Call& call) { return put_entry(context, call); }});
  router.add({"DELETE", one, Access::operator_,
              [&context](const Call& call) { return delete_entry(context, call); }});
  router.add({"POST", "/api/v1/cache/entries:batch", Access::operator_,
              [&context](const Call& call) { return run_batch(context, call); }});
}

}  // namespace homeostat::admin
