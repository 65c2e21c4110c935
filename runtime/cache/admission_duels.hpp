// Learns, where two rules of admission disagree, which of them is right here.
//
// The question at an admission is whether the newcomer or the resident it would
// push out is asked for first. The aged rule lets a resident's claim fade with
// time, which is right where interest moves; the strict rule lets it stand, which
// is right under scans, loops and steady popularity. Each disagreement is decided
// by what was learnt, and may become a duel: the one that is left out is
// remembered by its hash, the one that is in by a mark in its item. Whichever is
// requested first wins: the one left out by a miss, the one inside by a touch,
// which is seen without any work of the hit itself. Outcomes are averaged by
// situation: how the two compare in value, and how often the newcomer was asked
// for. A duel is fought whoever was admitted, so that both rules stay on trial.
//
// Bounds: `slots` duels at a time; a newer one takes the place of an older one.
// Only a share of the keys duels, chosen by hash, so that a duel stays open for
// some `patience` turnovers of the cache.
// Thread safety: none. Ownership: none; REQUIRES forget() before an item leaves.
// Related: the regret of LeCaR (HotStorage'18), set duelling of DIP (ISCA'07).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace homeostat::cache {

struct PolicyItem;

class AdmissionDuels {
 public:
  static constexpr std::size_t slots = 1024;
  static constexpr std::uint16_t no_duel = 0xFFFF;
  /// Below this stake a newcomer would have to win nine of ten duels.
  static constexpr double stake_min = 1.0 / 9;

  AdmissionDuels() : duels_(slots) { newcomer_wins_.fill(prior); }

  /// Where a disagreement belongs. `ratio`: value of the newcomer by value of
  /// what it would push out; `frequency`: requests of the newcomer.
  [[nodiscard]] static std::size_t situation(double ratio, unsigned frequency) noexcept;
  /// `stake`: what is at stake for the newcomer by all that is at stake for the
  /// residents, if both were requested equally often.
  [[nodiscard]] bool prefers_newcomer(std::size_t situation, double stake) const noexcept {
    const double wins = newcomer_wins_[situation];
    return wins * stake * (1 - even) >= (1 - wins) * even;
  }

  /// How often newcomers won lately, in all situations: the pace of change.
  [[nodiscard]] double newcomer_share() const noexcept { return newcomer_share_; }

  /// The newcomer got in; the resident with `absent` had to go.
  void begin_admitted(std::uint64_t absent, PolicyItem& newcomer, std::size_t situation,
                      std::size_t objects) noexcept {
    begin({absent, &newcomer, static_cast<std::uint8_t>(situation), false}, objects);
  }
  /// The resident stays; the newcomer with `absent` was declined.
  void begin_declined(std::uint64_t absent, PolicyItem& resident, std::size_t situation,
                      std::size_t objects) noexcept {
    begin({absent, &resident, static_cast<std::uint8_t>(situation), true}, objects);
  }
  /// A request for something that is not stored.
  void missed(std::uint64_t hash) noexcept;
  /// The item was found touched; call it before its touches are cleared.
  void touched(PolicyItem& item) noexcept;
  /// The item is about to leave.
  void forget(PolicyItem& item) noexcept;

  [[nodiscard]] std::size_t memory() const noexcept { return duels_.capacity() * sizeof(Duel); }

 private:
  struct Duel {
    std::uint64_t absent = 0;
    PolicyItem* present = nullptr;  // null once it left
    std::uint8_t situation = 0;
    bool newcomer_absent = false;
    bool open = false;
  };
  static constexpr std::size_t ratio_classes = 16, frequency_classes = 4;
  // A little more than half: an exchange costs a request upstream.
  static constexpr double even = 0.56;
  static constexpr double prior = 0.55;
  static constexpr double learning_rate = 0.003;
  static constexpr std::size_t patience = 4;

  void begin(Duel duel, std::size_t objects) noexcept;
  void settle(Duel& duel, bool newcomer_won) noexcept;
  [[nodiscard]] Duel& slot_of(std::uint64_t hash) noexcept { return duels_[hash % slots]; }

  std::vector<Duel> duels_;
  std::array<double, ratio_classes * frequency_classes> newcomer_wins_{};
  std::array<std::uint32_t, ratio_classes * frequency_classes> fought_{};
  double newcomer_share_ = 0.5;
};

}  // namespace homeostat::cache
