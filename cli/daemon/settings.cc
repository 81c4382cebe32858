// Reading settings: flags (CLI11), variables, the file (toml++), in that order of precedence.
#include "cli/daemon/settings.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <optional>
#include <thread>
#include <utility>

#include "base/arguments.h"
#include "base/ascii.h"
#include "base/crash_point.h"
#include "base/files.h"
#include "base/joined.h"
#include "cli/daemon/notifyd_manual.h"
#include "cli/daemon/settings_alerts.h"
#include "cli/daemon/settings_cells.h"
#include "cli/daemon/settings_commands.h"
#include "cli/daemon/settings_destinations.h"
#include "cli/daemon/settings_lanes.h"
#include "cli/daemon/settings_services.h"
#include "cli/daemon/settings_tables.h"
#include "cli/daemon/settings_tubes.h"

#ifndef NOTIFYD_VERSION
#define NOTIFYD_VERSION "0.0.0"
#endif

namespace notifyd {
namespace {

constexpr char kVariablePrefix[] = "NOTIFYD_";
constexpr char kLaneRules[] = "lane", kDestinationRules[] = "destination", kListeners[] = "listener", kTubes[] = "tube", kPeers[] = "auth.peers",
               kCertificates[] = "auth.certificates", kCommands[] = "command", kServices[] = "service", kAlerts[] = "alert",
               kCells[] = "store.postgres.cells";
constexpr size_t kWrapColumn = 96;
constexpr size_t kFileMostBytes = 16 << 20;

std::vector<std::string> SplitList(const std::string& text) {
  std::vector<std::string> items;
  for (size_t from = 0; from < text.size();) {
    size_t to = std::min(text.find(',', from), text.size());
    std::string item = CLI::detail::trim_copy(text.substr(from, to - from));
    if (!item.empty()) items.push_back(std::move(item));
    from = to + 1;
  }
  return items;
}

std::string TomlQuoted(const std::string& text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  return out + "\"";
}

std::string RatioText(double ratio) {
  char digits[32];
  std::string text(digits, std::to_chars(digits, digits + sizeof digits, ratio, std::chars_format::fixed).ptr);
  return std::isfinite(ratio) && text.find('.') == text.npos ? text + ".0" : text;  // else TOML takes it for a whole number
}

std::string ToToml(const SettingValue& value) {
  if (const auto* ratio = std::get_if<double>(&value)) return RatioText(*ratio);
  if (const auto* number = std::get_if<int64_t>(&value)) return std::to_string(*number);
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  if (const auto* text = std::get_if<std::string>(&value)) return TomlQuoted(*text);
  std::vector<std::string> quoted;
  for (const std::string& item : std::get<std::vector<std::string>>(value)) quoted.push_back(TomlQuoted(item));
  return "[" + Joined(quoted, ", ") + "]";
}

/// "1 to 64 threads", "debug, info, warn or error", "a list": what may be given.
std::string Accepts(const Setting& setting) {
  if (std::holds_alternative<int64_t>(setting.fallback))
    return std::to_string(setting.least) + " to " + std::to_string(setting.most) + " " + setting.unit;
  if (std::holds_alternative<bool>(setting.fallback)) return "true or false";
  if (std::holds_alternative<double>(setting.fallback)) return "0 to 1";
  if (!setting.words.empty()) {
    std::vector<std::string> all_but_last(setting.words.begin(), setting.words.end() - 1);
    return Joined(all_but_last, ", ") + " or " + setting.words.back();
  }
  return std::holds_alternative<std::string>(setting.fallback) ? "text" : "a list";
}

std::string TypeName(const Setting& setting) {
  if (!setting.unit.empty()) return setting.unit;
  if (!setting.words.empty()) return Joined(setting.words, "|");
  if (std::holds_alternative<bool>(setting.fallback)) return "true|false";
  if (std::holds_alternative<double>(setting.fallback)) return "0 to 1";
  if (setting.name == "listen") return "ADDR:PORT";
  if (setting.name == "data_dir") return "DIR";
  if (setting.name == "log.file" || setting.name == "destinations.ca_file" || setting.name == "auth.bootstrap_token_file" ||
      setting.name == "store.encryption_key_file")
    return "FILE";
  return std::holds_alternative<std::string>(setting.fallback) ? "text" : "a,b,...";
}

std::string HelpOf(const Setting& setting) {
  return setting.help + (setting.reloadable ? " Reloadable." : "");
}

/// A fault with the place that it came from in front, and the setting as its field: "limits.pending (NOTIFYD_LIMITS_PENDING): must be ...".
Status Blame(const std::string& name, const std::string& source, const std::string& fault) {
  return Status(Code::kUnacceptable, name + " (" + source + "): " + fault, "/" + Joined(CLI::detail::split(name, '.'), "/"));
}

struct Layers {
  std::map<std::string, std::string> flags, variables;  // by the setting's name
  std::optional<std::string> config_file;
};

Status ApplyTexts(const std::map<std::string, std::string>& texts, bool flags, Options* options) {
  for (const Setting& setting : AllSettings()) {
    auto found = texts.find(setting.name);
    if (found == texts.end()) continue;
    Result<SettingValue> value = ParseValue(setting, found->second);
    if (!value.ok()) return Blame(setting.name, flags ? setting.Flag() : setting.Variable(), value.status().detail());
    setting.apply(*value, options);
  }
  return Status::Ok();
}

// ---- the file

Result<SettingValue> FromToml(const Setting& setting, const toml::node& node) {
  if (std::holds_alternative<int64_t>(setting.fallback)) {
    if (const auto* value = node.as_integer()) return SettingValue(value->get());
  } else if (std::holds_alternative<bool>(setting.fallback)) {
    if (const auto* value = node.as_boolean()) return SettingValue(value->get());
  } else if (std::holds_alternative<std::string>(setting.fallback)) {
    if (const auto* value = node.as_string()) return SettingValue(value->get());
  } else if (std::holds_alternative<double>(setting.fallback)) {
    if (const auto* value = node.as_floating_point()) return SettingValue(value->get());
    if (const auto* value = node.as_integer()) return SettingValue(static_cast<double>(value->get()));
    return Unacceptable("must be a number from 0 to 1");
  } else if (const auto* array = node.as_array()) {
    std::vector<std::string> items;
    for (const toml::node& item : *array) {
      const auto* number = item.as_integer();
      const auto* text = item.as_string();
      if (!text && !(number && setting.numbers)) return Unacceptable("must be a list of strings");
      items.push_back(text ? text->get() : std::to_string(number->get()));
    }
    return SettingValue(std::move(items));
  }
  const char* wanted = setting.unit.empty() ? (std::holds_alternative<std::string>(setting.fallback) ? "a string"
                                               : std::holds_alternative<bool>(setting.fallback)      ? "true or false"
                                                                                                     : "a list of strings")
                                            : "a whole number";
  return Unacceptable(std::string("must be ") + wanted);
}

bool IsTableName(const std::string& name) {
  for (const Setting& setting : AllSettings())
    if (setting.name.rfind(name + ".", 0) == 0) return true;
  return false;
}

Status ApplyTable(const toml::table& table, const std::string& prefix, const std::string& file, Options* options) {
  for (const auto& [key, node] : table) {
    std::string name = prefix + std::string(key.str());
    std::string source = file + ":" + std::to_string(node.source().begin.line);
    const Setting* setting = FindSetting(name);
    if (setting) {
      Result<SettingValue> value = FromToml(*setting, node);
      Status fault = value.ok() ? CheckValue(*setting, *value) : value.status();
      if (!fault.ok()) return Blame(name, source, fault.detail());
      setting->apply(*value, options);
    } else if (name == kLaneRules) {
      Result<std::vector<LaneRule>> rules = ReadLaneRules(node, file);
      if (!rules.ok()) return std::move(rules).status();
      options->core.lane_rules = *std::move(rules);
    } else if (name == kDestinationRules) {
      Result<FileDestinations> read = ReadDestinationRules(node, file);
      if (!read.ok()) return std::move(read).status();
      options->sender.rules = std::make_shared<const DestinationRules>(std::move(read->rules));
      options->flow.hosts = std::move(read->hosts);
    } else if (name == kCommands) {
      Result<CommandRules> rules = ReadCommandRules(node, file);
      if (!rules.ok()) return std::move(rules).status();
      options->commands = *std::move(rules);
      options->flow.commands = CapsOf(options->commands);
    } else if (name == kAlerts) {
      Result<std::vector<AlertRule>> rules = ReadAlertRules(node, file);
      if (!rules.ok()) return std::move(rules).status();
      options->alerts.rules = *std::move(rules);
    } else if (name == kServices) {
      Result<std::vector<FileService>> services = ReadFileServices(node, file);
      if (!services.ok()) return std::move(services).status();
      options->flow.services = *std::move(services);
    } else if (name == kListeners) {
      Result<std::vector<ListenerOptions>> listeners = ReadListeners(node, file);
      if (!listeners.ok()) return std::move(listeners).status();
      options->listeners = *std::move(listeners);
    } else if (name == kTubes) {
      Result<std::vector<BeanstalkdTube>> tubes = ReadTubes(node, file);
      if (!tubes.ok()) return std::move(tubes).status();
      options->tubes = *std::move(tubes);
    } else if (name == kCells) {
      Result<std::map<std::string, std::string>> cells = ReadCells(node, file);
      if (!cells.ok()) return std::move(cells).status();
      options->store.postgres.cells = *std::move(cells);
    } else if (name == kPeers || name == kCertificates) {
      Result<std::map<std::string, AccessGrant>> grants = ReadGrants(node, name, file);
      if (!grants.ok()) return std::move(grants).status();
      (name == kPeers ? options->auth.peers : options->auth.certificates) = *std::move(grants);
    } else if (const toml::table* inner = node.as_table(); inner && IsTableName(name)) {
      Status fault = ApplyTable(*inner, name + ".", file, options);
      if (!fault.ok()) return fault;
    } else {
      return Blame(name, source, "there is no such setting");
    }
  }
  return Status::Ok();
}

/// Of a text at which the parser gives up without a word: the first line that makes it. What is before a line is read before it.
size_t LineOfFault(std::string_view text) {
  std::vector<size_t> ends;
  for (size_t end = 0; end < text.size();) {
    end = std::min(text.find('\n', end), text.size() - 1) + 1;
    ends.push_back(end);
  }
  auto reads = [&](size_t end) {
    try {
      (void)toml::parse(text.substr(0, end));
    } catch (const toml::parse_error&) {
    } catch (const TomlFault&) {
      return false;
    }
    return true;
  };
  return static_cast<size_t>(std::partition_point(ends.begin(), ends.end(), reads) - ends.begin()) + 1;
}

Status ApplyFile(const std::string& file, Options* options) {
  // Not the parser's own reading: that takes a directory, or a file whose disk fails, for an empty one.
  Result<std::string> text = ReadFile(file, kFileMostBytes);
  if (!text.ok()) return Unacceptable(file.empty() ? "--config (NOTIFYD_CONFIG): must name a file" : file + " " + text.status().detail());
  try {
    toml::table table = toml::parse(*text, file);
    return ApplyTable(table, "", file, options);
  } catch (const toml::parse_error& fault) {
    const toml::source_position& at = fault.source().begin;
    std::string place = at.line > 0 ? ":" + std::to_string(at.line) : "";
    return Unacceptable(file + place + ": " + std::string(fault.description()));
  } catch (const TomlFault&) {
    return Unacceptable(file + ":" + std::to_string(LineOfFault(*text)) + ": this is no TOML");
  }
}

// ---- the environment

/// Those that its users export for notifyctl, on the same machine.
/// Not settings: notifyctl's, and what tests say (base/crash_point.h).
bool IsOfOthers(std::string_view variable) {
  constexpr std::string_view kTheirs[] = {"NOTIFYD_URL",     "NOTIFYD_TOKEN",     "NOTIFYD_TOKEN_FILE", "NOTIFYD_NAMESPACE",
                                          "NOTIFYD_CA_FILE", "NOTIFYD_CERT_FILE", "NOTIFYD_KEY_FILE",   kCrashVariable};
  return std::find(std::begin(kTheirs), std::end(kTheirs), variable) != std::end(kTheirs);
}

void ReadEnvironment(const std::vector<std::string>& environment, Layers* layers, std::vector<std::string>* unknown) {
  std::map<std::string, std::string> names;
  for (const Setting& setting : AllSettings()) names[setting.Variable()] = setting.name;
  for (const std::string& entry : environment) {
    size_t equals = entry.find('=');
    if (entry.rfind(kVariablePrefix, 0) != 0 || equals == std::string::npos) continue;
    std::string variable = entry.substr(0, equals), value = entry.substr(equals + 1);
    auto found = names.find(variable);
    if (found != names.end()) layers->variables[found->second] = value;
    else if (variable == "NOTIFYD_CONFIG") layers->config_file = layers->config_file.value_or(value);
    else if (!IsOfOthers(variable)) unknown->push_back(variable);
  }
  std::sort(unknown->begin(), unknown->end());
}

/// What an alert says that other settings do not allow.
Status CheckAlerts(const Options& options) {
  for (size_t i = 0; i < options.alerts.rules.size(); ++i)
    for (const auto& target : options.alerts.rules[i].to)
      if (target->kind == AlertTarget::Kind::kMail && options.mail.server.empty())
        return Status(Code::kUnacceptable, "[[alert]] " + std::to_string(i + 1) + ": to: mail: needs mail.server, and mail.from",
                      "/alert/" + std::to_string(i) + "/to");
  return Status::Ok();
}

Invocation Exit(int code, std::string text) {
  Invocation result;
  result.exit_code = code;
  (code == 0 ? result.output : result.error) = std::move(text);
  return result;
}

std::vector<std::string> Wrap(const std::string& text) {
  std::vector<std::string> lines(1);
  for (const std::string& word : CLI::detail::split(text, ' ')) {
    if (!lines.back().empty() && lines.back().size() + 1 + word.size() > kWrapColumn) lines.emplace_back();
    lines.back() += (lines.back().empty() ? "" : " ") + word;
  }
  return lines;
}

}  // namespace

std::string Setting::Flag() const {
  std::string flag = "--" + name;
  for (char& c : flag)
    if (c == '.' || c == '_') c = '-';
  return flag;
}

std::string Setting::Variable() const {
  std::string variable = kVariablePrefix;
  for (char c : name) variable += c == '.' ? '_' : UpperAscii(c);
  return variable;
}

const Setting* FindSetting(std::string_view name) {
  for (const Setting& setting : AllSettings())
    if (setting.name == name) return &setting;
  return nullptr;
}

LogLevel LogLevelOf(const Options& options) {
  return options.log_level == "debug"   ? LogLevel::kDebug
         : options.log_level == "warn"  ? LogLevel::kWarn
         : options.log_level == "error" ? LogLevel::kError
                                        : LogLevel::kInfo;
}

uint32_t ShardsOf(const Options& options) {
  return options.shards != 0 ? options.shards : std::max(1u, std::thread::hardware_concurrency() / 2);
}

LogFormat LogFormatOf(const Options& options) {
  return options.log_format == "text" ? LogFormat::kText : options.log_format == "json" ? LogFormat::kJson : LogFormat::kAuto;
}

Status CheckValue(const Setting& setting, const SettingValue& value) {
  if (const auto* number = std::get_if<int64_t>(&value)) {
    if (*number < setting.least || *number > setting.most)
      return Unacceptable(std::to_string(*number) + " is out of range, must be " + Accepts(setting));
  } else if (const auto* text = std::get_if<std::string>(&value)) {
    if (!setting.words.empty() && std::find(setting.words.begin(), setting.words.end(), *text) == setting.words.end())
      return Unacceptable("\"" + *text + "\" must be " + Accepts(setting));
    if (setting.check) return setting.check(*text);
  } else if (const auto* list = std::get_if<std::vector<std::string>>(&value); list && setting.check) {
    for (const std::string& item : *list)
      if (Status fault = setting.check(item); !fault.ok()) return fault;
  } else if (const auto* ratio = std::get_if<double>(&value); ratio && !(*ratio >= 0 && *ratio <= 1)) {
    return Unacceptable(RatioText(*ratio) + " is out of range, must be " + Accepts(setting));
  }
  return Status::Ok();
}

Result<SettingValue> ParseValue(const Setting& setting, const std::string& text) {
  SettingValue value;
  if (std::holds_alternative<int64_t>(setting.fallback)) {
    int64_t number = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (text.empty() || end != text.data() + text.size() || (error != std::errc() && error != std::errc::result_out_of_range))
      return Unacceptable("\"" + text + "\" is not a whole number, must be " + Accepts(setting));
    if (error != std::errc()) return Unacceptable(text + " is out of range, must be " + Accepts(setting));
    value = number;
  } else if (std::holds_alternative<bool>(setting.fallback)) {
    if (text != "true" && text != "false") return Unacceptable("\"" + text + "\" must be true or false");
    value = text == "true";
  } else if (std::holds_alternative<double>(setting.fallback)) {
    double ratio = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), ratio);
    if (text.empty() || end != text.data() + text.size() || error != std::errc())
      return Unacceptable("\"" + text + "\" is not a number, must be " + Accepts(setting));
    value = ratio;
  } else if (std::holds_alternative<std::string>(setting.fallback)) {
    value = text;
  } else {
    value = SplitList(text);
  }
  if (Status fault = CheckValue(setting, value); !fault.ok()) return fault;
  return value;
}

std::string AcceptedText(const Setting& setting) {
  return Accepts(setting);
}

std::string FallbackText(const Setting& setting) {
  if (const auto* list = std::get_if<std::vector<std::string>>(&setting.fallback)) return list->empty() ? "none" : Joined(*list, ",");
  if (const auto* text = std::get_if<std::string>(&setting.fallback)) return *text;
  return ToToml(setting.fallback);
}

std::string DefaultsAsToml() {
  std::string out =
      "# Every setting of notifyd with its default. A flag goes first, then the variable NOTIFYD_<TABLE>_<KEY>, then this file.\n"
      "# Check a file with: notifyd --config FILE --check-config\n"
      "# Reloadable ones are read again on SIGHUP, all at a restart in place (SIGUSR1).\n";
  std::string table;
  for (const Setting& setting : AllSettings()) {
    size_t dot = setting.name.find('.');
    std::string of = dot == std::string::npos ? "" : setting.name.substr(0, dot);
    if (of != table) out += "\n\n[" + of + "]";
    table = of;
    out += "\n";
    for (const std::string& line : Wrap(HelpOf(setting))) out += "\n# " + line;
    const bool number = std::holds_alternative<int64_t>(setting.fallback) || std::holds_alternative<double>(setting.fallback);
    if (number || !setting.words.empty()) out += "\n# " + Accepts(setting);
    out += "\n" + (dot == std::string::npos ? setting.name : setting.name.substr(dot + 1)) + " = " + ToToml(setting.fallback);
  }
  out += "\n";
  for (const auto& [about, text] : TablesAsToml()) out += text;
  return out;
}

std::vector<std::pair<std::string, std::string>> TablesAsToml() {
  return {{"Lane rules", LaneRulesAsToml()},
          {"Destination rules", DestinationRulesAsToml()},
          {"Commands", CommandRulesAsToml()},
          {"Services", FileServicesAsToml()},
          {"Alerts", AlertRulesAsToml()},
          {"Listeners", ListenersAsToml()},
          {"Tubes", TubesAsToml()},
          {"Grants", GrantsAsToml()},
          {"Cells", CellsAsToml()}};
}

Reloaded ApplyReloadable(const Options& fresh, Options* running) {
  Reloaded result;
  for (const Setting& setting : AllSettings()) {
    SettingValue value = setting.read(fresh);
    if (value == setting.read(*running)) continue;
    (setting.reloadable ? result.applied : result.not_applied).push_back(setting.name);
    if (setting.reloadable) setting.apply(value, running);
  }
  if (fresh.core.lane_rules != running->core.lane_rules) {
    running->core.lane_rules = fresh.core.lane_rules;
    result.applied.push_back(kLaneRules);
  }
  if (fresh.sender.rules->print() != running->sender.rules->print()) {
    running->sender.rules = fresh.sender.rules;
    running->flow.hosts = fresh.flow.hosts;
    result.applied.push_back(kDestinationRules);
  }
  if (fresh.flow.services != running->flow.services) {
    running->flow.services = fresh.flow.services;
    result.applied.push_back(kServices);
  }
  for (auto [name, place] : {std::pair(kPeers, &AuthOptions::peers), std::pair(kCertificates, &AuthOptions::certificates)}) {
    if (fresh.auth.*place == running->auth.*place) continue;
    running->auth.*place = fresh.auth.*place;
    result.applied.push_back(name);
  }
  if (fresh.commands != running->commands) {
    running->commands = fresh.commands;
    running->flow.commands = fresh.flow.commands;
    result.applied.push_back(kCommands);
  }
  if (fresh.alerts != running->alerts) {
    running->alerts = fresh.alerts;
    result.applied.push_back(kAlerts);
  }
  if (fresh.tubes != running->tubes) {
    running->tubes = fresh.tubes;
    result.applied.push_back(kTubes);
  }
  if (fresh.listeners != running->listeners) result.not_applied.push_back(kListeners);
  if (fresh.store.postgres.cells != running->store.postgres.cells) result.not_applied.push_back(kCells);
  return result;
}

Invocation ReadCommandLine(const std::vector<std::string>& arguments, const std::vector<std::string>& environment) {
  CLI::App app("Takes HTTP calls, keeps them durably, and makes them: now, when due, or when triggered.", "notifyd");
  app.get_formatter()->column_width(44);
  app.set_help_flag("--help,-h", "Print this help and exit.");
  Layers layers;
  bool check = false, print = false, manual = false, version = false;
  std::string config_file;
  CLI::Option* config = app.add_option("--config", config_file, "TOML file with settings.")->type_name("FILE");
  app.add_flag("--check-config", check, "Check the settings and whether a start could go on with them, print ok or the fault, and exit.");
  app.add_flag("--print-config", print, "Print every setting with its default as TOML.")->group("");
  app.add_flag("--print-manual", manual, "Print the manual page, notifyd(8).")->group("");
  app.add_flag("--version", version, "Print the version and exit.");
  std::map<std::string, std::string> texts;
  std::map<std::string, CLI::Option*> options;
  for (const Setting& setting : AllSettings()) {
    size_t dot = setting.name.find('.');
    CLI::Option* option = app.add_option(setting.Flag(), texts[setting.name], HelpOf(setting));
    option->type_name(TypeName(setting))
        ->default_str(FallbackText(setting))
        ->group(dot == std::string::npos ? "Settings" : setting.name.substr(0, dot));
    if (std::holds_alternative<std::vector<std::string>>(setting.fallback)) option->delimiter(',')->multi_option_policy(CLI::MultiOptionPolicy::Join);
    else option->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    options[setting.name] = option;
  }
  app.footer(
      "A flag goes before the variable NOTIFYD_<NAME>, that before the file, that before the default.\n"
      "Tables ([[lane]], [[destination]], [[command]], [[service]], [[alert]], [[listener]], [auth.peers.NAME], [auth.certificates.NAME],\n"
      "[store.postgres.cells]) stand in the file only;\n"
      "conf/notifyd.toml shows them.\n"
      "SIGHUP reads all of them again and applies those that are reloadable; SIGUSR1 restarts in place.\n"
      "Exit codes: 0, 2 wrong usage or configuration, 1 anything else.");

  try {
    app.parse(ArgumentsForParser(arguments));
  } catch (const CLI::CallForHelp&) {
    return Exit(0, app.help());
  } catch (const CLI::ParseError& fault) {
    return Exit(2, fault.what());
  }
  if (version) return Exit(0, "notifyd " NOTIFYD_VERSION "\n");
  if (print) return Exit(0, DefaultsAsToml());
  if (manual) return Exit(0, NotifydManual(AllSettings(), TablesAsToml(), NOTIFYD_VERSION));
  for (const auto& [name, option] : options)
    if (option->count() > 0) layers.flags[name] = texts[name];

  // Named as "" it is no file, and not none.
  if (config->count() > 0) layers.config_file = config_file;

  Invocation result;
  ReadEnvironment(environment, &layers, &result.unknown_variables);
  Status fault = layers.config_file ? ApplyFile(*layers.config_file, &result.options) : Status::Ok();
  if (fault.ok()) fault = ApplyTexts(layers.variables, /*flags=*/false, &result.options);
  if (fault.ok()) fault = ApplyTexts(layers.flags, /*flags=*/true, &result.options);
  if (fault.ok()) fault = CheckListeners(result.options);
  if (fault.ok()) fault = CheckMail(result.options.mail);
  if (fault.ok()) fault = CheckAlerts(result.options);
  if (!fault.ok()) {
    result = Exit(2, fault.detail());
    result.field = fault.field();
    return result;
  }
  result.options.store.directory = result.options.data_dir;
  result.options.api.version = NOTIFYD_VERSION;
  for (const auto& [name, dsn] : result.options.store.postgres.cells) result.options.api.cells.push_back(name);
  result.options.sender.user_agent = "notifyd/" NOTIFYD_VERSION;
  result.action = check ? Invocation::Action::kCheckConfig : Invocation::Action::kRun;
  return result;
}

}  // namespace notifyd
