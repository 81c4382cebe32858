#include "net/telemetry/otlp_encoding.h"

#include <charconv>

#include "base/hex.h"
#include "base/json.h"
#include "base/json_tree.h"
#include "base/protobuf_writer.h"

namespace notifyd {
namespace {

constexpr const char* kScope = "notifyd";
constexpr uint64_t kStatusError = 2;

// ---- protobuf

std::string BigEndian(uint64_t id) {
  std::string out;
  for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>(id >> shift & 0xFF));
  return out;
}

std::string BytesOfHex(std::string_view hex) {
  std::string out;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    unsigned byte = 0;
    std::from_chars(hex.data() + i, hex.data() + i + 2, byte, 16);
    out.push_back(static_cast<char>(byte));
  }
  return out;
}

/// KeyValue, each as `field` of what is around it.
void AppendAttributes(uint32_t field, const SpanAttributes& attributes, ProtobufWriter* out) {
  for (const auto& [key, value] : attributes) {
    std::string any, pair;
    if (const auto* text = std::get_if<std::string>(&value)) ProtobufWriter(&any).Bytes(1, *text);
    else ProtobufWriter(&any).Number(3, static_cast<uint64_t>(std::get<int64_t>(value)));
    ProtobufWriter(&pair).Bytes(1, key);
    ProtobufWriter(&pair).Bytes(2, any);
    out->Bytes(field, pair);
  }
}

std::string ProtobufSpan(const Span& span) {
  std::string bytes;
  ProtobufWriter out(&bytes);
  out.Bytes(1, BytesOfHex(span.trace_id));
  out.Bytes(2, BigEndian(span.id));
  if (span.parent_id != 0) out.Bytes(4, BigEndian(span.parent_id));
  out.Bytes(5, span.name);
  out.Number(6, static_cast<uint64_t>(span.kind));
  out.Fixed64(7, static_cast<uint64_t>(span.begin_ns));
  out.Fixed64(8, static_cast<uint64_t>(span.end_ns));
  AppendAttributes(9, span.attributes, &out);
  if (span.failed) {
    std::string status;
    if (!span.message.empty()) ProtobufWriter(&status).Bytes(2, span.message);
    ProtobufWriter(&status).Number(3, kStatusError);
    out.Bytes(15, status);
  }
  return bytes;
}

std::string ProtobufSpans(const SpanAttributes& resource, std::string_view version, const std::vector<std::string>& spans) {
  std::string about, scope, of_scope, of_resource, bytes;
  ProtobufWriter about_writer(&about);
  AppendAttributes(1, resource, &about_writer);
  ProtobufWriter(&scope).Bytes(1, kScope);
  ProtobufWriter(&scope).Bytes(2, version);
  ProtobufWriter(&of_scope).Bytes(1, scope);
  for (const std::string& span : spans) ProtobufWriter(&of_scope).Bytes(2, span);
  ProtobufWriter(&of_resource).Bytes(1, about);
  ProtobufWriter(&of_resource).Bytes(2, of_scope);
  ProtobufWriter(&bytes).Bytes(1, of_resource);
  return bytes;
}

/// Reads fields one by one; a fault ends it.
class ProtobufReader {
 public:
  explicit ProtobufReader(std::string_view bytes) : bytes_(bytes) {}
  /// False at the end. `number`: of a varint; `bytes`: of kBytes.
  bool Next(uint64_t* field, uint64_t* number, std::string_view* bytes) {
    uint64_t tag = 0;
    if (!Varint(&tag)) return false;
    *field = tag >> 3;
    *number = 0;
    *bytes = {};
    switch (tag & 7) {
      case ProtobufWriter::kVarint:
        return Varint(number);
      case ProtobufWriter::kBytes: {
        uint64_t size = 0;
        return Varint(&size) && Take(size, bytes);
      }
      case ProtobufWriter::kFixed64:
        return Take(8, bytes);
      case ProtobufWriter::kFixed32:
        return Take(4, bytes);
    }
    return false;
  }

 private:
  bool Varint(uint64_t* value) {
    *value = 0;
    for (int shift = 0; shift < 64 && !bytes_.empty(); shift += 7) {
      const uint8_t byte = static_cast<uint8_t>(bytes_.front());
      bytes_.remove_prefix(1);
      *value |= uint64_t{byte & 0x7Fu} << shift;
      if (byte < 0x80) return true;
    }
    return false;
  }
  bool Take(uint64_t size, std::string_view* bytes) {
    if (size > bytes_.size()) return false;
    *bytes = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return true;
  }

  std::string_view bytes_;
};

/// The field of a message, the last where it stands several times.
bool FieldOf(std::string_view message, uint64_t wanted, uint64_t* number, std::string_view* bytes) {
  ProtobufReader reader(message);
  bool found = false;
  uint64_t field = 0, value = 0;
  for (std::string_view text; reader.Next(&field, &value, &text);) {
    if (field != wanted) continue;
    found = true;
    *number = value;
    *bytes = text;
  }
  return found;
}

// ---- JSON (OTLP: ids are hex, numbers of 64 bits are strings, enums numbers)

void WriteAttributes(const SpanAttributes& attributes, JsonWriter* json) {
  json->BeginArray();
  for (const auto& [key, value] : attributes) {
    json->BeginObject();
    json->Key("key");
    json->String(key);
    json->Key("value");
    json->BeginObject();
    const auto* text = std::get_if<std::string>(&value);
    json->Key(text ? "stringValue" : "intValue");
    json->String(text ? *text : std::to_string(std::get<int64_t>(value)));
    json->EndObject();
    json->EndObject();
  }
  json->EndArray();
}

std::string JsonSpan(const Span& span) {
  std::string out;
  JsonWriter json(&out);
  const auto text = [&json](std::string_view key, std::string_view value) {
    json.Key(key);
    json.String(value);
  };
  json.BeginObject();
  text("traceId", span.trace_id);
  text("spanId", HexOf(span.id));
  if (span.parent_id != 0) text("parentSpanId", HexOf(span.parent_id));
  text("name", span.name);
  json.Key("kind");
  json.Uint(static_cast<uint64_t>(span.kind));
  text("startTimeUnixNano", std::to_string(span.begin_ns));
  text("endTimeUnixNano", std::to_string(span.end_ns));
  json.Key("attributes");
  WriteAttributes(span.attributes, &json);
  if (span.failed) {
    json.Key("status");
    json.BeginObject();
    if (!span.message.empty()) text("message", span.message);
    json.Key("code");
    json.Uint(kStatusError);
    json.EndObject();
  }
  json.EndObject();
  return out;
}

std::string JsonSpans(const SpanAttributes& resource, std::string_view version, const std::vector<std::string>& spans) {
  std::string out;
  JsonWriter json(&out);
  json.BeginObject();
  json.Key("resourceSpans");
  json.BeginArray();
  json.BeginObject();
  json.Key("resource");
  json.BeginObject();
  json.Key("attributes");
  WriteAttributes(resource, &json);
  json.EndObject();
  json.Key("scopeSpans");
  json.BeginArray();
  json.BeginObject();
  json.Key("scope");
  json.BeginObject();
  json.Key("name");
  json.String(kScope);
  json.Key("version");
  json.String(version);
  json.EndObject();
  json.Key("spans");
  json.BeginArray();
  for (const std::string& span : spans) json.Raw(span);
  json.EndArray();
  json.EndObject();
  json.EndArray();
  json.EndObject();
  json.EndArray();
  json.EndObject();
  return out;
}

}  // namespace

const char* ContentTypeOf(OtlpEncoding encoding) {
  return encoding == OtlpEncoding::kJson ? "application/json" : "application/x-protobuf";
}

std::string EncodeSpan(OtlpEncoding encoding, const Span& span) {
  return encoding == OtlpEncoding::kJson ? JsonSpan(span) : ProtobufSpan(span);
}

std::string EncodeSpans(OtlpEncoding encoding, const SpanAttributes& resource, std::string_view version, const std::vector<std::string>& spans) {
  return encoding == OtlpEncoding::kJson ? JsonSpans(resource, version, spans) : ProtobufSpans(resource, version, spans);
}

uint64_t RejectedSpans(OtlpEncoding encoding, std::string_view answer) {
  if (encoding == OtlpEncoding::kProtobuf) {
    uint64_t number = 0;
    std::string_view partial, none;
    return FieldOf(answer, 1, &number, &partial) && FieldOf(partial, 1, &number, &none) ? number : 0;
  }
  Result<JsonTree> tree = JsonTree::Parse(answer);
  if (!tree.ok()) return 0;
  const auto count = tree->root().At("/partialSuccess/rejectedSpans");
  if (!count) return 0;
  const std::string_view digits = count->kind() == JsonTree::Kind::kString ? count->text() : count->raw();
  uint64_t number = 0;
  return std::from_chars(digits.data(), digits.data() + digits.size(), number).ec == std::errc() ? number : 0;
}

}  // namespace notifyd
