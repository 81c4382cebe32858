#include "net/cluster/passed_peer.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/base64.h"
#include "base/json.h"
#include "base/json_tree.h"
#include "net/access/principal.h"

namespace notifyd {
namespace {

/// A certificate may have many names: those beyond are not told.
constexpr size_t kMostNamesBytes = 4 << 10;

constexpr bool ServedParts::*kParts[] = {&ServedParts::health, &ServedParts::metrics, &ServedParts::admin,
                                         &ServedParts::rest,   &ServedParts::control, &ServedParts::console};

uint64_t BitsOf(const ServedParts& serves) {
  uint64_t bits = 0, bit = 1;
  for (bool ServedParts::*part : kParts) {
    if (serves.*part) bits |= bit;
    bit <<= 1;
  }
  return bits;
}

ServedParts PartsOf(uint64_t bits) {
  ServedParts serves;
  for (bool ServedParts::*part : kParts) {
    serves.*part = (bits & 1) != 0;
    bits >>= 1;
  }
  return serves;
}

void WriteAsker(const FixedAsker& asker, JsonWriter* json) {
  json->Key("asker");
  json->String(asker.grant->name);
  json->Key("space");
  json->String(asker.space);
  json->Key("scopes");
  json->Uint(asker.grant->grant.scopes.bits());
  if (asker.grant->grant.caller) {
    json->Key("caller");
    json->String(*asker.grant->grant.caller);
  }
}

std::optional<uint64_t> NumberAt(const JsonTree::Value& value, uint64_t most) {
  if (value.kind() != JsonTree::Kind::kNumber || value.raw().size() > 10) return std::nullopt;
  uint64_t number = 0;
  for (char c : value.raw()) {
    if (c < '0' || c > '9') return std::nullopt;
    number = number * 10 + static_cast<uint64_t>(c - '0');
  }
  return number <= most ? std::optional(number) : std::nullopt;
}

constexpr std::string_view kTakenAs[] = {"made", "duplicate", "kept"};  // by TakenAs
/// Nobody waits for longer.
constexpr uint64_t kMostWaitedMs = 3'600'000;

}  // namespace

std::string EncodeCarriedOut(const CarriedOut& what) {
  return what.id.ToString() + " " + std::string(kTakenAs[static_cast<size_t>(what.as)]);
}

std::optional<CarriedOut> DecodeCarriedOut(std::string_view text) {
  const size_t blank = text.find(' ');
  if (blank == std::string_view::npos) return std::nullopt;
  const std::optional<NotifyId> id = NotifyId::Parse(text.substr(0, blank));
  const auto as = std::find(std::begin(kTakenAs), std::end(kTakenAs), text.substr(blank + 1));
  if (!id || id->value == 0 || as == std::end(kTakenAs)) return std::nullopt;
  return CarriedOut{*id, static_cast<TakenAs>(as - std::begin(kTakenAs))};
}

std::string EncodePeer(const Peer& peer, const PassedProgress& progress, const MeantMember& to) {
  std::string text;
  JsonWriter json(&text);
  json.BeginObject();
  json.Key("serves");
  json.Uint(BitsOf(peer.serves));
  if (peer.address) {
    json.Key("address");
    json.String(peer.address->ToString());
  }
  if (peer.uid) {
    json.Key("uid");
    json.Uint(*peer.uid);
  }
  if (!peer.certificate_names.empty()) {
    json.Key("names");
    json.BeginArray();
    size_t bytes = 0;
    for (const std::string& name : peer.certificate_names)
      if ((bytes += name.size()) <= kMostNamesBytes) json.String(name);
    json.EndArray();
  }
  if (peer.asker) WriteAsker(*peer.asker, &json);
  if (progress.waited_ms > 0) {
    json.Key("waited_ms");
    json.Int(progress.waited_ms);
  }
  if (progress.carried_out) {
    json.Key("carried_out");
    json.String(EncodeCarriedOut(*progress.carried_out));
  }
  WriteTo(to, &json);
  json.EndObject();
  return EncodeBase64(text);
}

std::optional<Peer> DecodePeer(std::string_view text, PassedProgress* progress, MeantMember* to) {
  Result<std::string> decoded = DecodeBase64(text);
  if (!decoded.ok()) return std::nullopt;
  Result<JsonTree> tree = JsonTree::Parse(*decoded);
  if (!tree.ok() || tree->root().kind() != JsonTree::Kind::kObject) return std::nullopt;
  Peer peer;
  NamedGrant grant;
  FixedAsker asker;
  PassedProgress came;
  MeantMember meant;
  bool good = true, fixed = false, serves = false;
  tree->root().ForEach([&](const JsonTree::Value& key, const JsonTree::Value& value) {
    if (key.text() == "serves") {
      const std::optional<uint64_t> bits = NumberAt(value, UINT32_MAX);
      good = good && bits;
      serves = true;
      peer.serves = PartsOf(bits.value_or(0));
    } else if (key.text() == "address") {
      good = good && (peer.address = IpAddress::Parse(value.text()));
    } else if (key.text() == "uid") {
      const std::optional<uint64_t> uid = NumberAt(value, UINT32_MAX);
      good = good && uid;
      peer.uid = static_cast<uint32_t>(uid.value_or(0));
    } else if (key.text() == "names") {
      value.ForEach([&](const JsonTree::Value&, const JsonTree::Value& name) { peer.certificate_names.emplace_back(name.text()); });
    } else if (key.text() == "asker") {
      fixed = true;
      grant.name = value.text();
    } else if (key.text() == "space") {
      asker.space = value.text();
    } else if (key.text() == "scopes") {
      const std::optional<uint64_t> bits = NumberAt(value, UINT8_MAX);
      good = good && bits;
      grant.grant.scopes = ScopeSet::FromBits(bits.value_or(0));
    } else if (key.text() == "caller") {
      grant.grant.caller = std::string(value.text());
    } else if (key.text() == "waited_ms") {
      const std::optional<uint64_t> waited = NumberAt(value, kMostWaitedMs);
      good = good && waited;
      came.waited_ms = static_cast<int64_t>(waited.value_or(0));
    } else if (key.text() == "carried_out") {
      good = good && (came.carried_out = DecodeCarriedOut(value.text()));
    } else if (key.text() == kToKey) {
      good = good && ReadMember(value, &meant);
    }
  });
  if (!good || !serves) return std::nullopt;
  if (fixed) {
    if (!IsNamespaceName(asker.space)) return std::nullopt;
    grant.grant.namespaces = NamespaceSet::Of({asker.space});
    asker.grant = std::make_shared<const NamedGrant>(std::move(grant));
    peer.asker = std::make_shared<const FixedAsker>(std::move(asker));
  }
  if (progress) *progress = came;
  if (to) *to = std::move(meant);
  return peer;
}

}  // namespace notifyd
