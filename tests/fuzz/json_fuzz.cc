// Any text is JSON or is not, and all readers agree: JsonTree, JsonReader and simdjson's own DOM. What is read is what was written: the canonical
// form of a value reads as the same value, and is its own canonical form; numbers compare alike whichever way round.
#include <simdjson.h>

#include <string>

#include "base/canonical_json.h"
#include "base/check.h"
#include "base/json_number.h"
#include "base/json_reader.h"
#include "base/json_tree.h"

using namespace notifyd;

namespace {

using Value = JsonTree::Value;

struct Shape {
  int levels = 0;
  bool repeats = false;    // a key stands twice in an object
  std::string numbers[2];  // the first two
  bool exact = true;       // no number that a double or 64 bits would not hold, for simdjson refuses some of those
};

void Look(Value value, int level, Shape* shape) {
  if (value.kind() == JsonTree::Kind::kNumber) {
    std::string& place = shape->numbers[shape->numbers[0].empty() ? 0 : 1];
    if (place.empty()) place = value.raw();
    shape->exact = shape->exact && value.raw().size() < 16 && value.raw().find_first_of("eE") == std::string_view::npos;
  }
  if (value.kind() != JsonTree::Kind::kArray && value.kind() != JsonTree::Kind::kObject) return;
  shape->levels = std::max(shape->levels, level);
  std::vector<std::string> keys;
  value.ForEach([&](Value key, Value inside) {
    if (value.kind() == JsonTree::Kind::kObject) {
      for (const std::string& before : keys) shape->repeats = shape->repeats || before == key.text();
      keys.emplace_back(key.text());
    }
    Look(inside, level + 1, shape);
  });
}

void CheckNumbers(const std::string& a, const std::string& b) {
  CHECK(IsJsonNumber(a) && IsJsonNumber(b));
  const auto order = CompareJsonNumbers(a, b), back = CompareJsonNumbers(b, a);
  CHECK((order < 0) == (back > 0) && (order == 0) == (back == 0));
  CHECK((order == 0) == JsonNumbersEqual(a, b));
  CHECK((order == 0) == (ExactNumber(a) == ExactNumber(b)));
  if (IsDivisor(b) && IsMultipleOf(a, b)) CHECK(!IsWholeNumber(b) || IsWholeNumber(a));
}

void CheckTree(const JsonTree& tree) {
  const std::string canonical = CanonicalJson(tree.root());
  Result<JsonTree> again = JsonTree::Parse(canonical);
  CHECK(again.ok());
  CHECK(CanonicalJson(again->root()) == canonical);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const std::string text(reinterpret_cast<const char*>(bytes), size);
  Result<JsonTree> tree = JsonTree::Parse(text);
  Shape shape;
  if (tree.ok()) {
    Look(tree->root(), 1, &shape);
    CheckTree(*tree);
    if (!shape.numbers[1].empty()) CheckNumbers(shape.numbers[0], shape.numbers[1]);
  } else {
    CHECK(tree.status().code() == Code::kMalformed);
  }

  // What is deeper than JsonTree goes is none of simdjson's concern, nor is a mark of the byte order of JsonTree's.
  static simdjson::dom::parser dom(1 << 20);
  if (text.find('\xEF') == std::string::npos) {
    const bool valid = dom.parse(text).error() == simdjson::SUCCESS;
    if (tree.ok() && shape.exact) CHECK(valid);
    if (valid && !tree.ok()) CHECK(std::count(text.begin(), text.end(), '[') + std::count(text.begin(), text.end(), '{') > JsonTree::kMaxDepth);
  }

  static JsonReader reader;
  std::string body = text;
  bool is_array = false;
  size_t items = 0;
  const Status read = reader.Read(body, 0, &is_array, [&](const JsonValue& item) {
    CHECK(reader.PrintOf(item, {}) == reader.PrintOf(item, {}));
    ++items;
    return Status::Ok();
  });
  if (read.ok()) CHECK(items == 1 && !is_array && !shape.repeats && shape.levels <= JsonReader::kMaxLevels);
  if (read.ok() && !text.starts_with('\xEF')) CHECK(tree.ok());
  if (tree.ok() && tree->root().kind() == JsonTree::Kind::kObject && shape.levels <= JsonReader::kMaxLevels) CHECK(read.ok() == !shape.repeats);
  if (!read.ok()) CHECK(items == 0);
  return 0;
}
