#include "actors/alert_ledger.hpp"

#include <set>

namespace homeostat::actors {

std::size_t AlertLedger::sync(AlertSource source, const std::vector<Alert>& demanded,
                              AlertSink& sink, WallTime now) {
  std::set<Key> wanted;
  for (const Alert& alert : demanded) wanted.emplace(alert.name, alert.scope);
  // The sink is told before the ledger changes: should it throw, the next
  // alerter repeats the call, which the sink takes as idempotent.
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    if (entry->second.source != source || wanted.contains(entry->first)) {
      ++entry;
      continue;
    }
    sink.resolve(entry->second.alert, now);
    entry = entries_.erase(entry);
  }
  std::size_t left_out = 0;
  for (const Alert& alert : demanded) {
    const Key key{alert.name, alert.scope};
    const auto known = entries_.find(key);
    if (known != entries_.end()) {
      if (known->second.alert.severity == alert.severity) continue;
      sink.fire(alert, known->second.since);
      known->second.alert = alert;
      continue;
    }
    if (entries_.size() >= firing_max) {
      ++left_out;
      continue;
    }
    sink.fire(alert, now);
    entries_.emplace(key, Entry{alert, source, now});
  }
  return left_out;
}

}  // namespace homeostat::actors
