#include "support/seen_spans.h"

#include <algorithm>
#include <stdexcept>

#include "base/json_tree.h"
#include "support/process.h"
#include "support/protobuf_text.h"

namespace notifyd::test {
namespace {

using Texts = std::map<std::string, std::string>;

// ---- protobuf

std::string HexOf(const std::string& bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (unsigned char c : bytes) (out += kDigits[c >> 4]) += kDigits[c & 15];
  return out;
}

int64_t NumberOf(const std::string& text) {
  return text.empty() ? 0 : std::stoll(text);
}

Texts AttributesOf(const ProtoNode& node) {
  Texts texts;
  for (const ProtoNode* pair : node.All("attributes")) texts[pair->Text("key")] = pair->All("value").at(0)->fields.at(0).second.text;
  return texts;
}

int64_t KindOf(const std::string& word) {
  return word == "SPAN_KIND_INTERNAL" ? 1 : word == "SPAN_KIND_SERVER" ? 2 : word == "SPAN_KIND_CLIENT" ? 3 : 0;
}

std::vector<SeenSpan> OfProtobuf(const std::string& body) {
  const ProtoNode request = DecodeProtobuf(NOTIFYD_TEST_DATA_DIR "/otlp_trace.proto", "ExportTraceServiceRequest", body);
  std::vector<SeenSpan> spans;
  for (const ProtoNode* of_resource : request.All("resource_spans"))
    for (const ProtoNode* of_scope : of_resource->All("scope_spans"))
      for (const ProtoNode* node : of_scope->All("spans")) {
        SeenSpan span;
        span.trace_id = HexOf(node->Text("trace_id"));
        span.id = HexOf(node->Text("span_id"));
        span.parent_id = HexOf(node->Text("parent_span_id"));
        span.name = node->Text("name");
        span.kind = KindOf(node->Text("kind"));
        span.begin_ns = NumberOf(node->Text("start_time_unix_nano"));
        span.end_ns = NumberOf(node->Text("end_time_unix_nano"));
        span.attributes = AttributesOf(*node);
        span.resource = AttributesOf(*of_resource->All("resource").at(0));
        span.scope_version = of_scope->All("scope").at(0)->Text("version");
        for (const ProtoNode* status : node->All("status")) {
          span.status = status->Text("code") == "STATUS_CODE_ERROR" ? 2 : 0;
          span.message = status->Text("message");
        }
        spans.push_back(std::move(span));
      }
  return spans;
}

// ---- JSON

using Value = JsonTree::Value;

std::string TextAt(const Value& value, const std::string& pointer) {
  auto at = value.At(pointer);
  return !at ? "" : at->kind() == JsonTree::Kind::kString ? std::string(at->text()) : std::string(at->raw());
}

Texts AttributesOf(const Value& value, const std::string& pointer) {
  Texts texts;
  value.At(pointer).value().ForEach([&](Value, Value pair) {
    const std::string text = TextAt(pair, "/value/stringValue");
    texts[TextAt(pair, "/key")] = text.empty() ? TextAt(pair, "/value/intValue") : text;
  });
  return texts;
}

std::vector<SeenSpan> OfJson(const std::string& body) {
  Result<JsonTree> tree = JsonTree::Parse(body);
  if (!tree.ok()) throw std::runtime_error("no JSON: " + body);
  std::vector<SeenSpan> spans;
  tree->root().At("/resourceSpans").value().ForEach([&](Value, Value of_resource) {
    of_resource.At("/scopeSpans").value().ForEach([&](Value, Value of_scope) {
      of_scope.At("/spans").value().ForEach([&](Value, Value node) {
        SeenSpan span;
        span.trace_id = TextAt(node, "/traceId");
        span.id = TextAt(node, "/spanId");
        span.parent_id = TextAt(node, "/parentSpanId");
        span.name = TextAt(node, "/name");
        span.kind = NumberOf(TextAt(node, "/kind"));
        span.begin_ns = NumberOf(TextAt(node, "/startTimeUnixNano"));
        span.end_ns = NumberOf(TextAt(node, "/endTimeUnixNano"));
        span.attributes = AttributesOf(node, "/attributes");
        span.resource = AttributesOf(of_resource, "/resource/attributes");
        span.scope_version = TextAt(of_scope, "/scope/version");
        span.status = NumberOf(TextAt(node, "/status/code"));
        span.message = TextAt(node, "/status/message");
        spans.push_back(std::move(span));
      });
    });
  });
  return spans;
}

}  // namespace

std::vector<SeenSpan> SpansOf(const SeenRequest& request) {
  const std::string type = request.Header("Content-Type");
  if (type == "application/json") return OfJson(request.body);
  if (type == "application/x-protobuf") return OfProtobuf(request.body);
  throw std::runtime_error("Content-Type: " + type);
}

Collector::Collector() : server_([](const SeenRequest&) { return ScriptedAnswer{200, "", "application/x-protobuf"}; }) {}

std::vector<SeenSpan> Collector::spans() const {
  std::vector<SeenSpan> all;
  for (const SeenRequest& request : server_.seen())
    for (SeenSpan& span : SpansOf(request)) all.push_back(std::move(span));
  return all;
}

std::vector<SeenSpan> Collector::Until(const std::function<bool(const SeenSpan&)>& last) {
  for (size_t count = 1;; ++count) {
    const size_t came = server_.WaitFor(count).size();
    std::vector<SeenSpan> all = spans();
    if (came < count || std::any_of(all.begin(), all.end(), last)) return all;
  }
}

}  // namespace notifyd::test
