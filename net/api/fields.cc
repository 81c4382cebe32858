#include "net/api/fields.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "base/ascii.h"
#include "base/header_names.h"
#include "base/json_tree.h"
#include "base/utf8.h"
#include "net/api/url.h"

namespace notifyd {
namespace {

using Kind = JsonValue::Kind;

constexpr size_t kMaxHeaders = 100;
constexpr size_t kMaxHeaderBytes = 16 << 10;
constexpr size_t kMaxPatternEntries = 100;
constexpr size_t kMaxPatternTextBytes = 4096;
constexpr size_t kMaxPatternValueBytes = 16 << 10;
constexpr size_t kMaxScheduleEntries = 100;
constexpr double kMaxFactor = 1000;
constexpr size_t kMaxLabels = 16, kMaxLabelKeyBytes = 64, kMaxLabelBytes = 256;

/// The field's name for people: the pointer without its first slash.
std::string Name(std::string_view pointer) {
  return std::string(pointer.substr(pointer.empty() ? 0 : 1));
}

std::string Written(double number) {
  char text[32];
  return std::string(text, std::to_chars(text, text + sizeof(text), number, std::chars_format::fixed).ptr);
}

/// RFC 9110 section 5.5; bytes from 0x80 up are UTF-8 here.
bool IsFieldContent(std::string_view text) {
  for (char c : text)
    if ((static_cast<unsigned char>(c) < ' ' && c != '\t') || c == 0x7f) return false;
  return true;
}

/// "200" as a number, or "2xx": out is 100-599 or 1-5.
Status ReadStatusEntry(const JsonValue& value, const std::string& pointer, uint16_t* out) {
  constexpr const char* kExpected = "a status is a number from 100 to 599 or a class such as \"2xx\"";
  if (value.kind == Kind::kString) {
    std::string_view text = value.text;
    if (text.size() != 3 || text[0] < '1' || text[0] > '5' || text.substr(1) != "xx") return Bad(pointer, kExpected);
    *out = static_cast<uint16_t>(text[0] - '0');
    return Status::Ok();
  }
  int64_t number = 0;
  if (!ReadInt(value, pointer, 100, 599, &number).ok()) return Bad(pointer, kExpected);
  *out = static_cast<uint16_t>(number);
  return Status::Ok();
}

Status ReadStatuses(const JsonValue& value, const std::string& pointer, std::vector<uint16_t>* out) {
  if (value.kind != Kind::kArray || value.begin().at == value.end().at) return Bad(pointer, "status must be a list with at least one entry");
  out->clear();
  for (const JsonValue& entry : value) {
    std::string entry_pointer = pointer + "/" + std::to_string(out->size());
    if (out->size() >= kMaxPatternEntries) return Bad(pointer, "status has more than 100 entries");
    out->push_back(0);
    NOTIFYD_TRY(ReadStatusEntry(entry, entry_pointer, &out->back()));
  }
  return Status::Ok();
}

Status ReadPatternJson(const JsonValue& value, const std::string& pointer, AnswerPattern* out) {
  if (value.kind != Kind::kObject) return Bad(pointer, "json must be an object: JSON Pointer to the value that must be there");
  for (const JsonValue& member : value) {
    std::string member_pointer = pointer;
    AppendPointer(member.key, &member_pointer);
    if (!IsJsonPointer(member.key)) {
      bool slash = member.key.empty() || member.key.starts_with('/');
      const char* why = slash ? ": behind a ~ stands 0, for a ~, or 1, for a slash" : ": one is empty or begins with a slash";
      return Bad(member_pointer, Quoted(member.key) + " is not a JSON Pointer" + why);
    }
    if (member.key.size() > kMaxPatternTextBytes) return Bad(member_pointer, "the JSON Pointer is too long");
    if (member.raw.size() > kMaxPatternValueBytes) return Bad(member_pointer, "the expected value is longer than 16 KiB");
    if (out->json.size() >= kMaxPatternEntries) return Bad(pointer, "json has more than 100 members");
    out->json.emplace_back(member.key, member.raw);
  }
  return Status::Ok();
}

/// One that matches every answer says nothing.
Status ReadRetryPattern(const JsonValue& value, const std::string& pointer, std::optional<AnswerPattern>* out) {
  NOTIFYD_TRY(ReadPattern(value, pointer, &out->emplace()));
  if (**out == AnswerPattern()) return Bad(pointer, "the pattern must say what it matches: status, contains or json");
  return Status::Ok();
}

}  // namespace

Status Bad(std::string_view pointer, std::string detail) {
  return Status(Code::kUnacceptable, std::move(detail), std::string(pointer));
}

Status UnknownField(std::string_view parent, std::string_view key) {
  std::string pointer(parent);
  AppendPointer(key, &pointer);
  return Status(Code::kUnacceptable, "unknown field " + Quoted(key), std::move(pointer));
}

std::optional<NotifyId> ReadId(std::string_view text) {
  constexpr size_t kMostDigits = 19;
  if (text.empty() || text.size() > kMostDigits || text[0] == '0' || !std::all_of(text.begin(), text.end(), IsDigit)) return NotifyId::Parse(text);
  NotifyId id;
  // 19 digits stay below 2^64.
  for (const char c : text) id.value = id.value * 10 + static_cast<uint64_t>(c - '0');
  return id.number() <= kMostNumber ? std::optional(id) : std::nullopt;
}

std::optional<int64_t> ParseInteger(std::string_view number, bool* beyond) {
  if (beyond) *beyond = false;
  bool negative = number.starts_with('-');
  if (negative) number.remove_prefix(1);
  auto take_digits = [&] {
    size_t end = std::min(number.find_first_not_of("0123456789"), number.size());
    std::string_view digits = number.substr(0, end);
    number.remove_prefix(end);
    return digits;
  };
  std::string digits(take_digits());
  if (digits.empty()) return std::nullopt;
  int64_t scale = 0;  // the value is digits times ten to this
  if (number.starts_with('.')) {
    number.remove_prefix(1);
    std::string_view fraction = take_digits();
    if (fraction.empty()) return std::nullopt;
    digits += fraction;
    scale = -static_cast<int64_t>(fraction.size());
  }
  if (number.starts_with('e') || number.starts_with('E')) {
    number.remove_prefix(1);
    bool minus = number.starts_with('-');
    if (minus || number.starts_with('+')) number.remove_prefix(1);
    std::string_view exponent = take_digits();
    if (exponent.empty()) return std::nullopt;
    int64_t by = 0;
    constexpr int64_t kMost = 1'000'000'000;  // more digits than any text has
    for (char c : exponent) by = std::min(kMost, by * 10 + (c - '0'));
    scale += minus ? -by : by;
  }
  if (!number.empty()) return std::nullopt;
  size_t last = digits.find_last_not_of('0');
  if (last == std::string::npos) return 0;
  scale += static_cast<int64_t>(digits.size() - last - 1);
  digits.resize(last + 1);
  if (scale < 0) return std::nullopt;
  size_t first = digits.find_first_not_of('0');
  constexpr int64_t kDigits = 19;
  uint64_t magnitude = 0;
  uint64_t limit = static_cast<uint64_t>(std::numeric_limits<int64_t>::max()) + negative;
  bool fits = static_cast<int64_t>(digits.size() - first) + scale <= kDigits;
  if (fits) {
    for (char c : digits) magnitude = magnitude * 10 + static_cast<uint64_t>(c - '0');
    for (; scale > 0; --scale) magnitude *= 10;
  }
  if (!fits || magnitude > limit) {
    if (beyond) *beyond = true;
    else return std::nullopt;
    magnitude = limit;
  }
  return static_cast<int64_t>(negative ? ~magnitude + 1 : magnitude);
}

Status ReadInt(const JsonValue& value, std::string_view pointer, int64_t least, int64_t most, int64_t* out) {
  if (value.kind == Kind::kNumber) {
    std::optional<int64_t> number = ParseInteger(value.text);
    if (number && *number >= least && *number <= most) {
      *out = *number;
      return Status::Ok();
    }
  }
  return Bad(pointer, Name(pointer) + " must be an integer from " + std::to_string(least) + " to " + std::to_string(most));
}

Status ReadDouble(const JsonValue& value, std::string_view pointer, double least, double most, double* out) {
  double number = 0;
  if (value.kind == Kind::kNumber) {
    auto [end, error] = std::from_chars(value.text.data(), value.text.data() + value.text.size(), number);
    if (error == std::errc() && end == value.text.data() + value.text.size() && number >= least && number <= most) {
      *out = number;
      return Status::Ok();
    }
  }
  return Bad(pointer, Name(pointer) + " must be a number from " + Written(least) + " to " + Written(most));
}

Status ReadText(const JsonValue& value, std::string_view pointer, size_t least, size_t most, std::string* out) {
  if (value.kind != Kind::kString) return Bad(pointer, Name(pointer) + " must be a string");
  if (value.text.size() < least || value.text.size() > most)
    return Bad(pointer, Name(pointer) + " must have " + std::to_string(least) + " to " + std::to_string(most) + " bytes");
  if (value.text.find('\0') != std::string_view::npos) return Bad(pointer, Name(pointer) + " must not hold NUL");
  out->assign(value.text);
  return Status::Ok();
}

Status ReadLabels(const JsonValue& value, const std::string& pointer, std::shared_ptr<const Labels>* out) {
  if (value.kind != Kind::kObject) return Bad(pointer, Name(pointer) + " must be an object of strings");
  Labels labels;
  for (const JsonValue& label : value) {
    std::string place = pointer;
    AppendPointer(label.key, &place);
    if (label.key.empty() || label.key.size() > kMaxLabelKeyBytes || label.key.find_first_of(std::string_view(":\0", 2)) != std::string_view::npos)
      return Bad(place, "a label's key must have 1 to " + std::to_string(kMaxLabelKeyBytes) + " bytes, without \":\" and NUL");
    NOTIFYD_TRY(ReadText(label, place, 0, kMaxLabelBytes, &labels.emplace_back(std::string(label.key), std::string()).second));
  }
  if (labels.size() > kMaxLabels) return Bad(pointer, "there may be at most " + std::to_string(kMaxLabels) + " labels");
  std::sort(labels.begin(), labels.end());
  *out = labels.empty() ? nullptr : std::make_shared<const Labels>(std::move(labels));
  return Status::Ok();
}

Status ReadLabelFilter(std::string_view text, const std::string& pointer, Labels* out) {
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0 || colon > kMaxLabelKeyBytes || text.size() - colon - 1 > kMaxLabelBytes || !IsValidUtf8(text))
    return Bad(pointer, "label must be key:value, as notifies have it");
  if (out->size() == kMaxLabels) return Bad(pointer, "there may be at most " + std::to_string(kMaxLabels) + " labels");
  out->emplace_back(text.substr(0, colon), text.substr(colon + 1));
  return Status::Ok();
}

Status ReadTimeText(std::string_view text, std::string_view pointer, WallTime* out) {
  Result<WallTime> time = ParseRfc3339(text);
  if (!time.ok()) return Bad(pointer, Name(pointer) + ": " + time.status().detail());
  *out = *time;
  return Status::Ok();
}

Status ReadTime(const JsonValue& value, std::string_view pointer, const char* too_far, WallTime* out) {
  constexpr int64_t kMost = 253'402'300'799'999;  // the end of the year 9999: what answers can show
  if (value.kind == Kind::kString) return ReadTimeText(value.text, pointer, out);
  bool beyond = false;
  std::optional<int64_t> ms;
  if (value.kind == Kind::kNumber) ms = ParseInteger(value.text, &beyond);
  if (!ms) return Bad(pointer, Name(pointer) + " must be an RFC 3339 string or integer milliseconds since the epoch");
  if (*ms > kMost) return Bad(pointer, Name(pointer) + " " + too_far);
  NOTIFYD_TRY(CheckTimeNumber(*ms, pointer));
  out->ms = *ms;
  return Status::Ok();
}

Status CheckTimeNumber(int64_t ms, std::string_view pointer) {
  constexpr int64_t kLeast = -62'167'219'200'000;                                 // the year 0: what RFC 3339 can say
  constexpr int64_t kLeastSeconds = 1'000'000'000, kSecondsEnd = 31'536'000'000;  // as seconds 2001 to 2969, as milliseconds some days of 1970
  if (ms < kLeast) return Bad(pointer, Name(pointer) + " is a number of milliseconds since the epoch, and this one lies before the year 0");
  if (ms < kLeastSeconds || ms >= kSecondsEnd) return Status::Ok();
  return Bad(pointer,
             Name(pointer) +
                 " is a number of milliseconds since the epoch, and this one looks like seconds, which take three more digits; such a time of "
                 "1970 can be said as an RFC 3339 string");
}

Status ReadHeaders(const JsonValue& value, bool content_type_given, std::vector<std::pair<std::string, std::string>>* out) {
  if (value.kind != Kind::kObject) return Bad("/headers", "headers must be an object of strings");
  size_t bytes = 0;
  for (const JsonValue& header : value) {
    std::string pointer = "/headers";
    AppendPointer(header.key, &pointer);
    if (!IsToken(header.key)) return Bad(pointer, Quoted(header.key) + " is not a header name (RFC 9110)");
    if (header.kind == Kind::kNull) continue;  // as left out
    if (header.kind != Kind::kString) return Bad(pointer, "a header's value must be a string");
    if (!IsFieldContent(header.text)) return Bad(pointer, "a header's value must not hold line breaks or other control characters");
    if (const char* why = WhyReserved(header.key)) return Bad(pointer, "the header " + Quoted(header.key) + " " + why);
    if (content_type_given && EqualsIgnoringCase(header.key, "content-type"))
      return Bad(pointer, "Content-Type is given twice: here and as content_type");
    for (const auto& [name, content] : *out)
      if (EqualsIgnoringCase(name, header.key)) return Bad(pointer, "two headers differ only in case");
    std::string_view content = TrimBlanks(header.text);
    bytes += header.key.size() + content.size() + 4;
    if (out->size() >= kMaxHeaders) return Bad("/headers", "headers has more than 100 entries");
    if (bytes > kMaxHeaderBytes) return Bad("/headers", "the headers take more than 16 KiB");
    out->emplace_back(header.key, content);
  }
  return Status::Ok();
}

Status CheckMediaType(std::string_view text, std::string_view pointer) {
  auto bad = [&] { return Bad(pointer, Name(pointer) + " must be a media type such as \"text/plain; charset=utf-8\""); };
  size_t end = std::min(text.find(';'), text.size());
  std::string_view essence = TrimBlanks(text.substr(0, end));
  size_t slash = essence.find('/');
  if (text.size() > 255 || slash == std::string_view::npos || !IsToken(essence.substr(0, slash)) || !IsToken(essence.substr(slash + 1))) return bad();
  std::string_view rest = text.substr(end);
  while (!rest.empty()) {
    rest = TrimBlanks(rest.substr(1));  // behind the semicolon
    size_t name_end = 0;
    while (name_end < rest.size() && IsTokenChar(rest[name_end])) ++name_end;
    if (name_end == 0 && (rest.empty() || rest[0] == ';')) continue;  // an empty parameter is allowed
    if (name_end == 0 || name_end == rest.size() || rest[name_end] != '=') return bad();
    rest.remove_prefix(name_end + 1);
    size_t value_end = 0;
    if (!rest.empty() && rest[0] == '"') {
      for (value_end = 1; value_end < rest.size() && rest[value_end] != '"'; ++value_end)
        if (rest[value_end] == '\\') ++value_end;
      if (value_end >= rest.size()) return bad();
      ++value_end;
      if (!IsFieldContent(rest.substr(0, value_end))) return bad();
    } else {
      while (value_end < rest.size() && IsTokenChar(rest[value_end])) ++value_end;
      if (value_end == 0) return bad();
    }
    rest = TrimBlanks(rest.substr(value_end));
    if (!rest.empty() && rest[0] != ';') return bad();
  }
  return Status::Ok();
}

std::string MediaTypeEssence(std::string_view text) {
  return LowerAscii(TrimBlanks(text.substr(0, text.find(';'))));
}

Status ReadPattern(const JsonValue& value, const std::string& pointer, AnswerPattern* out) {
  if (value.kind != Kind::kObject) return Bad(pointer, Name(pointer) + " must be an object with status, contains or json");
  for (const JsonValue& part : value) {
    bool given = IsGiven(&part);
    if (part.key == "status") {
      if (given) NOTIFYD_TRY(ReadStatuses(part, pointer + "/status", &out->status));
    } else if (part.key == "contains") {
      if (given) NOTIFYD_TRY(ReadText(part, pointer + "/contains", 1, kMaxPatternTextBytes, &out->contains.emplace()));
    } else if (part.key == "json") {
      if (given) NOTIFYD_TRY(ReadPatternJson(part, pointer + "/json", out));
    } else {
      return UnknownField(pointer, part.key);
    }
  }
  return Status::Ok();
}

Status ReadRetry(const JsonValue& value, RetryPolicy* out) {
  if (value.kind != Kind::kObject) return Bad("/retry", "retry must be an object");
  int64_t attempts = out->max_attempts;
  const JsonValue *schedule = nullptr, *initial = nullptr, *factor = nullptr;
  for (const JsonValue& part : value) {
    bool given = IsGiven(&part);
    if (part.key == "max_attempts") {
      if (given) NOTIFYD_TRY(ReadInt(part, "/retry/max_attempts", 1, 100, &attempts));
    } else if (part.key == "initial_ms") {
      if (given) NOTIFYD_TRY(ReadInt(part, "/retry/initial_ms", 0, kMaxDelayMs, &out->initial_ms));
      initial = &part;
    } else if (part.key == "factor") {
      if (given) NOTIFYD_TRY(ReadDouble(part, "/retry/factor", 1, kMaxFactor, &out->factor));
      factor = &part;
    } else if (part.key == "max_ms") {
      if (given) NOTIFYD_TRY(ReadInt(part, "/retry/max_ms", 0, kMaxDelayMs, &out->max_ms));
    } else if (part.key == "jitter") {
      if (given) NOTIFYD_TRY(ReadDouble(part, "/retry/jitter", 0, 1, &out->jitter));
    } else if (part.key == "schedule_ms") {
      schedule = &part;
    } else if (part.key == "fatal_on") {
      if (given) NOTIFYD_TRY(ReadRetryPattern(part, "/retry/fatal_on", &out->fatal_on));
    } else if (part.key == "later_on") {
      if (given) NOTIFYD_TRY(ReadRetryPattern(part, "/retry/later_on", &out->later_on));
    } else if (part.key == "only_on") {
      if (given) NOTIFYD_TRY(ReadRetryPattern(part, "/retry/only_on", &out->only_on));
    } else {
      return UnknownField("/retry", part.key);
    }
  }
  out->max_attempts = static_cast<uint32_t>(attempts);
  if (!IsGiven(schedule)) return Status::Ok();
  if (IsGiven(initial)) return Bad("/retry/initial_ms", "initial_ms and schedule_ms exclude each other");
  if (IsGiven(factor)) return Bad("/retry/factor", "factor and schedule_ms exclude each other");
  if (schedule->kind != Kind::kArray || schedule->begin().at == schedule->end().at)
    return Bad("/retry/schedule_ms", "schedule_ms must be a list with at least one wait");
  for (const JsonValue& wait : *schedule) {
    if (out->schedule_ms.size() >= kMaxScheduleEntries) return Bad("/retry/schedule_ms", "schedule_ms has more than 100 waits");
    std::string pointer = "/retry/schedule_ms/" + std::to_string(out->schedule_ms.size());
    NOTIFYD_TRY(ReadInt(wait, pointer, 0, kMaxDelayMs, &out->schedule_ms.emplace_back()));
  }
  return Status::Ok();
}

Status ReadWhen(const JsonValue* delay_ms, const JsonValue* due_at, When* out) {
  if (IsGiven(delay_ms) && IsGiven(due_at)) return Bad(delay_ms > due_at ? "/delay_ms" : "/due_at", "delay_ms and due_at exclude each other");
  if (IsGiven(delay_ms)) {
    out->kind = When::Kind::kDelay;
    return ReadInt(*delay_ms, "/delay_ms", 0, kMaxDelayMs, &out->ms);
  }
  if (!IsGiven(due_at)) return Status::Ok();
  WallTime time;
  NOTIFYD_TRY(ReadTime(*due_at, "/due_at", "is more than ten years ahead", &time));
  *out = {When::Kind::kAt, time.ms};
  return Status::Ok();
}

}  // namespace notifyd
