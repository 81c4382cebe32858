#include "storage/registry_image.h"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "storage/id_gap.h"
#include "storage/keys.h"
#include "storage/reader.h"
#include "storage/records.h"
#include "storage/registry_records.h"
#include "storage/sealed_records.h"

namespace notifyd {
namespace {

class RegistryReader {
 public:
  RegistryReader(const OrderedKv& kv, const Sealing& sealing) : kv_(kv), seal_(sealing.now()) {}

  Result<RegistryImage> Run() {
    if (Status status = ReadHead(); !status.ok()) return status;
    // The registry's kinds lie side by side, before all of `default`'s.
    auto it = kv_.Walk(std::string(1, static_cast<char>(KeyKind::kNamespace)), PrefixEnd({static_cast<char>(KeyKind::kNamespaceWake)}),
                       {.expected = KvScan::kWhole});
    for (; it->Valid(); it->Next()) {
      if (Status status = Take(it->key(), it->value()); !status.ok()) return status;
    }
    if (Status status = it->status(); !status.ok()) return status;
    AddStates();
    return std::move(image_);
  }

 private:
  Status ReadHead() {
    return kv_.GetAll({EncodeMetaKey(kRegistryName)}, [&](size_t, std::string_view value) {
      Result<RegistryHead> head = DecodeRegistryHead(value);
      if (!head.ok()) return std::move(head).status();
      image_.head = *head;
      return Status::Ok();
    });
  }

  Status Take(std::string_view key, std::string_view value) {
    switch (static_cast<KeyKind>(key.front())) {
      case KeyKind::kNamespace:
        return TakeRow(
            key, DecodeNamespaceKey(key), [&](NamespaceNumber number) { return DecodeNamespace(number, value, seal_.get()); }, &image_.namespaces);
      case KeyKind::kToken:
        return TakeRow(
            key, DecodeTokenKey(key), [&](const std::string& id) { return DecodeToken(id, value, seal_.get()); }, &image_.tokens);
      case KeyKind::kTokenUse:
        return TakeUse(key, value);
      case KeyKind::kNamespaceWake:
        return TakeWake(key, value);
      default:
        return BadKey(key);
    }
  }

  template <class Id, class Decode, class Rows>
  Status TakeRow(std::string_view key, const std::optional<Id>& id, Decode decode, Rows* rows) {
    if (!id) return BadKey(key);
    auto row = decode(*id);
    if (!row.ok())
      return Status(Code::kCorrupt,
                    row.status().detail() + (seal_.fault().ok() ? "" : " (" + seal_.fault().detail() + ")") + ": " + BadKey(key).detail());
    rows->push_back(std::move(*row));
    return Status::Ok();
  }

  Status TakeUse(std::string_view key, std::string_view value) {
    std::optional<std::string> id = DecodeTokenUseKey(key);
    if (!id) return BadKey(key);
    Result<WallTime> used_at = DecodeTokenUse(value);
    if (!used_at.ok()) return std::move(used_at).status();
    image_.uses.emplace_back(std::move(*id), *used_at);
    return Status::Ok();
  }

  Status TakeWake(std::string_view key, std::string_view value) {
    const std::optional<NamespaceNumber> number = DecodeNamespaceWakeKey(key);
    if (!number) return BadKey(key);
    Result<NamespaceWake> wake = DecodeNamespaceWake(value);
    if (!wake.ok()) return std::move(wake).status();
    wakes_.emplace(*number, std::move(*wake));
    return Status::Ok();
  }

  void AddStates() {
    const bool has_default = !image_.namespaces.empty() && image_.namespaces.front()->number == kDefaultNumber;
    if (!has_default) AddState(kDefaultNumber);
    for (const auto& row : image_.namespaces) AddState(row->number);
  }

  void AddState(NamespaceNumber number) {
    NamespaceAtStart& state = image_.states.emplace_back();
    state.number = number;
    auto it = wakes_.find(number);
    // One of which nothing was ever written needs no core; but `default` may be one from before there were others.
    if (it == wakes_.end()) state.awake = number == kDefaultNumber;
    else if (!it->second.asleep) state.awake = true;
    if (it == wakes_.end() || !it->second.asleep) return;
    state.next_wake = it->second.asleep->until;
    state.totals = it->second.asleep->totals;
  }

  const OrderedKv& kv_;
  const RegistrySeal seal_;
  RegistryImage image_;
  std::map<NamespaceNumber, NamespaceWake> wakes_;
};

}  // namespace

Result<RegistryImage> ReadRegistry(const OrderedKv& kv, const Sealing& sealing) {
  return RegistryReader(kv, sealing).Run();
}

Result<RetentionRules> ReadRetentionRules(const OrderedKv& kv, const Sealing& sealing, const Retention& general) {
  Result<RegistryImage> image = ReadRegistry(kv, sealing);
  if (!image.ok()) return std::move(image).status();
  RetentionTable table(general);
  for (const auto& row : image->namespaces) table.Set(row->number, row->settings.retention_succeeded_ms, row->settings.retention_settled_ms);
  return *table.Now();
}

Result<NamespaceBeginning> ReadBeginning(const OrderedKv& kv, NamespaceNumber number) {
  NamespaceBeginning beginning;
  const std::string totals_key = KeySpace(number).In(EncodeMetaKey(kTotalsName)), wake_key = EncodeNamespaceWakeKey(number);
  bool has_totals = false, has_wake = false;
  Status status = kv.GetAll({totals_key, wake_key}, [&](size_t i, std::string_view value) {
    if (i == 0) {
      has_totals = true;
      Result<Totals> totals = DecodeTotals(value);
      if (!totals.ok()) return std::move(totals).status();
      beginning.totals = *totals;
    } else {
      has_wake = true;
      Result<NamespaceWake> wake = DecodeNamespaceWake(value);
      if (!wake.ok()) return std::move(wake).status();
      beginning.awake = !wake->asleep;
    }
    return Status::Ok();
  });
  if (!status.ok()) return status;
  // `default` has no word of its waking where it never slept.
  if (number == kDefaultNumber && !has_wake) beginning.awake = true;
  if (!has_totals && (number == kDefaultNumber || beginning.awake))
    return Status(Code::kCorrupt, "the store is damaged: the totals of namespace " + std::to_string(number) + " are missing");
  if (has_totals) return beginning;
  Result<uint64_t> begin = IdsBegin(kv);
  if (!begin.ok()) return std::move(begin).status();
  beginning.totals.next_id = NotifyId::Of(number, *begin + 1).value;
  return beginning;
}

}  // namespace notifyd
