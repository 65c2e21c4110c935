#include "runtime/proxy/stored_form.hpp"

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>
#include <utility>

#include "rules/laws/compression.hpp"
#include "runtime/compress/compress_pool.hpp"
#include "runtime/compress/content_policy.hpp"
#include "runtime/proxy/client_connection.hpp"
#include "runtime/proxy/coding_order.hpp"
#include "runtime/proxy/stream_coding.hpp"
#include "runtime/proxy/worker.hpp"

namespace homeostat::proxy {
namespace {

using cache::Object;
using cache::ObjectPtr;
using compress::JobResult;
using rules::Coding;
using rules::CodingSet;

// For a tightened body that must keep the coding it came with.
constexpr int recode_effort = 5;

void finish_build(cache::Cache& cache, const ObjectPtr& object, const compress::Recipe& recipe,
                  JobResult result, std::string& output) {
  const Coding coding = recipe.target;
  if (result != JobResult::done) {
    object->refuse_variant(coding);
    // What one coding cannot shrink, the others will not shrink either.
    if (result == JobResult::not_worthwhile && coding != Coding::identity) {
      for (const Coding other : rules::encoded_codings) object->refuse_variant(other);
    }
    return;
  }
  try {
    cache::BodyPart part{cache::Block::allocate(output.size()), output.size()};
    std::memcpy(part.block->data(), output.data(), output.size());
    cache::Body body;
    body.push_back(std::move(part));
    cache::ObjectHead head = cache::variant_head(*object, coding);
    head.effort = static_cast<std::uint8_t>(recipe.effort);
    cache.attach_variant(object, coding, Object::make(std::move(head), std::move(body)));
  } catch (const std::bad_alloc&) {
    object->abandon_variant(coding);
  }
}

/// Asks the pool for a form, unless somebody did.
void build(Worker& worker, const ObjectPtr& object, const compress::Recipe& recipe) {
  if (!object->try_begin_variant(recipe.target)) return;
  compress::CompressJob job;
  job.owner = std::make_shared<const ObjectPtr>(object);
  job.recipe = recipe;
  job.pieces.reserve(object->body().size());
  for (const cache::BodyPart& part : object->body()) job.pieces.push_back(part.view());
  job.done = [object, recipe, &cache = worker.cache().cache()](JobResult result,
                                                               std::string& output) {
    finish_build(cache, object, recipe, result, output);
  };
  if (!worker.services().compress_pool.submit(std::move(job))) {
    object->abandon_variant(recipe.target);
  }
}

bool eligible(const RequestContext& request, const Object& object) {
  using Eligibility = Object::Eligibility;
  if (object.eligibility() == Eligibility::unknown) {
    const config::CompressionSettings& settings = request.config->settings().compression;
    const cache::ObjectHead& head = object.head();
    compress::ResponseFacts facts;
    facts.status = static_cast<unsigned>(head.status);
    facts.content_type = head.content_type();
    facts.length = object.body_bytes();
    facts.no_transform = head.no_transform;
    facts.has_content_encoding = head.encoded;
    facts.carries_secret =
        varies_by_secret(request, head) && !request.config->compresses_secrets(request.path);
    const bool yes = compress::may_compress(settings, facts) == compress::CompressReason::compress;
    object.set_eligibility(yes ? Eligibility::yes : Eligibility::no);
  }
  if (object.eligibility() != Eligibility::yes) return false;
  return !is_validated_for_one(request, object.head()) ||
         request.config->compresses_secrets(request.path);
}

/// One choice among the encoded forms of an object.
class EncodedChoice {
 public:
  EncodedChoice(Worker& worker, const RequestContext& request, const ObjectPtr& object,
                CodingSet wanted)
      : worker_(worker),
        request_(request),
        object_(object),
        wanted_(wanted),
        settings_(request.config->settings().compression),
        policy_(worker.policy().cache.compression_of(request.endpoint, request.draw)),
        order_(coding_order(settings_, policy_)) {}

  /// The smallest that is ready; with a fixed level, the preferred one.
  [[nodiscard]] const Object* ready() const {
    const Object* best = nullptr;
    for (const Coding coding : order_.list()) {
      if (!wanted_.contains(coding)) continue;
      const Object* form = object_->variant(coding);
      if (form != nullptr && (best == nullptr || form->body_bytes() < best->body_bytes())) {
        best = form;
      }
    }
    return best;
  }

  /// Some form may still come.
  [[nodiscard]] bool possible() const noexcept {
    for (const Coding coding : order_.list()) {
      const bool refused = object_->slot_state(coding) == Object::SlotState::refused;
      if (wanted_.contains(coding) && !refused) return true;
    }
    return false;
  }

  /// Has a form built where that pays. `best` is what ready() said.
  void improve(const Object* best) const {
    if (worker_.policy().mode.emergency || object_->body_bytes() > settings_.max_size) return;
    compress::Recipe recipe;
    recipe.json = json_of(request_, object_->head().content_type(), object_->head().no_transform);
    recipe.decoded_bytes_max = settings_.max_size;
    recipe.effort = compress::fixed_effort(settings_, policy_, object_->head().content_type());
    if (recipe.effort != 0) {
      recipe.target = order_.first_of(wanted_);
      if (object_->slot_state(recipe.target) != Object::SlotState::none) return;
    } else {
      const rules::CompressionChoice choice = adapt(best);
      if (choice.none()) return;
      recipe.target = choice.coding;
      recipe.effort = choice.effort;
    }
    build(worker_, object_, recipe);
  }

 private:
  [[nodiscard]] CodingSet open_slots(const Object* best) const {
    CodingSet open;
    for (const Coding coding : rules::encoded_codings) {
      const Object::SlotState state = object_->slot_state(coding);
      if (state == Object::SlotState::building) return {};  // wait for what it brings
      const bool rebuildable = best != nullptr && state == Object::SlotState::ready;
      if (state == Object::SlotState::none || rebuildable) open.insert(coding);
    }
    return open & wanted_;
  }

  [[nodiscard]] rules::CompressionChoice adapt(const Object* best) const {
    rules::CompressionQuestion question;
    question.headroom = worker_.policy().cache.compression_headroom;
    if (question.headroom <= 0) return {};
    question.allowed = open_slots(best);
    if (question.allowed.empty()) return {};
    const cache::Freshness& freshness = object_->freshness();
    question.bytes = static_cast<double>(object_->body_bytes());
    question.uses = rules::expected_uses(object_->uses(), request_.started - freshness.received,
                                         freshness.remaining(request_.started));
    question.preference = order_.list();
    const rules::CodingCosts costs = worker_.services().compress_pool.costs().current();
    if (best != nullptr) {
      question.rebuild = true;
      question.ratio_now = static_cast<double>(best->body_bytes()) / question.bytes;
      const auto effort = static_cast<std::size_t>(std::max<int>(1, best->head().effort) - 1);
      // How this body compresses, compared with the average one.
      question.ratio_scale =
          question.ratio_now / costs[rules::index_of(best->head().coding)][effort].ratio;
    }
    return rules::choose_compression(costs, question);
  }

  Worker& worker_;
  const RequestContext& request_;
  const ObjectPtr& object_;
  CodingSet wanted_;
  const config::CompressionSettings& settings_;
  const EndpointPolicy& policy_;
  CodingOrder order_;
};

StoredForm form_of(ObjectPtr object, const Object* chosen, bool vary) {
  StoredForm form{std::move(object), vary};
  if (chosen == nullptr) return form;
  const std::uint64_t whole = form.object->body_bytes();
  form.saved_bytes = whole - std::min(whole, chosen->body_bytes());
  form.object = ObjectPtr(chosen);
  form.vary = vary && !chosen->head().varies_by_coding;
  return form;
}

/// A body without whitespace and nulls, in the coding it came with. Asked for if
/// `wanted`.
const Object* tightened(Worker& worker, const RequestContext& request, const ObjectPtr& object,
                        bool wanted) {
  const cache::ObjectHead& head = object->head();
  const config::JsonSettings json = json_of(request, head.content_type(), head.no_transform);
  if (!json.any() || (head.encoded && head.coding == Coding::identity)) return nullptr;
  if (const Object* form = object->variant(head.coding)) return form;
  const config::CompressionSettings& settings = request.config->settings().compression;
  if (wanted && object->slot_state(head.coding) == Object::SlotState::none &&
      object->body_bytes() <= settings.max_size && !worker.policy().mode.emergency) {
    build(worker, object,
          {.source = head.coding,
           .json = json,
           .target = head.coding,
           .effort = recode_effort,
           .decoded_bytes_max = settings.max_size});
  }
  return nullptr;
}

/// The origin encoded it.
StoredForm choose_origin_encoded(ClientConnection& connection, ObjectPtr object) {
  Worker& worker = connection.worker();
  const RequestContext& request = connection.request();
  const cache::ObjectHead& head = object->head();
  const http::CodingWishes& wishes = worker.wishes(request.head().headers);
  const bool refused = wishes.stated && !wishes.accepts(head.coding);
  const bool decodable =
      head.coding != Coding::identity && !head.no_transform && !request.decision.no_transform;
  const Object* decoded = decodable ? object->variant(Coding::identity) : nullptr;
  // From when there are two forms, the answer depends on the client.
  if (refused) return form_of(std::move(object), decoded, false);
  const Object* tight = tightened(worker, request, object, true);
  return form_of(std::move(object), tight, decoded != nullptr && !head.varies_by_coding);
}

}  // namespace

StoredForm choose_form(ClientConnection& connection, ObjectPtr object) {
  Worker& worker = connection.worker();
  const RequestContext& request = connection.request();
  const http::HeaderTable& headers = request.head().headers;
  const bool sampled = worker.sample_use();
  if (sampled) object->add_uses(Worker::use_sample);
  const cache::ObjectHead& head = object->head();
  const bool ranged = request.decision.range;  // parts are of the body as it came
  if (head.encoded) {
    if (!ranged || refuses_coding(connection, head)) {
      StoredForm form = choose_origin_encoded(connection, std::move(object));
      form.whole = ranged;
      return form;
    }
    const bool coded = may_differ(request, head, object->body_bytes());
    return {std::move(object), false, 0, coded};
  }
  const bool on = compression_on(worker, request) && eligible(request, *object);
  const bool vary = on && !head.varies_by_coding;
  if (ranged) {
    const bool coded = may_differ(request, head, object->body_bytes());
    return {std::move(object), vary, 0, coded};
  }
  bool encodable = false;
  if (on && !request.decision.no_transform) {
    const CodingSet wanted = worker.wishes(headers).wanted(request.config->codings());
    if (!wanted.empty()) {
      const EncodedChoice choice(worker, request, object, wanted);
      const Object* best = choice.ready();
      if (best == nullptr || sampled) choice.improve(best);
      if (best != nullptr) return form_of(std::move(object), best, vary);
      encodable = choice.possible();
    }
  }
  const Object* tight = tightened(worker, request, object, !encodable);
  return form_of(std::move(object), tight, vary);
}

bool refuses_coding(ClientConnection& connection, const cache::ObjectHead& head) {
  if (head.coding == Coding::identity) return false;
  const http::CodingWishes& wishes =
      connection.worker().wishes(connection.request().head().headers);
  return wishes.stated && !wishes.accepts(head.coding);
}

bool must_ask_origin(ClientConnection& connection, const ObjectPtr& object) {
  const cache::ObjectHead& head = object->head();
  if (!refuses_coding(connection, head)) return false;
  Worker& worker = connection.worker();
  const RequestContext& request = connection.request();
  if (head.no_transform || request.decision.no_transform) return true;
  if (object->variant(Coding::identity) != nullptr) return false;
  const config::CompressionSettings& settings = request.config->settings().compression;
  if (object->slot_state(Coding::identity) == Object::SlotState::none) {
    build(worker, object,
          {.source = head.coding,
           .json = json_of(request, head.content_type(), head.no_transform),
           .target = Coding::identity,
           .effort = 1,
           .decoded_bytes_max = settings.max_size});
  }
  return true;
}

}  // namespace homeostat::proxy
