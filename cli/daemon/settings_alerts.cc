#include "cli/daemon/settings_alerts.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>
#include <utility>

#include "base/authority.h"
#include "base/files.h"
#include "base/utf8.h"
#include "cli/daemon/settings_tables.h"
#include "net/alerts/mail.h"
#include "net/api/url.h"

namespace notifyd {
namespace {

constexpr size_t kAlertsMost = 200, kTargetsMost = 20, kPatternsMost = 100, kPatternMostBytes = 1'024, kTargetSecretMostBytes = 1'024,
                 kLabelsMost = 16;
constexpr int64_t kMostMs = 366LL * 24 * 3'600'000, kGroupMostMs = 600'000, kRepeatLeastMs = 1'000;
constexpr double kMostThreshold = 1e18;
constexpr std::string_view kSecretFromFile = "file:";

/// "90s", "5m", "2h", "1d", "250ms", or whole milliseconds. Nothing: it is neither.
std::optional<int64_t> Duration(const toml::node& node) {
  if (const auto* number = node.as_integer()) return number->get();
  const auto* text = node.as_string();
  if (!text) return std::nullopt;
  const std::string& said = text->get();
  int64_t count = 0;
  const auto [end, error] = std::from_chars(said.data(), said.data() + said.size(), count);
  if (error != std::errc() || count < 0 || count > kMostMs) return std::nullopt;
  const std::string_view unit(end, static_cast<size_t>(said.data() + said.size() - end));
  const int64_t ms = unit == "ms" ? 1 : unit == "s" ? 1'000 : unit == "m" ? 60'000 : unit == "h" ? 3'600'000 : unit == "d" ? 86'400'000 : 0;
  if (ms == 0 || count > kMostMs / ms) return std::nullopt;
  return count * ms;
}

Status ReadDuration(const toml::node& node, int64_t least, int64_t most, int64_t* out) {
  const std::optional<int64_t> ms = Duration(node);
  if (!ms || (*ms != 0 && *ms < least) || *ms < 0 || *ms > most)
    return Unacceptable(fmt::format("must be a time such as \"90s\", \"5m\", \"2h\" or \"1d\", or whole milliseconds, {}{} to {}",
                                    least > 0 ? "0 or " : "", least, most));
  *out = *ms;
  return Status::Ok();
}

Status ReadThreshold(const toml::node& node, const AlertKind& kind, double* out) {
  std::optional<double> value;
  if (const auto* real = node.as_floating_point()) value = real->get();
  else if (const auto* number = node.as_integer()) value = static_cast<double>(number->get());
  else if (kind.unit == AlertKind::Unit::kMs)
    if (std::optional<int64_t> ms = Duration(node)) value = static_cast<double>(*ms);
  if (!value || !(*value >= 0) || *value > kMostThreshold)
    return Unacceptable(kind.unit == AlertKind::Unit::kMs ? "must be a time such as \"90s\", or milliseconds" : "must be a number, 0 or more");
  *out = *value;
  return Status::Ok();
}

/// One text or a list of them.
Result<std::vector<std::string>> OneOrMore(const toml::node& node, size_t most) {
  std::vector<std::string> out;
  if (const auto* one = node.as_string()) {
    out.push_back(one->get());
  } else {
    Result<std::vector<std::string>> list = TextsOf(node);
    if (!list.ok()) return Unacceptable("must be a string or a list of strings");
    out = *std::move(list);
  }
  if (out.empty() || out.size() > most) return Unacceptable(fmt::format("must be 1 to {} strings", most));
  for (const std::string& text : out)
    if (text.empty() || text.size() > kPatternMostBytes) return Unacceptable(fmt::format("each must be 1 to {} bytes", kPatternMostBytes));
  return out;
}

Status ReadLabels(const toml::node& node, Labels* out) {
  Result<std::vector<std::string>> texts = OneOrMore(node, kLabelsMost);
  if (!texts.ok()) return std::move(texts).status();
  for (const std::string& text : *texts) {
    const size_t colon = text.find(':');
    if (colon == 0 || colon == std::string::npos) return Unacceptable("must be \"key:value\", or a list of these");
    out->emplace_back(text.substr(0, colon), text.substr(colon + 1));
  }
  std::sort(out->begin(), out->end());
  return Status::Ok();
}

Result<std::string> Secret(const toml::node& node) {
  Result<std::string> text = TextOf(node);
  if (!text.ok()) return text;
  std::string secret = *std::move(text);
  if (secret.starts_with(kSecretFromFile)) {
    const std::string path = secret.substr(kSecretFromFile.size());
    Result<std::string> read = ReadFile(path, kTargetSecretMostBytes);
    if (!read.ok()) return Unacceptable(path + " " + read.status().detail());
    secret = *std::move(read);
    while (secret.ends_with('\n') || secret.ends_with('\r')) secret.pop_back();
  }
  if (secret.empty() || secret.size() > kTargetSecretMostBytes)
    return Unacceptable(fmt::format("must be \"file:\" and a path, or 1 to {} bytes", kTargetSecretMostBytes));
  return secret;
}

Result<AlertTarget> TargetOf(const std::string& said) {
  constexpr const char* kShape = "must be webhook:URL, wecom:URL, dingtalk:URL, feishu:URL, slack:URL, mail:ADDRESS or log:URI";
  const size_t colon = said.find(':');
  const std::optional<AlertTarget::Kind> kind = ParseAlertTargetKind(said.substr(0, colon));
  if (!kind || colon == std::string::npos || colon + 1 == said.size()) return Unacceptable(kShape);
  AlertTarget target;
  target.kind = *kind;
  target.address = said.substr(colon + 1);
  std::string authority;
  if (IsCall(*kind)) {
    Result<CheckedUrl> url = CheckUrl(target.address);
    if (!url.ok()) return Unacceptable(std::string(ToString(*kind)) + ": its URL " + url.status().detail());
    authority = url->host;
  } else if (*kind == AlertTarget::Kind::kMail && !IsMailAddress(target.address)) {
    return Unacceptable("mail: must be an address, such as mail:ops@example.com");
  } else if (HasControl(target.address)) {
    return Unacceptable(kShape);
  }
  target.id = AlertTargetId(*kind, target.address, authority);
  return target;
}

class Reader {
 public:
  explicit Reader(AlertRule* rule) : rule_(*rule) {}

  Status ReadKey(const std::string& key, const toml::node& node) {
    if (key == "name" || key == "when") return Status::Ok();  // were read before
    const AlertKind& kind = KindOf(rule_.when);
    if (key == "threshold") {
      if (kind.unit == AlertKind::Unit::kNone) return Unacceptable("there is none of " + std::string(kind.word));
      return ReadThreshold(node, kind, &rule_.threshold);
    }
    if (key == "for" || key == "for_ms") return ReadDuration(node, 0, kMostMs, &rule_.for_ms);
    if (key == "repeat" || key == "repeat_ms") return ReadDuration(node, kRepeatLeastMs, kMostMs, &rule_.repeat_ms);
    if (key == "group" || key == "group_ms") return ReadDuration(node, 0, kGroupMostMs, &rule_.group_ms);
    if (key == "namespace") return ReadFilter(AlertFilter::kNamespace, node, &rule_.namespaces);
    if (key == "lane") return ReadFilter(AlertFilter::kLane, node, &rule_.lanes);
    if (key == "host") return ReadFilter(AlertFilter::kHost, node, &rule_.hosts);
    if (key == "caller") return ReadFilter(AlertFilter::kCaller, node, &rule_.callers);
    if (key == "label") {
      NOTIFYD_TRY(CheckFilter(AlertFilter::kLabel));
      return ReadLabels(node, &rule_.labels);
    }
    if (key == "to") return ReadTargets(node);
    if (key == "secret") {
      Result<std::string> secret = Secret(node);
      if (!secret.ok()) return std::move(secret).status();
      secret_ = *std::move(secret);
      return Status::Ok();
    }
    return Unacceptable("there is no such key, only name, when, threshold, for, repeat, group, namespace, lane, host, caller, label, to and secret");
  }

  /// Which key is at fault, and why; nothing: none.
  std::optional<std::pair<const char*, std::string>> Finish() {
    if (targets_.empty()) return std::pair("to", std::string("is missing"));
    if (!rule_.callers.empty() && !rule_.hosts.empty() && (rule_.when == AlertWhen::kRate || rule_.when == AlertWhen::kRateRatio))
      return std::pair("host", std::string("a rate is that of callers or of hosts: not both"));
    bool signs = false;
    for (AlertTarget& target : targets_) {
      if (target.kind == AlertTarget::Kind::kDingtalk || target.kind == AlertTarget::Kind::kFeishu) {
        target.secret = secret_;
        signs = true;
      }
      rule_.to.push_back(std::make_shared<const AlertTarget>(std::move(target)));
    }
    if (!secret_.empty() && !signs) return std::pair("secret", std::string("goes with dingtalk: and feishu: alone"));
    return std::nullopt;
  }

 private:
  Status CheckFilter(AlertFilter filter) const {
    const AlertKind& kind = KindOf(rule_.when);
    if (IsFilteredBy(kind, filter)) return Status::Ok();
    return Unacceptable(std::string(kind.word) + " cannot be narrowed by it");
  }
  Status ReadFilter(AlertFilter filter, const toml::node& node, std::vector<std::string>* out) const {
    NOTIFYD_TRY(CheckFilter(filter));
    Result<std::vector<std::string>> texts = OneOrMore(node, kPatternsMost);
    if (!texts.ok()) return std::move(texts).status();
    *out = *std::move(texts);
    return Status::Ok();
  }
  Status ReadTargets(const toml::node& node) {
    Result<std::vector<std::string>> texts = OneOrMore(node, kTargetsMost);
    if (!texts.ok()) return std::move(texts).status();
    for (const std::string& text : *texts) {
      Result<AlertTarget> target = TargetOf(text);
      if (!target.ok()) return std::move(target).status();
      targets_.push_back(*std::move(target));
    }
    return Status::Ok();
  }

  AlertRule& rule_;
  std::string secret_;
  std::vector<AlertTarget> targets_;
};

/// Name and kind, by which all else is read.
Status ReadHead(const toml::table& table, const TablePlace& place, AlertRule* rule) {
  const toml::node *name = table.get("name"), *when = table.get("when");
  if (!name || !IsAlertName(name->value_or(std::string())))
    return place.Blame("name", name ? *name : table, "must be 1 to 63 of a-z, 0-9, '-' and '_', and begin with a letter or digit");
  rule->name = name->value_or(std::string());
  const std::optional<AlertWhen> known = ParseAlertWhen(when ? when->value_or(std::string()) : std::string());
  if (!known) {
    std::string words;
    for (const AlertKind& kind : AlertKinds()) words += (words.empty() ? "" : ", ") + std::string(kind.word);
    return place.Blame("when", when ? *when : table, "must be one of " + words);
  }
  const AlertKind& kind = KindOf(*known);
  rule->when = *known;
  rule->threshold = kind.threshold.value_or(0);
  rule->for_ms = kind.for_ms;
  rule->repeat_ms = 3'600'000;
  rule->group_ms = 5'000;
  if (!kind.threshold && !table.contains("threshold")) return place.Blame("threshold", table, "is missing: what is much, you know");
  return Status::Ok();
}

/// "oldest_due_age (60000 ms)", three to a line.
std::string KindsAsToml() {
  constexpr const char* kUnits[] = {"", "ms", "percent", "bytes", "a second", "times", "of them"};  // by AlertKind::Unit
  std::string out;
  for (const AlertKind& kind : AlertKinds()) {
    std::string bound;
    if (kind.unit != AlertKind::Unit::kNone)
      bound = kind.threshold ? fmt::format(" {} {:.0f} {}",
                                           kind.fires == AlertKind::Fires::kBelow  ? "<"
                                           : kind.fires == AlertKind::Fires::kFrom ? ">="
                                                                                   : ">",
                                           *kind.threshold, kUnits[static_cast<size_t>(kind.unit)])
                             : fmt::format(" (a threshold must be said, {})", kUnits[static_cast<size_t>(kind.unit)]);
    out += fmt::format("#   {:<16}{}{}; for {} s\n", kind.word, kind.about, bound, kind.for_ms / 1000);
  }
  return out;
}

}  // namespace

Result<std::vector<AlertRule>> ReadAlertRules(const toml::node& node, const std::string& file) {
  Result<std::vector<const toml::table*>> tables = TablesOf(node, "alert", kAlertsMost, file);
  if (!tables.ok()) return std::move(tables).status();
  std::vector<AlertRule> rules;
  std::set<std::string> names;
  for (const toml::table* table : *tables) {
    const TablePlace place{"alert", rules.size() + 1, file};
    AlertRule rule;
    NOTIFYD_TRY(ReadHead(*table, place, &rule));
    Reader reader(&rule);
    for (const auto& [key, value] : *table)
      if (Status fault = reader.ReadKey(std::string(key.str()), value); !fault.ok())
        return place.Blame(std::string(key.str()), value, fault.detail());
    if (auto fault = reader.Finish()) return place.Blame(fault->first, *table, fault->second);
    if (!names.insert(rule.name).second) return place.Blame("name", *table, "another alert has this name");
    rules.push_back(std::move(rule));
  }
  return rules;
}

std::string AlertRulesAsToml() {
  return R"(

# Alerts, none by default: who is told when something is wrong, and when it is over (docs/operating.md, "Alerts"). In this file only. Reloadable.
#
#   name        1 to 63 of a-z, 0-9, '-' and '_'
#   when        what it is about, one of those below
#   threshold   in place of that one's; of times also "90s", "5m", "2h", "1d"
#   for         how long it must be so, in place of that one's; likewise for_ms, repeat_ms and group_ms
#   repeat      how often it is said again while it is so; "1h" by default, 0: never
#   group       so long a message waits for what else fires; "5s" by default
#   namespace   of these alone, one or a list; * stands for any characters. Likewise lane, host, caller, and label = "key:value", where it has these
#   to          who is told, one or a list: webhook:URL (JSON), wecom:URL, dingtalk:URL, feishu:URL, slack:URL, mail:ADDRESS (see [mail]) or
#               log:URI (a line {"uri":"URI","level":"FATAL"} of the log)
#   secret      what calls to dingtalk: and feishu: are signed with: "file:" and a path, or the secret itself
#
)" + KindsAsToml() +
         R"(#
# [[alert]]
# name = "bills-late"
# when = "oldest_due_age"
# threshold = "5m"
# namespace = "default"
# lane = "https://bills.example.com/*"
# to = ["wecom:https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=...", "log:/bills"]
)";
}

}  // namespace notifyd
