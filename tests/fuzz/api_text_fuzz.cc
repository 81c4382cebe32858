// The smaller texts that clients send: merge patches and trace contexts.
// Input: traceparent, tracestate and the target of a patch, a line each; the rest is the patch.
#include "base/check.h"
#include "base/json_tree.h"
#include "net/api/merge_patch.h"
#include "net/api/trace_context.h"

using namespace notifyd;

namespace {

std::string_view TakeLine(std::string_view* text) {
  size_t end = std::min(text->find('\n'), text->size());
  std::string_view line = text->substr(0, end);
  text->remove_prefix(std::min(end + 1, text->size()));
  return line;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  std::string_view parent = TakeLine(&text), state = TakeLine(&text), target = TakeLine(&text), patch = text;

  std::string read = ReadTraceParent(parent);
  CHECK(read.empty() || (read.size() == 55 && read.find_first_not_of("0123456789abcdef-") == std::string::npos));
  CHECK(read.empty() || ReadTraceParent(read) == read);
  std::string list = ReadTraceState(state);
  CHECK(list.size() <= 512 && list.find_first_of("\r\n") == std::string::npos);
  CHECK(list.empty() || ReadTraceState(list) == list);

  Result<std::string> patched = MergePatch(target, patch);
  if (!patched.ok()) {
    CHECK(patched.status().code() == Code::kMalformed);
    return 0;
  }
  // Patched a second time it is the same (RFC 7396).
  Result<std::string> again = MergePatch(*patched, patch);
  Result<JsonTree> once = JsonTree::Parse(*patched);
  CHECK(again.ok() && once.ok());
  Result<JsonTree> twice = JsonTree::Parse(*again);
  CHECK(twice.ok() && JsonEqual(once->root(), twice->root()));
  return 0;
}
