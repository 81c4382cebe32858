#include "broker/alert_records.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/bytes.h"
#include "base/utf8.h"
#include "broker/record_bytes.h"

namespace notifyd {
namespace {

constexpr uint8_t kRuleVersion = 2, kRuleVersionWithoutWhen = 1;
constexpr size_t kMostDetailBytes = 200;
constexpr char kBeforeTarget = '\n';
enum CauseBits : uint8_t { kFiringBit = 1, kToldBit = 2, kEndedBit = 4 };

class Judge {
 public:
  Judge(const AlertRule& rule, const AlertReadings& readings, WallTime now, AlertState* state)
      : rule_(rule), readings_(readings), now_(now), state_(*state) {}

  AlertJudgement Run() {
    ForgetOther();
    TakeReadings();
    EndCauses();
    // What ended and began again before anybody was told is no news.
    const bool has_news = std::any_of(state_.causes.begin(), state_.causes.end(), IsNews);
    if (has_news != (state_.changed_at != kWallNever)) {
      state_.changed_at = has_news ? now_ : kWallNever;
      changed_ = true;
    }
    AlertJudgement judgement;
    const std::optional<AlertNews::What> what = Due();
    judgement.news = what ? Tell(*what) : TellNewTargets();
    judgement.changed = changed_;
    return judgement;
  }

 private:
  using Cause = AlertState::Cause;
  using Entry = std::pair<const AlertCause, Cause>;
  static bool IsNews(const Entry& each) { return (each.second.firing && !each.second.told) || each.second.ended; }

  /// A rule of the same name that is about something else is another alert: of what fired before it is not said that it is over, since nobody looks
  /// at that any more.
  void ForgetOther() {
    if (state_.when == rule_.when) return;
    if (state_.when) {
      std::vector<NotifyId> undelivered = std::move(state_.undelivered);
      changed_ = !state_.causes.empty() || state_.firing();
      state_ = {};
      state_.undelivered = std::move(undelivered);
    }
    state_.when = rule_.when;
  }

  void TakeReadings() {
    state_.unkept = readings_.unkept;
    for (const AlertReading& reading : readings_.known) {
      auto found = state_.causes.find(reading.cause);
      if (found == state_.causes.end()) {
        if (!reading.over) continue;
        if (state_.causes.size() >= kMostAlertCauses) {
          ++state_.unkept;
          continue;
        }
        found = state_.causes.try_emplace(reading.cause, Cause{.since = now_, .detail = {}}).first;
        // So that the time of one that must be so for long goes on over a restart.
        changed_ = changed_ || rule_.for_ms > 0;
      }
      if (!reading.over) continue;
      Cause& cause = found->second;
      cause.value = reading.value;
      cause.detail = RepairUtf8(reading.detail, kMostDetailBytes);
      cause.since = std::min(cause.since, now_);
      changed_ = changed_ || cause.ended || (!cause.firing && now_.ms - cause.since.ms >= rule_.for_ms);
      cause.ended = false;
      cause.firing = cause.firing || now_.ms - cause.since.ms >= rule_.for_ms;
      if (!cause.firing || state_.firing()) continue;
      state_.firing_since = now_;
      if (Since(state_.last_message_at, kCalmMs)) state_.ends = 0;
    }
  }

  /// Of those that are not so any more: one that never fired is forgotten, one that was told is to be told once more, and one that is yet to be told
  /// waits for that (I1).
  void EndCauses() {
    std::map<AlertCause, bool> over;
    for (const AlertReading& reading : readings_.known) over[reading.cause] = reading.over;
    for (auto each = state_.causes.begin(); each != state_.causes.end();) {
      Cause& cause = each->second;
      const auto found = over.find(each->first);
      const bool goes_on = found != over.end() ? found->second : !readings_.is_known(each->first);
      if (goes_on || cause.ended || (cause.firing && !cause.told)) {
        ++each;
        continue;
      }
      changed_ = changed_ || cause.firing || rule_.for_ms > 0;
      cause.ended = cause.told;
      each = cause.told ? std::next(each) : state_.causes.erase(each);
    }
  }

  bool Fires() const {
    return std::any_of(state_.causes.begin(), state_.causes.end(), [](const Entry& each) { return each.second.firing && !each.second.ended; });
  }
  bool Since(WallTime at, int64_t ms) const { return at == kWallNever || at > now_ || now_.ms - at.ms >= ms; }

  /// Is a message due, and which?
  std::optional<AlertNews::What> Due() const {
    if (!state_.firing()) return std::nullopt;
    const bool fires = Fires();
    if (state_.changed_at != kWallNever) {
      const bool at_once = state_.ends == 0 && (state_.messages == 0 || !fires);
      const uint32_t doublings = std::min<uint32_t>(state_.messages + 2 * state_.ends, 30);
      const int64_t gap_ms = at_once ? 0 : std::min(std::max<int64_t>(rule_.group_ms, 1'000) << doublings, kMostGapMs);
      if (!Since(state_.changed_at, rule_.group_ms) || !Since(state_.last_message_at, gap_ms)) return std::nullopt;
      return fires ? AlertNews::What::kFiring : AlertNews::What::kOver;
    }
    if (fires && rule_.repeat_ms > 0 && Since(state_.last_message_at, rule_.repeat_ms)) return AlertNews::What::kRepeat;
    return std::nullopt;
  }

  AlertNews NewsOf(AlertNews::What what) const {
    AlertNews news;
    news.rule = &rule_;
    news.what = what;
    news.since = state_.firing_since;
    return news;
  }
  std::set<std::string> Targets() const {
    std::set<std::string> ids;
    for (const auto& target : rule_.to) ids.insert(target->id);
    return ids;
  }

  /// Whom a version told that kept no targets nobody knows: those of now, most likely.
  bool WasTold(const AlertTarget& target) const { return state_.told.empty() || state_.told.contains(target.id); }

  /// The file was read anew since it was told: what targets it had no more may have been wrong, and those in their place know nothing (I4).
  std::optional<AlertNews> TellNewTargets() {
    if (state_.messages == 0 || !Fires()) return std::nullopt;
    std::set<std::string> targets = Targets();
    if (state_.told == targets) return std::nullopt;
    AlertNews news = NewsOf(AlertNews::What::kFiring);
    for (const auto& target : rule_.to)
      if (!WasTold(*target)) news.to.push_back(target);
    state_.told = std::move(targets);
    changed_ = true;
    if (news.to.empty()) return std::nullopt;
    for (const auto& [key, cause] : state_.causes) {
      if (!cause.firing || cause.ended) continue;
      if (++news.new_count <= kMostCausesShown) news.firing.push_back({key, cause.since, cause.value, cause.detail});
    }
    news.firing_count = news.new_count + state_.unkept;
    return news;
  }

  AlertNews Tell(AlertNews::What what) {
    AlertNews news = NewsOf(what);
    // All that fired ended before a target that the file got meanwhile was told of it (I4).
    for (const auto& target : rule_.to)
      if (what != AlertNews::What::kOver || WasTold(*target)) news.to.push_back(target);
    std::vector<AlertCauseView> old;
    for (auto& [key, cause] : state_.causes) {
      if (!cause.firing) continue;
      const AlertCauseView view{key, cause.since, cause.value, cause.detail};
      if (cause.ended) {
        if (++news.ended_count <= kMostCausesShown) news.ended.push_back(view);
      } else if (!cause.told) {
        ++news.firing_count;
        if (++news.new_count <= kMostCausesShown) news.firing.push_back(view);
      } else {
        ++news.firing_count;
        if (old.size() < kMostCausesShown) old.push_back(view);
      }
      cause.told = true;
    }
    for (AlertCauseView& view : old)
      if (news.firing.size() < kMostCausesShown) news.firing.push_back(std::move(view));
    news.firing_count += state_.unkept;
    std::erase_if(state_.causes, [](const Entry& each) { return each.second.ended; });
    state_.changed_at = kWallNever;
    state_.last_message_at = now_;
    state_.last_message = std::string(ToString(what));
    ++state_.messages;
    state_.told = Targets();
    if (what == AlertNews::What::kOver) {
      state_.firing_since = kWallNever;
      state_.messages = 0;
      state_.told.clear();
      state_.ends = std::min<uint32_t>(state_.ends + 1, 30);
    }
    changed_ = true;
    return news;
  }

  const AlertRule& rule_;
  const AlertReadings& readings_;
  const WallTime now_;
  AlertState& state_;
  bool changed_ = false;
};

/// An object is a namespace's, and a member none's: they have one place, so that a version that knows no members reads it, too.
void EncodeCause(const AlertCause& key, const AlertState::Cause& cause, Encoder* e) {
  for (const std::string* part : {&key.space, &key.lane, &key.host, &key.caller, key.member.empty() ? &key.object : &key.member}) e->Text(*part);
  e->U8(static_cast<uint8_t>((cause.firing ? kFiringBit : 0) | (cause.told ? kToldBit : 0) | (cause.ended ? kEndedBit : 0)));
  e->Signed(cause.since.ms);
  e->Double(cause.value);
  e->Text(cause.detail);
}

void DecodeCause(Decoder* d, AlertState* state) {
  AlertCause key;
  for (std::string* part : {&key.space, &key.lane, &key.host, &key.caller, &key.object}) *part = d->Text();
  if (key.space.empty()) key.member = std::exchange(key.object, {});
  AlertState::Cause cause;
  const uint8_t bits = d->U8();
  if (bits > (kFiringBit | kToldBit | kEndedBit)) d->Fail();
  cause.firing = bits & kFiringBit;
  cause.told = bits & kToldBit;
  cause.ended = bits & kEndedBit;
  cause.since.ms = d->Signed();
  cause.value = d->Double();
  cause.detail = d->Text();
  state->causes.insert_or_assign(std::move(key), std::move(cause));
}

}  // namespace

std::string_view ToString(AlertNews::What what) {
  constexpr std::string_view kWords[] = {"firing", "repeat", "over", "test"};
  return kWords[static_cast<size_t>(what)];
}

AlertJudgement JudgeAlert(const AlertRule& rule, const AlertReadings& readings, WallTime now, AlertState* state) {
  return Judge(rule, readings, now, state).Run();
}

std::string EncodeAlertState(const AlertState& state) {
  std::string out;
  Encoder e(&out);
  e.U8(kRuleVersion);
  // To a version that knows no targets here it is a word that it does not know, which says nothing to it.
  std::string when(state.when ? KindOf(*state.when).word : std::string_view());
  for (const std::string& target : state.told) when += kBeforeTarget + target;
  e.Text(when);
  e.Varint(state.ends);
  e.Signed(state.firing_since.ms);
  e.Signed(state.changed_at.ms);
  e.Signed(state.last_message_at.ms);
  e.Text(state.last_message);
  e.Varint(state.messages);
  e.Varint(state.undelivered.size());
  for (NotifyId id : state.undelivered) e.Varint(id.value);
  e.Varint(state.causes.size());
  for (const auto& [key, cause] : state.causes) EncodeCause(key, cause, &e);
  return out;
}

Result<AlertState> DecodeAlertState(std::string_view bytes) {
  Decoder d(bytes);
  AlertState state;
  const uint8_t version = d.U8();
  if (version != kRuleVersion && version != kRuleVersionWithoutWhen) d.Fail();
  if (version == kRuleVersion) {
    std::string_view text = d.Text();
    size_t end = text.find(kBeforeTarget);
    state.when = ParseAlertWhen(text.substr(0, end));
    while (end != std::string_view::npos) {
      text.remove_prefix(end + 1);
      end = text.find(kBeforeTarget);
      state.told.emplace(text.substr(0, end));
    }
    state.ends = static_cast<uint32_t>(d.Varint());
  }
  state.firing_since.ms = d.Signed();
  state.changed_at.ms = d.Signed();
  state.last_message_at.ms = d.Signed();
  state.last_message = d.Text();
  state.messages = static_cast<uint32_t>(d.Varint());
  for (uint64_t left = d.Varint(); left > 0 && d.ok(); --left) state.undelivered.push_back({d.Varint()});
  for (uint64_t left = d.Varint(); left > 0 && d.ok(); --left) DecodeCause(&d, &state);
  if (!d.done()) return UnreadableRecord("an alert's state");
  return state;
}

}  // namespace notifyd
