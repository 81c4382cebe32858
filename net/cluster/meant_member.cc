#include "net/cluster/meant_member.h"

#include <charconv>

#include "base/ascii.h"
#include "base/base64.h"
#include "base/json.h"

namespace notifyd {
namespace {

/// Of the store's name, or the member's; those that there are are shorter.
constexpr size_t kMostTextBytes = 1'024;

bool ReadText(const JsonTree::Value& value, std::string* text) {
  if (value.kind() != JsonTree::Kind::kString || value.text().size() > kMostTextBytes) return false;
  *text = value.text();
  return true;
}

bool ReadHalf(const JsonTree::Value& value, uint64_t* half) {
  const std::string_view text = value.raw();
  const auto read = std::from_chars(text.data(), text.data() + text.size(), *half);
  return value.kind() == JsonTree::Kind::kNumber && read.ec == std::errc() && read.ptr == text.data() + text.size();
}

void WriteMember(const MeantMember& member, JsonWriter* json) {
  json->BeginObject();
  for (const auto& [key, text] : {std::pair("store", &member.store), std::pair("member", &member.name)}) {
    json->Key(key);
    json->String(*text);
  }
  for (const auto& [key, half] : {std::pair("incarnation_high", member.incarnation.high), std::pair("incarnation_low", member.incarnation.low)}) {
    json->Key(key);
    json->Uint(half);
  }
  json->EndObject();
}

const std::string* HeaderOf(const HttpResponse& answer, std::string_view name) {
  for (const auto& [each, value] : answer.headers)
    if (EqualsIgnoringCase(each, name)) return &value;
  return nullptr;
}

}  // namespace

bool OwnMember::IsMeant(const MeantMember& meant) const {
  if (meant.store.empty()) return true;
  const bool same = meant.incarnation == Incarnation() || meant.incarnation == now.incarnation || meant.incarnation == before;
  return meant.store == now.store && meant.name == now.name && same;
}

void WriteTo(const MeantMember& meant, JsonWriter* json) {
  if (meant.store.empty()) return;
  json->Key(kToKey);
  WriteMember(meant, json);
}

bool ReadMember(const JsonTree::Value& value, MeantMember* member) {
  bool good = value.kind() == JsonTree::Kind::kObject;
  if (!good) return false;
  value.ForEach([&](const JsonTree::Value& key, const JsonTree::Value& each) {
    if (key.text() == "store") good = good && ReadText(each, &member->store);
    else if (key.text() == "member") good = good && ReadText(each, &member->name);
    else if (key.text() == "incarnation_high") good = good && ReadHalf(each, &member->incarnation.high);
    else if (key.text() == "incarnation_low") good = good && ReadHalf(each, &member->incarnation.low);
  });
  return good && !member->store.empty();
}

std::string EncodeMember(const MeantMember& member) {
  std::string text;
  JsonWriter json(&text);
  WriteMember(member, &json);
  return EncodeBase64(text);
}

std::optional<MeantMember> DecodeMember(std::string_view text) {
  const Result<std::string> decoded = DecodeBase64(text);
  if (!decoded.ok()) return std::nullopt;
  const Result<JsonTree> tree = JsonTree::Parse(*decoded);
  MeantMember member;
  if (!tree.ok() || !ReadMember(tree->root(), &member)) return std::nullopt;
  return member;
}

void MarkForAnother(const OwnMember& self, HttpResponse* response) {
  response->headers.emplace_back(kNotHereHeader, kForAnother);
  response->headers.emplace_back(kMemberHeader, EncodeMember(self.now));
}

bool IsNotHere(const HttpResponse& answer) {
  return HeaderOf(answer, kNotHereHeader) != nullptr;
}

std::string StrangerAt(std::string_view address, const HttpResponse& answer, const MeantMember& meant) {
  const std::string at = "at " + std::string(address) + " is ";
  const std::string* not_here = HeaderOf(answer, kNotHereHeader);
  if (not_here && *not_here == kForClients) return at + "a listener for clients, not for members";
  const std::string* header = HeaderOf(answer, kMemberHeader);
  const std::optional<MeantMember> there = header ? DecodeMember(*header) : std::nullopt;
  // Whoever took the place of another process knows best whom it stands for.
  if (!there || meant.store.empty() || (!not_here && there->store == meant.store && there->name == meant.name)) return {};
  if (there->store != meant.store) return at + "member " + there->name + " of another store";
  if (there->name != meant.name) return at + "member " + there->name + ", not " + meant.name;
  if (there->incarnation == meant.incarnation) return {};
  return at + "another member " + there->name + ": one of a copy of the store, or it began anew";
}

}  // namespace notifyd
