#include "broker/transform.h"

#include <optional>
#include <utility>

#include "base/json_reader.h"

namespace notifyd {

Result<Transform> Transform::Compile(std::string_view json_text) {
  Result<JsonTree> tree = JsonTree::Parse(json_text);
  if (!tree.ok()) return Status(Code::kUnacceptable, tree.status().detail());
  const JsonTree::Value root = tree->root();
  if (root.kind() != JsonTree::Kind::kObject || root.size() == 0)
    return Status(Code::kUnacceptable, "a transform must be an object of names and JSON Pointers");
  Transform transform;
  Status status;
  root.ForEach([&](JsonTree::Value key, JsonTree::Value pointer) {
    if (!status.ok()) return;
    std::string at;
    AppendPointer(key.text(), &at);
    if (transform.picks_.size() == kMaxPicks)
      status = Status(Code::kUnacceptable, "a transform must not have more than " + std::to_string(kMaxPicks) + " members", at);
    else if (pointer.kind() != JsonTree::Kind::kString || !IsJsonPointer(pointer.text()))
      status = Status(Code::kUnacceptable, R"(must be a JSON Pointer (RFC 6901) into the event's data, as "/order/id")", at);
    else transform.picks_.push_back({std::string(key.raw()), std::string(pointer.text())});
  });
  NOTIFYD_TRY(status);
  return transform;
}

Result<std::string> Transform::Apply(JsonTree::Value data, size_t max_bytes) const {
  std::vector<std::string_view> pointers;
  for (const Pick& pick : picks_) pointers.push_back(pick.pointer);
  const std::vector<std::optional<JsonTree::Value>> found = data.AtAll(pointers);
  size_t bytes = 2;
  for (size_t i = 0; i < picks_.size(); ++i)
    if (found[i]) bytes += picks_[i].key.size() + 1 + found[i]->raw().size() + (bytes > 2 ? 1 : 0);
  if (bytes > max_bytes) return Status(Code::kTooLarge, "what the transform makes is longer than " + std::to_string(max_bytes) + " bytes");
  std::string text;
  text.reserve(bytes);
  text.push_back('{');
  for (size_t i = 0; i < picks_.size(); ++i) {
    if (!found[i]) continue;
    if (text.size() > 1) text.push_back(',');
    text.append(picks_[i].key).append(":").append(found[i]->raw());
  }
  text.push_back('}');
  return text;
}

}  // namespace notifyd
