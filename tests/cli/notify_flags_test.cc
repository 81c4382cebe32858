// notifyctl's flags are held to the broker's table of a notify's fields: what it can be told can be said, and nothing else.
#include "base/json_tree.h"
#include "cli/client/notify_fields.h"
#include "cli/client/team_fields.h"
#include "net/api/notify_fields.h"
#include "net/api/space_fields.h"
#include "net/api/token_fields.h"
#include <catch2/catch.hpp>

#include <map>
#include <set>
#include <string>

namespace notifyd {
namespace {

using Changeable = std::map<std::string, bool>;  // by a field's name

TEST_CASE("notifyctl: there is a flag for each field of a notify, and for changes where the field may be changed") {
  Changeable flags, fields;
  for (const FieldFlag& flag : NotifyFlags())
    if (flag.name.find('/') == std::string::npos) flags[flag.name] = flag.changes;
  flags["headers"] = true;  // --header and --remove-header
  for (const NotifyField& field : NotifyFields()) fields[std::string(field.name())] = field.changeable;
  CHECK(flags == fields);
}

TEST_CASE("notifyctl: there is a flag for each part of a retry policy") {
  Changeable flags, parts;
  for (const FieldFlag& flag : NotifyFlags())
    if (flag.name.starts_with("retry/")) flags[flag.name.substr(6)] = flag.changes;
  const NotifySpec spec;
  const Envelope envelope;
  std::string text;
  JsonWriter json(&text);
  FindNotifyField("retry")->show({.spec = spec, .envelope = envelope}, &json);
  Result<JsonTree> tree = JsonTree::Parse(text);
  REQUIRE(tree.ok());
  tree->root().ForEach([&](JsonTree::Value key, JsonTree::Value) { parts[std::string(key.text())] = true; });
  CHECK(flags == parts);
}

TEST_CASE("notifyctl: there is a flag for each field of a token and of a namespace's settings, and no other") {
  auto names = [](const std::vector<FieldFlag>& flags) {
    std::set<std::string> out;
    for (const FieldFlag& flag : flags) out.insert(flag.name.substr(0, flag.name.find('/')));
    return out;
  };
  std::set<std::string> of_token, of_space;
  for (const TokenField& field : TokenFields()) of_token.insert(std::string(field.name()));
  for (const SpaceField& field : SpaceFields()) of_space.insert(std::string(field.name()));
  CHECK(names(TokenFlags()) == of_token);
  CHECK(names(NamespaceFlags()) == of_space);
}

}  // namespace
}  // namespace notifyd
