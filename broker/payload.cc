// Encoding of data and merge of trigger data. Pure, any thread. JSON texts keep their spelling throughout: numbers are never read as numbers.
#include "broker/payload.h"

#include <algorithm>
#include <unordered_map>
#include <vector>

#include "base/ascii.h"
#include "base/json_tree.h"
#include "base/media_type.h"
#include "base/percent_encoding.h"

namespace notifyd {
namespace {

using Kind = JsonTree::Kind;

constexpr std::string_view kJsonType = "application/json";
constexpr std::string_view kFormType = "application/x-www-form-urlencoded";

bool HasContentTypeHeader(const NotifySpec& spec) {
  return std::any_of(spec.headers.begin(), spec.headers.end(), [](const auto& header) { return EqualsIgnoringCase(header.first, "content-type"); });
}

/// These carry data in the query string, and a body only where one was given raw.
bool PutsDataInQuery(Method method) {
  return method == Method::kGet || method == Method::kHead || method == Method::kDelete;
}

/// PHP's urlencode, which encodes "~", too.
void AppendUrlEncoded(std::string_view text, std::string* out) {
  for (char c : text)
    if (c == ' ') out->push_back('+');
    else if (IsUnreserved(c) && c != '~') out->push_back(c);
    else AppendPercentEncoded(c, out);
}

/// Writes the fields of an object or array. A deep or long name is repeated in each field below it, so a short text can make a form of any
/// size: writing stops at the limit, and the cost of what is left out does not depend on the length of the names around it.
class FormWriter {
 public:
  FormWriter(size_t max_bytes, std::string* out) : max_bytes_(max_bytes), out_(out) {}

  /// Its members, under the name so far. False: over the limit.
  bool Write(JsonTree::Value container) {
    size_t outer = name_.size();
    size_t index = 0;
    bool fits = true;
    container.ForEach([&](JsonTree::Value key, JsonTree::Value value) {
      if (!fits) return;
      if (depth_ > 0) name_ += "%5B";
      if (container.kind() == Kind::kArray) name_ += std::to_string(index++);
      else AppendUrlEncoded(key.text(), &name_);
      if (depth_ > 0) name_ += "%5D";
      fits = WriteField(value);
      name_.resize(outer);
    });
    return fits;
  }

 private:
  bool WriteField(JsonTree::Value value) {
    if (value.kind() == Kind::kNull) return true;
    if (value.kind() == Kind::kArray || value.kind() == Kind::kObject) {
      ++depth_;
      bool fits = Write(value);
      --depth_;
      return fits;
    }
    if (!out_->empty()) out_->push_back('&');
    out_->append(name_).push_back('=');
    switch (value.kind()) {
      case Kind::kTrue:
        out_->push_back('1');
        break;
      case Kind::kFalse:
        out_->push_back('0');
        break;
      case Kind::kNumber:
        AppendUrlEncoded(value.raw(), out_);
        break;
      default:
        AppendUrlEncoded(value.text(), out_);
    }
    return out_->size() <= max_bytes_;
  }

  size_t max_bytes_;
  std::string* out_;
  std::string name_;
  size_t depth_ = 0;
};

Status DataError(std::string detail) {
  return Status(Code::kUnacceptable, std::move(detail), "/data");
}

Status TooLarge(size_t max_bytes, std::string field) {
  return Status(Code::kTooLarge, "the body would have more than " + std::to_string(max_bytes) + " bytes as sent", std::move(field));
}

Result<std::string> EncodeFields(std::string_view json, bool object_only, const char* refusal, size_t max_bytes) {
  Result<JsonTree> tree = JsonTree::Parse(json);
  if (!tree.ok()) return DataError("data is not JSON");
  Kind kind = tree->root().kind();
  if (kind != Kind::kObject && (object_only || kind != Kind::kArray)) return DataError(refusal);
  std::string fields;
  if (!FormWriter(max_bytes, &fields).Write(tree->root())) return TooLarge(max_bytes, "/data");
  return fields;
}

struct Member {
  std::string_view raw_key, value;
};

/// The held text where `data` adds nothing to it.
std::string MergeObjects(std::string_view held_text, JsonTree::Value held, JsonTree::Value data) {
  if (data.size() == 0) return std::string(held_text);
  std::vector<Member> members;
  std::unordered_map<std::string_view, size_t> places;
  auto add = [&](JsonTree::Value key, JsonTree::Value value) {
    auto [place, fresh] = places.try_emplace(key.text(), members.size());
    if (fresh) members.push_back({key.raw(), value.raw()});
    else members[place->second].value = value.raw();
  };
  held.ForEach(add);
  data.ForEach(add);
  std::string merged;
  for (const Member& member : members) {
    merged.push_back(merged.empty() ? '{' : ',');
    merged.append(member.raw_key).push_back(':');
    merged.append(member.value);
  }
  merged.push_back('}');
  return merged;
}

}  // namespace

Result<std::string> EncodeForm(std::string_view json, size_t max_bytes) {
  return EncodeFields(json, false, "a form needs an object or an array", max_bytes);
}

std::string_view WireParts::joint() const {
  if (!in_query || encoded.empty()) return {};
  if (url.find('?') == url.npos) return "?";
  return url.back() == '?' || url.back() == '&' ? "" : "&";
}

bool EncodesPayload(const NotifySpec& spec) {
  return spec.payload_kind == PayloadKind::kData && (PutsDataInQuery(spec.method) || IsMediaType(spec.content_type, kFormType));
}

Result<WireParts> SplitWireRequest(const NotifySpec& spec, size_t max_body_bytes) {
  return SplitWireRequest(spec, spec.payload, max_body_bytes);
}

Result<WireParts> SplitWireRequest(const NotifySpec& spec, std::string_view payload, size_t max_body_bytes) {
  WireParts parts;
  parts.url = std::string_view(spec.url).substr(0, spec.url.find('#'));
  const bool queries = PutsDataInQuery(spec.method);
  const char* field = spec.payload_kind == PayloadKind::kBody ? "/body" : spec.payload_kind == PayloadKind::kBodyBase64 ? "/body_base64" : "/data";
  if (EncodesPayload(spec)) {
    Result<std::string> encoded =
        queries ? EncodeFields(payload, true, "with GET, HEAD and DELETE data must be an object: it goes into the query string", max_body_bytes)
                : EncodeForm(payload, max_body_bytes);
    if (!encoded.ok()) return std::move(encoded).status();
    parts.encoded = *std::move(encoded);
    parts.in_query = queries;
    parts.has_body = !queries;
  } else if (spec.payload_kind != PayloadKind::kNone) {
    if (spec.payload_kind == PayloadKind::kData && !IsMediaType(spec.content_type, kJsonType))
      return DataError("data is encoded as application/json or application/x-www-form-urlencoded only");
    if (payload.size() > max_body_bytes) return TooLarge(max_body_bytes, field);
    parts.has_body = parts.body_is_payload = true;
  }
  // A Content-Type among the headers takes the place of the default one; one that has no body has no type either.
  const bool own_header = !spec.content_type_given && HasContentTypeHeader(spec);
  if (!own_header && parts.has_body) parts.content_type = spec.content_type;
  return parts;
}

Result<WireRequest> BuildWireRequest(const NotifySpec& spec, size_t max_body_bytes) {
  Result<WireParts> parts = SplitWireRequest(spec, max_body_bytes);
  if (!parts.ok()) return std::move(parts).status();
  WireRequest request;
  request.target_url.append(parts->url).append(parts->joint());
  if (parts->in_query) request.target_url += parts->encoded;
  request.has_body = parts->has_body;
  if (parts->body_is_payload) request.body = spec.payload;
  else if (parts->has_body) request.body = std::move(parts->encoded);
  request.content_type = parts->content_type;
  return request;
}

Result<NotifySpec> MergeTriggerData(NotifySpec spec, std::string_view data, size_t max_body_bytes) {
  Result<JsonTree> added = JsonTree::Parse(data);
  if (!added.ok()) return DataError("data is not JSON");
  if (added->root().kind() != Kind::kObject) return DataError("the data of a trigger must be an object");
  switch (spec.payload_kind) {
    case PayloadKind::kBody:
    case PayloadKind::kBodyBase64:
      return DataError("the notify has a raw body, which nothing can be merged into");
    case PayloadKind::kNone:
      spec.payload_kind = PayloadKind::kData;
      spec.payload = data;
      break;
    case PayloadKind::kData: {
      Result<JsonTree> held = JsonTree::Parse(spec.payload);
      if (!held.ok() || held->root().kind() != Kind::kObject)
        return DataError("the notify has data that is no object, which nothing can be merged into");
      spec.payload = MergeObjects(spec.payload, held->root(), added->root());
    }
  }
  Result<WireRequest> request = BuildWireRequest(spec, max_body_bytes);
  if (!request.ok()) return std::move(request).status();
  return spec;
}

}  // namespace notifyd
