#include "storage/registry_records.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/check.h"
#include "broker/spec.h"
#include "storage/keys.h"
#include "storage/record_frame.h"
#include "storage/records.h"

namespace notifyd {
namespace {

constexpr ValueTag kRegistryTag = ValueTag::kRecord;

void PutTexts(const std::vector<std::string>& texts, Encoder* out) {
  out->Varint(texts.size());
  for (const std::string& text : texts) out->Text(text);
}

bool TakeTexts(Decoder* in, std::vector<std::string>* texts) {
  size_t count = 0;
  if (!TakeCount(in, &count)) return false;
  for (size_t i = 0; i < count && in->ok(); ++i) texts->emplace_back(in->Text());
  return in->ok();
}

/// One field after the other, each where its bit is set. The same list of fields writes and reads.
class PresentBits {
 public:
  void Put(bool present) {
    if (present) bits_ |= uint64_t{1} << next_;
    ++next_;
  }
  uint64_t bits() const { return bits_; }

 private:
  uint64_t bits_ = 0;
  int next_ = 0;
};

class PresentReader {
 public:
  PresentReader(uint64_t bits, int known) : bits_(bits), good_(bits >> known == 0) {}
  /// Is the next one there?
  bool Next() { return (bits_ >> next_++ & 1) != 0; }
  bool good() const { return good_; }

 private:
  uint64_t bits_;
  bool good_;
  int next_ = 0;
};

constexpr int kSettingsBits = 15, kGrantBits = 9;
constexpr uint8_t kBothModes = 2, kOrderBit = 4;  // the latter: order_by follows the settings
constexpr int kPolicyVersion = 2;

void PutLaneRules(const std::vector<LaneRule>& rules, Encoder* out) {
  out->Varint(rules.size());
  for (const LaneRule& rule : rules) {
    out->Text(rule.match);
    out->U8(static_cast<uint8_t>((rule.mode ? static_cast<uint8_t>(*rule.mode) : kBothModes) | (rule.order_by ? kOrderBit : 0)));
    std::string settings;
    EncodeLaneSettings(rule.settings, &settings);
    out->Text(settings);
    if (!rule.order_by) continue;
    out->Text(*rule.order_by);
    out->Varint(rule.partitions.value_or(0));
    out->U8(rule.order_by_spread ? 1 + *rule.order_by_spread : 0);
  }
}

bool TakeLaneRules(Decoder* in, std::vector<LaneRule>* rules) {
  size_t count = 0;
  if (!TakeCount(in, &count)) return false;
  for (size_t i = 0; i < count; ++i) {
    LaneRule rule;
    rule.match = in->Text();
    const uint8_t first = in->U8();
    const auto mode = static_cast<uint8_t>(first & ~kOrderBit);
    if (mode > kBothModes) return false;
    if (mode != kBothModes) rule.mode = static_cast<Mode>(mode);
    Result<LaneSettings> settings = DecodeLaneSettings(in->Text());
    if (!settings.ok()) return false;
    rule.settings = *settings;
    if (first & kOrderBit) {
      rule.order_by = in->Text();
      if (const auto partitions = static_cast<uint32_t>(in->Varint())) rule.partitions = partitions;
      if (const uint8_t missing = in->U8()) rule.order_by_spread = missing == 2;
    }
    rules->push_back(std::move(rule));
  }
  return in->ok();
}

void PutSettings(const NamespaceSettings& s, Encoder* out) {
  PresentBits present;
  present.Put(s.max_pending.has_value());
  present.Put(s.max_stored_bytes.has_value());
  present.Put(s.submits_per_s.has_value());
  present.Put(s.burst.has_value());
  present.Put(s.max_in_flight.has_value());
  present.Put(s.retention_succeeded_ms.has_value());
  present.Put(s.retention_settled_ms.has_value());
  present.Put(s.destinations.allow.has_value());
  present.Put(s.destinations.deny.has_value());
  present.Put(s.destinations.https_only.has_value());
  present.Put(s.destinations.ports.has_value());
  present.Put(s.retry.has_value());
  present.Put(s.timeout_ms.has_value());
  present.Put(!s.lane_rules.empty());
  present.Put(s.cell.has_value());
  out->Varint(present.bits());
  if (s.max_pending) out->Varint(*s.max_pending);
  if (s.max_stored_bytes) out->Varint(*s.max_stored_bytes);
  if (s.submits_per_s) out->Double(*s.submits_per_s);
  if (s.burst) out->Varint(*s.burst);
  if (s.max_in_flight) out->Varint(*s.max_in_flight);
  if (s.retention_succeeded_ms) out->Signed(*s.retention_succeeded_ms);
  if (s.retention_settled_ms) out->Signed(*s.retention_settled_ms);
  if (s.destinations.allow) PutTexts(*s.destinations.allow, out);
  if (s.destinations.deny) PutTexts(*s.destinations.deny, out);
  if (s.destinations.https_only) out->U8(*s.destinations.https_only ? 1 : 0);
  if (s.destinations.ports) {
    out->Varint(s.destinations.ports->size());
    for (uint16_t port : *s.destinations.ports) out->Varint(port);
  }
  if (s.retry) EncodeRetry(*s.retry, out);
  if (s.timeout_ms) out->Signed(*s.timeout_ms);
  if (!s.lane_rules.empty()) PutLaneRules(s.lane_rules, out);
  if (s.cell) out->Text(*s.cell);
}

bool TakePorts(Decoder* in, std::vector<uint16_t>* ports) {
  size_t count = 0;
  if (!TakeCount(in, &count)) return false;
  ports->resize(count);
  return std::all_of(ports->begin(), ports->end(), [&](uint16_t& port) { return TakeNumber(in, &port); });
}

bool TakeSettings(Decoder* in, NamespaceSettings* s) {
  PresentReader present(in->Varint(), kSettingsBits);
  if (!present.good()) return false;
  if (present.Next()) s->max_pending = in->Varint();
  if (present.Next()) s->max_stored_bytes = in->Varint();
  if (present.Next()) s->submits_per_s = in->Double();
  if (present.Next() && !TakeNumber(in, &s->burst.emplace())) return false;
  if (present.Next() && !TakeNumber(in, &s->max_in_flight.emplace())) return false;
  if (present.Next()) s->retention_succeeded_ms = in->Signed();
  if (present.Next()) s->retention_settled_ms = in->Signed();
  if (present.Next() && !TakeTexts(in, &s->destinations.allow.emplace())) return false;
  if (present.Next() && !TakeTexts(in, &s->destinations.deny.emplace())) return false;
  if (present.Next()) {
    const uint8_t flag = in->U8();
    if (flag > 1) return false;
    s->destinations.https_only = flag == 1;
  }
  if (present.Next() && !TakePorts(in, &s->destinations.ports.emplace())) return false;
  if (present.Next()) s->retry = DecodeRetry(in, kPolicyVersion);
  if (present.Next()) s->timeout_ms = in->Signed();
  if (present.Next() && !TakeLaneRules(in, &s->lane_rules)) return false;
  if (present.Next()) s->cell = in->Text();
  return in->ok();
}

void PutCidrs(const std::vector<Cidr>& cidrs, Encoder* out) {
  out->Varint(cidrs.size());
  for (const Cidr& cidr : cidrs) {
    out->U8(cidr.base.v6 ? 1 : 0);
    out->U8(static_cast<uint8_t>(cidr.bits));
    out->Raw({reinterpret_cast<const char*>(cidr.base.bytes.data()), cidr.base.v6 ? size_t{16} : size_t{4}});
  }
}

bool TakeCidrs(Decoder* in, std::vector<Cidr>* cidrs) {
  size_t count = 0;
  if (!TakeCount(in, &count)) return false;
  for (size_t i = 0; i < count; ++i) {
    Cidr cidr;
    const uint8_t v6 = in->U8(), bits = in->U8();
    const std::string_view address = in->Raw(v6 == 1 ? 16 : 4);
    if (!in->ok() || v6 > 1 || bits > (v6 == 1 ? 128 : 32)) return false;
    cidr.base.v6 = v6 == 1;
    cidr.bits = bits;
    std::copy(address.begin(), address.end(), cidr.base.bytes.begin());
    cidrs->push_back(cidr);
  }
  return true;
}

void PutGrant(const Grant& grant, Encoder* out) {
  PresentBits present;
  present.Put(grant.namespaces.all);
  present.Put(!grant.namespaces.names.empty());
  present.Put(grant.caller.has_value());
  present.Put(!grant.cidrs.empty());
  present.Put(!grant.lanes.empty());
  present.Put(!grant.fkeys.empty());
  present.Put(!grant.services.empty());
  present.Put(grant.submits_per_s.has_value());
  present.Put(grant.expires_at.has_value());
  out->Varint(present.bits());
  out->Varint(grant.scopes.bits());
  if (!grant.namespaces.names.empty()) PutTexts(grant.namespaces.names, out);
  if (grant.caller) out->Text(*grant.caller);
  if (!grant.cidrs.empty()) PutCidrs(grant.cidrs, out);
  if (!grant.lanes.empty()) PutTexts(grant.lanes, out);
  if (!grant.fkeys.empty()) PutTexts(grant.fkeys, out);
  if (!grant.services.empty()) PutTexts(grant.services, out);
  if (grant.submits_per_s) out->Double(*grant.submits_per_s);
  if (grant.expires_at) out->Signed(grant.expires_at->ms);
}

/// A grant that says more than was meant would let somebody in: what is read must be in the one form in which it is written.
bool TakeGrant(Decoder* in, Grant* grant) {
  PresentReader present(in->Varint(), kGrantBits);
  const uint64_t scopes = in->Varint();
  grant->scopes = ScopeSet::FromBits(scopes);
  if (!present.good() || grant->scopes.bits() != scopes) return false;
  grant->namespaces.all = present.Next();
  if (present.Next() && !TakeTexts(in, &grant->namespaces.names)) return false;
  if (NamespaceSet::Of(grant->namespaces.names).names != grant->namespaces.names) return false;
  if (present.Next()) grant->caller = in->Text();
  if (present.Next() && (!TakeCidrs(in, &grant->cidrs) || grant->cidrs.empty())) return false;
  if (present.Next() && (!TakeTexts(in, &grant->lanes) || grant->lanes.empty())) return false;
  if (present.Next() && (!TakeTexts(in, &grant->fkeys) || grant->fkeys.empty())) return false;
  if (present.Next() && (!TakeTexts(in, &grant->services) || grant->services.empty())) return false;
  if (present.Next()) grant->submits_per_s = in->Double();
  if (present.Next()) grant->expires_at = WallTime{in->Signed()};
  return in->ok() && CheckGrant(*grant).ok();
}

constexpr uint8_t kDeleting = 1, kKeysSealed = 2, kMoves = 4;
constexpr uint8_t kDisabled = 1, kSigns = 2, kHasOld = 4, kTokenSealed = 8;

std::string BoundOf(NamespaceNumber number, const SigningKey& key) {
  std::string out = EncodeNamespaceKey(number);
  Encoder encoder(&out);
  encoder.Text(key.name);
  encoder.Signed(key.created_at.ms);
  return out;
}

void PutSecret(std::string_view plain, std::string_view bound, const SecretSeal* seal, Encoder* out) {
  out->Text(seal != nullptr ? seal->Seal(bound, plain) : std::string(plain));
}

std::optional<std::string> TakeSecret(Decoder* in, std::string_view bound, bool sealed, const SecretSeal* seal) {
  const std::string_view text = in->Text();
  if (!in->ok() || (sealed && seal == nullptr)) return std::nullopt;
  return sealed ? seal->Open(bound, text) : std::optional(std::string(text));
}

bool TakeDigest(std::string_view bytes, Digest256* digest) {
  if (bytes.size() != digest->size()) return false;
  std::copy(bytes.begin(), bytes.end(), digest->begin());
  return true;
}

void PutTokenSecret(const TokenSecret& secret, const TokenRow& row, const SecretSeal* seal, Encoder* out) {
  out->Raw(BytesOf(secret.hash));
  // Bound to the hash: a key is not another secret's.
  if (row.signing) PutSecret(BytesOf(*secret.signing_key), EncodeTokenKey(row.id).append(BytesOf(secret.hash)), seal, out);
}

bool TakeTokenSecret(Decoder* in, const TokenRow& row, bool sealed, const SecretSeal* seal, TokenSecret* secret) {
  if (!TakeDigest(in->Raw(secret->hash.size()), &secret->hash)) return false;
  if (!row.signing) return true;
  const std::optional<std::string> key = TakeSecret(in, EncodeTokenKey(row.id).append(BytesOf(secret->hash)), sealed, seal);
  return key && TakeDigest(*key, &secret->signing_key.emplace());
}

std::string NumberKey(KeyKind kind, NamespaceNumber number) {
  return {static_cast<char>(kind), static_cast<char>(number >> 8), static_cast<char>(number)};
}

std::optional<NamespaceNumber> NumberOf(KeyKind kind, std::string_view key) {
  if (key.size() != 3 || key[0] != static_cast<char>(kind)) return std::nullopt;
  const auto number = static_cast<NamespaceNumber>(static_cast<uint8_t>(key[1]) << 8 | static_cast<uint8_t>(key[2]));
  return number <= kMostNumber ? std::optional(number) : std::nullopt;
}

std::string IdKey(KeyKind kind, std::string_view id) {
  return std::string(1, static_cast<char>(kind)).append(id);
}

std::optional<std::string> IdOf(KeyKind kind, std::string_view key) {
  if (key.empty() || key[0] != static_cast<char>(kind) || !IsTokenId(key.substr(1))) return std::nullopt;
  return std::string(key.substr(1));
}

}  // namespace

std::string EncodeNamespaceKey(NamespaceNumber number) {
  return NumberKey(KeyKind::kNamespace, number);
}
std::string EncodeNamespaceWakeKey(NamespaceNumber number) {
  return NumberKey(KeyKind::kNamespaceWake, number);
}
std::string EncodeTokenKey(std::string_view id) {
  return IdKey(KeyKind::kToken, id);
}
std::string EncodeTokenUseKey(std::string_view id) {
  return IdKey(KeyKind::kTokenUse, id);
}
std::string EncodeAuditKey(const AuditPlace& place) {
  std::string out(1, static_cast<char>(KeyKind::kAudit));
  Encoder encoder(&out);
  encoder.BigSigned64(place.at.ms);
  encoder.Big32(place.serial);
  return out;
}
std::optional<AuditPlace> DecodeAuditKey(std::string_view key) {
  if (key.empty() || key[0] != static_cast<char>(KeyKind::kAudit)) return std::nullopt;
  Decoder in(key.substr(1));
  AuditPlace place;
  place.at.ms = in.BigSigned64();
  place.serial = in.Big32();
  return in.done() ? std::optional(place) : std::nullopt;
}
std::optional<NamespaceNumber> DecodeNamespaceKey(std::string_view key) {
  return NumberOf(KeyKind::kNamespace, key);
}
std::optional<NamespaceNumber> DecodeNamespaceWakeKey(std::string_view key) {
  return NumberOf(KeyKind::kNamespaceWake, key);
}
std::optional<std::string> DecodeTokenKey(std::string_view key) {
  return IdOf(KeyKind::kToken, key);
}
std::optional<std::string> DecodeTokenUseKey(std::string_view key) {
  return IdOf(KeyKind::kTokenUse, key);
}

void EncodeNamespace(const NamespaceRow& row, const SecretSeal* seal, std::string* out) {
  RecordFrame frame(kRegistryTag, out);
  Encoder& encoder = frame.encoder;
  encoder.Text(row.name);
  encoder.Varint(row.version);
  encoder.Signed(row.created_at.ms);
  encoder.U8(static_cast<uint8_t>((row.deleting ? kDeleting : 0) | (seal != nullptr ? kKeysSealed : 0) | (row.moving_to ? kMoves : 0)));
  PutSettings(row.settings, &encoder);
  if (row.moving_to) encoder.Text(*row.moving_to);
  encoder.Varint(row.keys.size());
  for (const SigningKey& key : row.keys) {
    encoder.Text(key.name);
    encoder.U8(static_cast<uint8_t>(key.kind));
    encoder.Signed(key.created_at.ms);
    encoder.Signed(key.valid_until.ms);
    PutSecret(key.secret, BoundOf(row.number, key), seal, &encoder);
  }
}

Result<std::shared_ptr<const NamespaceRow>> DecodeNamespace(NamespaceNumber number, std::string_view value, const SecretSeal* seal) {
  const std::optional<std::string_view> fields = UnframeRecord(kRegistryTag, value);
  if (!fields) return DamagedRecord("namespace");
  Decoder in(*fields);
  auto row = std::make_shared<NamespaceRow>();
  row->number = number;
  row->name = in.Text();
  row->version = in.Varint();
  row->created_at = WallTime{in.Signed()};
  const uint8_t flags = in.U8();
  row->deleting = (flags & kDeleting) != 0;
  if (flags > (kDeleting | kKeysSealed | kMoves) || !IsNamespaceName(row->name) || !TakeSettings(&in, &row->settings)) return DamagedRecord("namespace");
  if (flags & kMoves) row->moving_to = in.Text();
  size_t count = 0;
  if (!TakeCount(&in, &count)) return DamagedRecord("namespace");
  for (size_t i = 0; i < count; ++i) {
    SigningKey key;
    key.name = in.Text();
    const uint8_t kind = in.U8();
    key.kind = static_cast<SigningKind>(kind);
    key.created_at = WallTime{in.Signed()};
    key.valid_until = WallTime{in.Signed()};
    std::optional<std::string> secret = TakeSecret(&in, BoundOf(number, key), (flags & kKeysSealed) != 0, seal);
    if (kind > static_cast<uint8_t>(SigningKind::kEd25519) || !secret) return DamagedRecord("signing key");
    key.secret = std::move(*secret);
    row->keys.push_back(std::move(key));
  }
  if (!in.done()) return DamagedRecord("namespace");
  return std::shared_ptr<const NamespaceRow>(std::move(row));
}

void EncodeToken(const TokenRow& row, const SecretSeal* seal, std::string* out) {
  RecordFrame frame(kRegistryTag, out);
  Encoder& encoder = frame.encoder;
  encoder.Varint(row.version);
  encoder.Text(row.name);
  PutGrant(row.grant, &encoder);
  encoder.U8(static_cast<uint8_t>((row.disabled ? kDisabled : 0) | (row.signing ? kSigns : 0) | (row.old_secret ? kHasOld : 0) |
                                  (seal != nullptr ? kTokenSealed : 0)));
  PutTokenSecret(row.secret, row, seal, &encoder);
  if (row.old_secret) {
    PutTokenSecret(*row.old_secret, row, seal, &encoder);
    encoder.Signed(row.old_until.ms);
  }
  encoder.Text(row.created_by);
  encoder.Signed(row.created_at.ms);
}

Result<std::shared_ptr<const TokenRow>> DecodeToken(std::string_view id, std::string_view value, const SecretSeal* seal) {
  const std::optional<std::string_view> fields = UnframeRecord(kRegistryTag, value);
  if (!fields) return DamagedRecord("token");
  Decoder in(*fields);
  auto row = std::make_shared<TokenRow>();
  row->id = id;
  row->version = in.Varint();
  row->name = in.Text();
  if (!TakeGrant(&in, &row->grant)) return DamagedRecord("token");
  const uint8_t flags = in.U8();
  row->disabled = (flags & kDisabled) != 0;
  row->signing = (flags & kSigns) != 0;
  const bool sealed = (flags & kTokenSealed) != 0;
  if (flags > (kDisabled | kSigns | kHasOld | kTokenSealed) || !TakeTokenSecret(&in, *row, sealed, seal, &row->secret)) return DamagedRecord("token");
  if (flags & kHasOld) {
    if (!TakeTokenSecret(&in, *row, sealed, seal, &row->old_secret.emplace())) return DamagedRecord("token");
    row->old_until = WallTime{in.Signed()};
  }
  row->created_by = in.Text();
  row->created_at = WallTime{in.Signed()};
  if (!in.done()) return DamagedRecord("token");
  return std::shared_ptr<const TokenRow>(std::move(row));
}

void EncodeTokenUse(WallTime used_at, std::string* out) {
  RecordFrame(kRegistryTag, out).encoder.Signed(used_at.ms);
}

Result<WallTime> DecodeTokenUse(std::string_view value) {
  const std::optional<std::string_view> fields = UnframeRecord(kRegistryTag, value);
  if (!fields) return DamagedRecord("use of a token");
  Decoder in(*fields);
  const WallTime used_at{in.Signed()};
  return in.done() ? Result<WallTime>(used_at) : DamagedRecord("use of a token");
}

void EncodeAudit(const AuditEntry& entry, std::string* out) {
  RecordFrame frame(kRegistryTag, out);
  for (const std::string* text : {&entry.who, &entry.what, &entry.object, &entry.from, &entry.space}) frame.encoder.Text(*text);
  frame.encoder.Varint(entry.count);
  if (!entry.said.empty()) frame.encoder.Text(entry.said);
}

Result<AuditEntry> DecodeAudit(WallTime at, std::string_view value) {
  const std::optional<std::string_view> fields = UnframeRecord(kRegistryTag, value);
  if (!fields) return DamagedRecord("entry of the audit");
  Decoder in(*fields);
  AuditEntry entry;
  entry.at = at;
  for (std::string* text : {&entry.who, &entry.what, &entry.object, &entry.from, &entry.space}) *text = in.Text();
  entry.count = in.Varint();
  if (in.ok() && !in.done()) entry.said = in.Text();
  if (!in.done()) return DamagedRecord("entry of the audit");
  return entry;
}

void EncodeRegistryHead(const RegistryHead& head, std::string* out) {
  RecordFrame frame(kRegistryTag, out);
  frame.encoder.Varint(head.next_number);
  frame.encoder.Varint(head.version);
  const RemovedTotals& r = head.removed;
  for (uint64_t total : {r.accepted, r.revived, r.succeeded, r.failed, r.cancelled, r.expired, r.attempts, r.retries}) frame.encoder.Varint(total);
}

Result<RegistryHead> DecodeRegistryHead(std::string_view value) {
  const std::optional<std::string_view> fields = UnframeRecord(kRegistryTag, value);
  if (!fields) return DamagedRecord("registry");
  Decoder in(*fields);
  RegistryHead head;
  const bool good = TakeNumber(&in, &head.next_number) && head.next_number > kSystemNumber && head.next_number <= kMostNumber + 1u;
  head.version = in.Varint();
  RemovedTotals& r = head.removed;
  for (uint64_t* total : {&r.accepted, &r.revived, &r.succeeded, &r.failed, &r.cancelled, &r.expired, &r.attempts, &r.retries}) *total = in.Varint();
  if (!good || !in.done()) return DamagedRecord("registry");
  return head;
}

void EncodeNamespaceWake(const NamespaceWake& wake, std::string* out) {
  RecordFrame frame(kRegistryTag, out);
  frame.encoder.U8(wake.asleep ? 0 : 1);
  if (!wake.asleep) return;
  frame.encoder.Signed(wake.asleep->until.ms);
  std::string totals;
  EncodeTotals(wake.asleep->totals, &totals);
  frame.encoder.Text(totals);
}

Result<NamespaceWake> DecodeNamespaceWake(std::string_view value) {
  const std::optional<std::string_view> fields = UnframeRecord(kRegistryTag, value);
  if (!fields) return DamagedRecord("namespace's wake");
  Decoder in(*fields);
  NamespaceWake wake;
  const uint8_t awake = in.U8();
  if (awake == 0) {
    const WallTime until{in.Signed()};
    Result<Totals> totals = DecodeTotals(in.Text());
    if (!totals.ok()) return DamagedRecord("namespace's wake");
    wake.asleep = NamespaceWake::Asleep{until, *totals};
  }
  if (awake > 1 || !in.done()) return DamagedRecord("namespace's wake");
  return wake;
}

}  // namespace notifyd
