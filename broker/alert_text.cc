#include "broker/alert_text.h"

#include <algorithm>
#include <utility>

#include "base/terminal_text.h"
#include "base/utf8.h"

namespace notifyd {
namespace {

/// How a kind of target wants its text.
struct Style {
  std::string_view bold_begin, bold_end, bullet;
  size_t most_bytes;
  /// Names come from whoever submits: nothing in them may be taken for markup.
  void (*plain)(char c, std::string* out);
};

void AsItIs(char c, std::string* out) {
  out->push_back(c);
}
/// Slack's own escapes: https://api.slack.com/reference/surfaces/formatting#escaping
void ForSlack(char c, std::string* out) {
  if (c == '&') *out += "&amp;";
  else if (c == '<') *out += "&lt;";
  else if (c == '>') *out += "&gt;";
  else if (c == '*' || c == '`' || c == '~') out->push_back('\'');
  else out->push_back(c);
}
/// Robots do not agree on escapes: what could be markup is replaced by what looks like it.
void ForMarkdown(char c, std::string* out) {
  if (c == '<' || c == '[') out->push_back('(');
  else if (c == '>' || c == ']') out->push_back(')');
  else if (c == '*' || c == '`' || c == '~' || c == '#' || c == '@' || c == '\\') out->push_back('\'');
  else out->push_back(c);
}

/// A text message of Feishu calls people by tags, <at user_id="all">; nothing else in it is markup.
void ForFeishu(char c, std::string* out) {
  if (c == '<') *out += "\uFF1C";  // the same, full width
  else if (c == '>') *out += "\uFF1E";
  else out->push_back(c);
}

const Style& StyleOf(AlertTarget::Kind kind) {
  static constexpr Style kWecom{"**", "**", "> ", kWecomMostBytes, ForMarkdown};
  static constexpr Style kMarkdown{"**", "**", "- ", kRobotMostBytes, ForMarkdown};
  static constexpr Style kSlack{"*", "*", "- ", kRobotMostBytes, ForSlack};
  static constexpr Style kFeishu{"", "", "- ", kRobotMostBytes, ForFeishu};
  static constexpr Style kPlain{"", "", "- ", kRobotMostBytes, AsItIs};
  switch (kind) {
    case AlertTarget::Kind::kWecom:
      return kWecom;
    case AlertTarget::Kind::kDingtalk:
      return kMarkdown;
    case AlertTarget::Kind::kSlack:
      return kSlack;
    case AlertTarget::Kind::kFeishu:
      return kFeishu;
    default:
      return kPlain;
  }
}

std::string Plain(const Style& style, std::string_view text) {
  std::string out;
  for (char c : EscapeForTerminal(text)) style.plain(c, &out);
  return out;
}

std::string TimeText(WallTime at) {
  std::string text = FormatRfc3339(at).substr(0, 19);
  text[10] = ' ';
  return text + " UTC";
}

const char* Headline(AlertNews::What what) {
  constexpr const char* kWords[] = {"FIRING", "STILL FIRING", "OVER", "TEST"};  // by AlertNews::What
  return kWords[static_cast<size_t>(what)];
}

/// "75 s", "12, status 503": what the cause's figure is.
std::string FigureText(const AlertRule& rule, const AlertCauseView& view) {
  std::string text = AlertFigureText(KindOf(rule.when).unit, view.value);
  if (!view.detail.empty()) text += (text.empty() ? "" : ", ") + view.detail;
  return text;
}

std::string ThresholdText(const AlertRule& rule) {
  const AlertKind& kind = KindOf(rule.when);
  const std::string figure = AlertFigureText(kind.unit, rule.threshold);
  if (figure.empty()) return {};
  return (kind.fires == AlertKind::Fires::kAbove ? "more than " : kind.fires == AlertKind::Fires::kBelow ? "less than " : "at least ") + figure;
}

/// Lines, of which the last may be left out for want of room, but for their number.
class Text {
 public:
  explicit Text(const Style& style) : style_(style) {}

  void Line(const std::string& line) {
    if (out_.size() + line.size() + 1 + kReserve > style_.most_bytes) {
      ++left_out_;
      return;
    }
    out_ += line + "\n";
  }
  std::string Take() {
    if (left_out_ > 0) out_ += "... and " + std::to_string(left_out_) + " lines more\n";
    return RepairUtf8(out_, style_.most_bytes);
  }

 private:
  static constexpr size_t kReserve = 48;
  const Style& style_;
  std::string out_;
  size_t left_out_ = 0;
};

void Causes(const Style& style, const AlertRule& rule, const std::vector<AlertCauseView>& causes, uint64_t count, const char* mark, Text* text) {
  for (const AlertCauseView& cause : causes) {
    std::string line = std::string(style.bullet) + mark + Plain(style, CauseText(cause.cause));
    const std::string figure = FigureText(rule, cause);
    const bool nothing = CauseText(cause.cause).empty();
    if (!figure.empty()) line += (nothing ? "" : ": ") + Plain(style, figure);
    text->Line(line);
  }
  if (count > causes.size()) text->Line(std::string(style.bullet) + "and " + std::to_string(count - causes.size()) + " more");
}

void OneAlert(const Style& style, const AlertNews& news, Text* text) {
  const AlertRule& rule = *news.rule;
  const AlertKind& kind = KindOf(rule.when);
  text->Line(std::string(style.bold_begin) + "[" + Headline(news.what) + "] " + rule.name + std::string(style.bold_end));
  const std::string threshold = ThresholdText(rule);
  std::string about = std::string(kind.word) + ": " + std::string(kind.about) + (threshold.empty() ? "" : " " + threshold);
  if (news.what != AlertNews::What::kTest) about += ", since " + TimeText(news.since);
  text->Line(about);
  if (news.firing_count > 1) text->Line(std::to_string(news.firing_count) + " causes, " + std::to_string(news.new_count) + " new");
  Causes(style, rule, news.firing, news.firing_count, "", text);
  Causes(style, rule, news.ended, news.ended_count, "over: ", text);
}

std::string TextOf(AlertTarget::Kind kind, const AlertMessage& message) {
  const Style& style = StyleOf(kind);
  Text text(style);
  for (const AlertNews& news : message.news) OneAlert(style, news, &text);
  text.Line("notifyd at " + Plain(style, message.source) + ", " + TimeText(message.at));
  return text.Take();
}

std::string Subject(const AlertMessage& message) {
  std::string subject;
  for (const AlertNews& news : message.news) {
    if (subject.size() > 150) return subject + ", ...";
    subject += (subject.empty() ? "[" : ", [") + std::string(Headline(news.what)) + "] " + news.rule->name;
  }
  return subject;
}

void CauseArray(std::string_view key, const std::vector<AlertCauseView>& causes, JsonWriter* json) {
  json->Key(key);
  json->BeginArray();
  for (const AlertCauseView& view : causes) WriteCause(view, json);
  json->EndArray();
}

void OneAlertAsJson(const AlertNews& news, JsonWriter* json) {
  const AlertRule& rule = *news.rule;
  json->BeginObject();
  json->Key("name");
  json->String(rule.name);
  json->Key("state");
  json->String(ToString(news.what));
  json->Key("when");
  json->String(KindOf(rule.when).word);
  json->Key("threshold");
  json->Double(rule.threshold);
  json->Key("since");
  news.what == AlertNews::What::kTest ? json->Null() : json->String(FormatRfc3339(news.since));
  json->Key("firing_count");
  json->Uint(news.firing_count);
  json->Key("new_count");
  json->Uint(news.new_count);
  json->Key("over_count");
  json->Uint(news.ended_count);
  CauseArray("firing", news.firing, json);
  CauseArray("over", news.ended, json);
  json->EndObject();
}

std::string ForWebhook(const AlertMessage& message) {
  std::string out;
  JsonWriter json(&out);
  json.BeginObject();
  json.Key("version");
  json.Uint(1);
  json.Key("source");
  json.String(message.source);
  json.Key("at");
  json.String(FormatRfc3339(message.at));
  json.Key("text");
  json.String(TextOf(AlertTarget::Kind::kWebhook, message));
  json.Key("alerts");
  json.BeginArray();
  for (const AlertNews& news : message.news) OneAlertAsJson(news, &json);
  json.EndArray();
  json.EndObject();
  return out;
}

/// {"a":"b","c":{"d":"text"}}, as most robots have it.
std::string ForRobot(std::string_view type_key, std::string_view type, std::string_view object,
                     std::initializer_list<std::pair<std::string_view, std::string_view>> members) {
  std::string out;
  JsonWriter json(&out);
  json.BeginObject();
  json.Key(type_key);
  json.String(type);
  json.Key(object);
  json.BeginObject();
  for (const auto& [key, text] : members) {
    json.Key(key);
    json.String(text);
  }
  json.EndObject();
  json.EndObject();
  return out;
}

std::string ForSlackHook(std::string_view text) {
  std::string out;
  JsonWriter json(&out);
  json.BeginObject();
  json.Key("text");
  json.String(text);
  json.EndObject();
  return out;
}

std::string ForLog(std::string_view uri) {
  std::string out;
  JsonWriter json(&out);
  json.BeginObject();
  json.Key("uri");
  json.String(uri);
  json.Key("level");
  json.String("FATAL");
  json.EndObject();
  return out;
}

}  // namespace

std::string CauseText(const AlertCause& cause) {
  std::string text;
  const auto add = [&](std::string_view before, const std::string& part) {
    if (!part.empty()) text.append(text.empty() ? "" : " ").append(before).append(part);
  };
  add("", cause.space);
  add("lane ", cause.lane);
  add("", cause.host);
  add("caller ", cause.caller);
  add("", cause.object);
  add("member ", cause.member);
  return text;
}

void WriteCause(const AlertCauseView& view, JsonWriter* json) {
  const AlertCause& cause = view.cause;
  json->BeginObject();
  for (const auto& [key, part] : {std::pair("namespace", &cause.space), std::pair("lane", &cause.lane), std::pair("host", &cause.host),
                                  std::pair("caller", &cause.caller), std::pair("name", &cause.object), std::pair("member", &cause.member)}) {
    if (part->empty()) continue;
    json->Key(key);
    json->String(*part);
  }
  json->Key("since");
  json->String(FormatRfc3339(view.since));
  json->Key("value");
  json->Double(view.value);
  if (!view.detail.empty()) {
    json->Key("detail");
    json->String(view.detail);
  }
  json->EndObject();
}

std::string AlertBody(AlertTarget::Kind kind, std::string_view address, const AlertMessage& message) {
  switch (kind) {
    case AlertTarget::Kind::kWebhook:
      return ForWebhook(message);
    case AlertTarget::Kind::kWecom:
      return ForRobot("msgtype", "markdown", "markdown", {{"content", TextOf(kind, message)}});
    case AlertTarget::Kind::kDingtalk:
      return ForRobot("msgtype", "markdown", "markdown", {{"title", Subject(message)}, {"text", TextOf(kind, message)}});
    case AlertTarget::Kind::kFeishu:
      return ForRobot("msg_type", "text", "content", {{"text", TextOf(kind, message)}});
    case AlertTarget::Kind::kSlack:
      return ForSlackHook(TextOf(kind, message));
    case AlertTarget::Kind::kMail:
      return Subject(message) + "\n" + TextOf(kind, message);
    case AlertTarget::Kind::kLog:
      break;
  }
  return ForLog(address);
}

}  // namespace notifyd
