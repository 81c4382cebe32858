// The part of the model that knows which hosts and callers are paused: nothing goes there, and nothing of theirs.
#include "sim/model.h"

namespace notifyd::sim {

bool Model::IsSwitchedOff(const SwitchKey& key) const {
  auto own = switches_.find(key);
  return own != switches_.end() && own->second.paused;
}

std::set<Model::SwitchKey> Model::Paused() const {
  std::set<SwitchKey> paused;
  for (const auto& [key, own] : switches_)
    if (own.paused) paused.insert(key);
  return paused;
}

void Model::CheckNotPaused(const std::string& what, const Envelope& envelope) {
  if (IsHostPaused(envelope.host)) violation_("P4 " + what + " at " + envelope.host + ", which is paused");
  if (IsCallerPaused(envelope.caller)) violation_("P4 " + what + " for the caller " + envelope.caller + ", which is paused");
}

Model::Expected Model::SwitchTo(const SwitchKey& key, std::optional<bool> paused) {
  if (paused && *paused != IsSwitchedOff(key)) {
    auto own = switches_.find(key);
    undo_.push_back({batch_, std::pair(key, own == switches_.end() ? std::nullopt : std::optional(own->second))});
    touched_.switches = true;
    switches_[key] = {*paused, batch_};
  }
  Expected expected;
  if (auto own = switches_.find(key); own != switches_.end()) expected.needs = own->second.batch;
  return expected;
}

Model::Expected Model::On(const HostChangeRequest& r) {
  Expected expected = SwitchTo({true, r.host}, r.patch.paused);
  HostView view;
  view.host = r.host;
  view.own.paused = IsHostPaused(r.host);
  expected.body = HostViewed{view};
  return expected;
}

Model::Expected Model::On(const CallerChangeRequest& r) {
  Expected expected = SwitchTo({false, r.caller}, r.patch.paused);
  CallerView view;
  view.rates.caller = r.caller;
  view.own.paused = IsCallerPaused(r.caller);
  expected.body = CallerViewed{view};
  return expected;
}

/// All of them are written together, each time that one of them changes.
void Model::CheckSwitches() {
  const PutSwitches* written = nullptr;
  for (const WriteOp& op : slice_)
    if (const auto* put = std::get_if<PutSwitches>(&op)) written = put;
  if (!written != !touched_.switches)
    return violation_(written ? "P1 pauses are written, and nothing was decided about them" : "P1 a pause that was decided is not written");
  if (!written) return;
  std::set<SwitchKey> said;
  for (const auto& [host, settings] : written->switches->hosts)
    if (settings.paused) said.insert({true, host});
  for (const auto& [caller, settings] : written->switches->callers)
    if (settings.paused) said.insert({false, caller});
  if (said != Paused()) violation_("P1 pauses are written otherwise than was decided");
}

}  // namespace notifyd::sim
