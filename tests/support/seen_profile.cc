#include "support/seen_profile.h"

#include <set>
#include <stdexcept>

#include "support/protobuf_text.h"

namespace notifyd::test {
namespace {

int64_t NumberOf(const ProtoNode& node, const std::string& name) {
  const std::string text = node.Text(name);
  return text.empty() ? 0 : std::stoll(text);
}

}  // namespace

SeenProfile ReadProfile(const std::string& bytes) {
  const ProtoNode profile = DecodeProtobuf(NOTIFYD_TEST_DATA_DIR "/profile.proto", "Profile", bytes);
  const auto texts = profile.All("string_table");
  const auto text = [&](const ProtoNode& node, const std::string& name) { return texts.at(static_cast<size_t>(NumberOf(node, name)))->text; };
  SeenProfile seen;
  for (const ProtoNode* type : profile.All("sample_type")) seen.types.push_back(text(*type, "type") + "/" + text(*type, "unit"));
  std::map<int64_t, std::string> functions, places;
  std::set<int64_t> mappings{0};
  for (const ProtoNode* mapping : profile.All("mapping")) {
    mappings.insert(NumberOf(*mapping, "id"));
    seen.files.push_back(text(*mapping, "filename"));
    seen.build_ids.push_back(text(*mapping, "build_id"));
  }
  for (const ProtoNode* function : profile.All("function")) functions[NumberOf(*function, "id")] = text(*function, "name");
  for (const ProtoNode* location : profile.All("location")) {
    if (!mappings.contains(NumberOf(*location, "mapping_id"))) throw std::runtime_error("a location in a mapping that is not there");
    const auto lines = location->All("line");
    places[NumberOf(*location, "id")] = lines.empty() ? "" : functions.at(NumberOf(*lines[0], "function_id"));
  }
  for (const ProtoNode* sample : profile.All("sample")) {
    const auto values = sample->All("value");
    const int64_t count = std::stoll(values.at(0)->text);
    seen.samples += count;
    seen.cpu_ns += std::stoll(values.at(1)->text);
    std::set<std::string> once;
    bool first = true;
    for (const ProtoNode* id : sample->All("location_id")) {
      const std::string& name = places.at(std::stoll(id->text));
      if (first) seen.own[name] += count;
      first = false;
      if (once.insert(name).second) seen.cumulative[name] += count;
    }
  }
  seen.period_ns = NumberOf(profile, "period");
  seen.duration_ns = NumberOf(profile, "duration_nanos");
  return seen;
}

}  // namespace notifyd::test
