#include "net/cluster/member_word.h"

#include <charconv>

#include "base/json.h"
#include "base/json_tree.h"

namespace notifyd {
namespace {

/// Of a name; those that settings take are shorter.
constexpr size_t kMostNameBytes = 1'024;

bool ReadNumber(const JsonTree::Value& value, uint64_t* number) {
  if (value.kind() != JsonTree::Kind::kNumber) return false;
  const std::string_view text = value.raw();
  const auto read = std::from_chars(text.data(), text.data() + text.size(), *number);
  return read.ec == std::errc() && read.ptr == text.data() + text.size();
}

bool ReadFlag(const JsonTree::Value& value, bool* flag) {
  *flag = value.raw() == "true";
  return *flag || value.raw() == "false";
}

}  // namespace

std::string EncodeMemberWord(const MemberWord& word, const MeantMember& to) {
  std::string text;
  JsonWriter json(&text);
  json.BeginObject();
  json.Key("member");
  json.String(word.from);
  for (const auto& [key, number] :
       {std::pair("epoch", word.lease.epoch), std::pair("renewal", word.lease.renewal), std::pair("incarnation_high", word.lease.incarnation.high),
        std::pair("incarnation_low", word.lease.incarnation.low)}) {
    json.Key(key);
    json.Uint(number);
  }
  json.Key("look");
  json.Bool(word.look);
  json.Key("leaving");
  json.Bool(word.leaving);
  WriteTo(to, &json);
  json.EndObject();
  return text;
}

std::optional<MemberWord> DecodeMemberWord(std::string_view text, MeantMember* to) {
  Result<JsonTree> tree = JsonTree::Parse(text);
  if (!tree.ok() || tree->root().kind() != JsonTree::Kind::kObject) return std::nullopt;
  MemberWord word;
  MeantMember meant;
  word.lease.free = false;
  bool good = true;
  tree->root().ForEach([&](const JsonTree::Value& key, const JsonTree::Value& value) {
    const std::string_view name = key.text();
    if (name == "member") {
      good = good && value.kind() == JsonTree::Kind::kString;
      if (good) word.from = value.text();
    } else if (name == "epoch") {
      good = good && ReadNumber(value, &word.lease.epoch);
    } else if (name == "renewal") {
      good = good && ReadNumber(value, &word.lease.renewal);
    } else if (name == "incarnation_high") {
      good = good && ReadNumber(value, &word.lease.incarnation.high);
    } else if (name == "incarnation_low") {
      good = good && ReadNumber(value, &word.lease.incarnation.low);
    } else if (name == "look") {
      good = good && ReadFlag(value, &word.look);
    } else if (name == "leaving") {
      good = good && ReadFlag(value, &word.leaving);
    } else if (name == kToKey) {
      good = good && ReadMember(value, &meant);
    }
  });
  if (!good || word.from.empty() || word.from.size() > kMostNameBytes) return std::nullopt;
  if (to) *to = std::move(meant);
  return word;
}

}  // namespace notifyd
