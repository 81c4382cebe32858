#include "net/api/trace_context.h"

#include <algorithm>

#include "base/ascii.h"
#include "broker/via.h"
#include "net/api/url.h"

namespace notifyd {
namespace {

constexpr size_t kParentBytes = 55;
constexpr size_t kMaxStateBytes = 512;
constexpr size_t kMaxStateMembers = 32;
constexpr size_t kMaxTraceKeyBytes = 256;
constexpr size_t kMaxTenantBytes = 241;
constexpr size_t kMaxSystemBytes = 14;
constexpr size_t kMaxValueBytes = 256;

bool IsLower(char c) {
  return c >= 'a' && c <= 'z';
}
bool IsLowerHex(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return IsDigit(c) || (c >= 'a' && c <= 'f'); });
}
bool IsZero(std::string_view text) {
  return text.find_first_not_of('0') == std::string_view::npos;
}

/// One side of a key: `most` bytes of the characters that keys are made of.
bool IsKeyPart(std::string_view text, bool may_begin_with_digit, size_t most) {
  if (text.empty() || text.size() > most || !(IsLower(text[0]) || (may_begin_with_digit && IsDigit(text[0])))) return false;
  return std::all_of(text.begin(), text.end(), [](char c) { return IsLower(c) || IsDigit(c) || c == '_' || c == '-' || c == '*' || c == '/'; });
}

bool IsKey(std::string_view key) {
  size_t at = key.find('@');
  if (at == std::string_view::npos) return IsKeyPart(key, false, kMaxTraceKeyBytes);
  return IsKeyPart(key.substr(0, at), true, kMaxTenantBytes) && IsKeyPart(key.substr(at + 1), false, kMaxSystemBytes);
}

/// The blanks at its end are trimmed already.
bool IsValue(std::string_view value) {
  if (value.empty() || value.size() > kMaxValueBytes) return false;
  return std::all_of(value.begin(), value.end(), [](char c) { return c >= ' ' && c <= '~' && c != ',' && c != '='; });
}

}  // namespace

std::string ReadTraceParent(std::string_view value) {
  value = TrimBlanks(value);
  if (value.size() < kParentBytes) return {};
  std::string_view version = value.substr(0, 2), trace_id = value.substr(3, 32), parent_id = value.substr(36, 16), flags = value.substr(53, 2);
  if (value[2] != '-' || value[35] != '-' || value[52] != '-') return {};
  if (!IsLowerHex(version) || !IsLowerHex(trace_id) || !IsLowerHex(parent_id) || !IsLowerHex(flags)) return {};
  if (version == "ff" || IsZero(trace_id) || IsZero(parent_id)) return {};
  if (version == "00") return value.size() == kParentBytes ? std::string(value) : std::string();
  if (value.size() > kParentBytes && value[kParentBytes] != '-') return {};
  // What the other flags of a later version mean is not known, so they are not passed on as if they were of this one.
  bool sampled = (IsDigit(flags[1]) ? flags[1] - '0' : flags[1] - 'a' + 10) & 1;
  std::string parent = "00-";
  parent.append(value.substr(3, 50)).append(sampled ? "01" : "00");
  return parent;
}

std::string ReadTraceState(std::string_view value) {
  value = TrimBlanks(value);
  if (value.size() > kMaxStateBytes) return {};
  std::vector<std::string_view> keys;
  std::string_view rest = value;
  while (!rest.empty()) {
    size_t end = std::min(rest.find(','), rest.size());
    std::string_view member = TrimBlanks(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (member.empty()) continue;  // allowed
    size_t equals = member.find('=');
    if (equals == std::string_view::npos || !IsKey(member.substr(0, equals)) || !IsValue(member.substr(equals + 1))) return {};
    if (keys.size() >= kMaxStateMembers || std::find(keys.begin(), keys.end(), member.substr(0, equals)) != keys.end()) return {};
    keys.push_back(member.substr(0, equals));
  }
  return keys.empty() ? std::string() : std::string(value);
}

TraceContext TraceOf(const HeaderList& headers) {
  TraceContext trace;
  std::string state;
  size_t parents = 0;
  for (const auto& [name, value] : headers) {
    if (EqualsIgnoringCase(name, "traceparent")) {
      trace.parent = ReadTraceParent(value);
      ++parents;
    } else if (EqualsIgnoringCase(name, "tracestate")) {
      if (!state.empty()) state.push_back(',');
      state.append(value);
    }
  }
  if (parents != 1 || trace.parent.empty()) return {};
  trace.state = ReadTraceState(state);
  return trace;
}

void BeginTrace(std::string parent, HeaderList* headers) {
  std::erase_if(*headers, [](const auto& header) { return EqualsIgnoringCase(header.first, "traceparent") || EqualsIgnoringCase(header.first, "tracestate"); });
  headers->emplace_back("traceparent", std::move(parent));
}

std::string ViaOf(const HeaderList& headers) {
  std::string via;
  for (const auto& [name, value] : headers) {
    if (EqualsIgnoringCase(name, kViaHeader)) via.append(via.empty() ? "" : ", ").append(value);
  }
  return via;
}

TraceContext ContextOf(const HeaderList& headers) {
  TraceContext context = TraceOf(headers);
  context.via = MergeVia({}, ViaOf(headers));
  return context;
}

TraceContext TakeTrace(const TraceContext& request, HeaderList* headers) {
  auto find = [&](std::string_view wanted) {
    return std::find_if(headers->begin(), headers->end(), [&](const auto& header) { return EqualsIgnoringCase(header.first, wanted); });
  };
  auto parent = find("traceparent"), state = find("tracestate");
  if (parent == headers->end()) {
    // Two tracestates would be read as one list of them both.
    return state == headers->end() ? request : TraceContext{request.parent, {}, {}};
  }
  TraceContext own = TraceOf(*headers);
  if (own.parent.empty()) {
    if (request.parent.empty()) return {};
    // An attempt has one traceparent, the request's; a tracestate means nothing beside another one than its own.
    headers->erase(parent);
    if (state = find("tracestate"); state != headers->end()) headers->erase(state);
    return request;
  }
  headers->erase(parent);
  // One that is not valid is a header like any other: it is sent as it is.
  if (!own.state.empty()) headers->erase(find("tracestate"));
  return own;
}

}  // namespace notifyd
