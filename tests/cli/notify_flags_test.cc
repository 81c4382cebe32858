// notifyctl's flags are held to the broker's table of a notify's fields: what it can be told can be said, and nothing else.
#include "base/json_tree.h"
#include "cli/client/notify_fields.h"
#include "net/api/notify_fields.h"
#include <catch2/catch.hpp>

#include <map>
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

}  // namespace
}  // namespace notifyd
