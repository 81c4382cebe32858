// Settings of notifyd: one row each. Flags, NOTIFYD_* variables, the TOML file, --help and conf/notifyd.toml derive from the rows; defaults stand
// with the options that the rows write to (broker/limits.h, net/http.h, ...). Contract sections 4 and 5.
//
// A row named "a.b_c" is `b_c` in the table [a] of the file, NOTIFYD_A_B_C, and --a-b-c. Beside the rows the file takes tables, which no flag or
// variable can say: [[lane]] and [[destination]] (rules for lanes and for calls), [[command]], [[alert]], [[listener]], [auth.peers.NAME],
// [auth.certificates.NAME] and [store.postgres.cells].
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/log.h"
#include "base/status.h"
#include "broker/alerts.h"
#include "broker/flow_settings.h"
#include "broker/limits.h"
#include "cli/daemon/cluster_options.h"
#include "cli/daemon/settings_access.h"
#include "cli/daemon/settings_listeners.h"
#include "cli/daemon/telemetry_options.h"
#include "net/alerts/mail.h"
#include "net/api/api.h"
#include "net/beanstalkd/beanstalkd_tube.h"
#include "net/command/command_rules.h"
#include "net/http.h"
#include "net/sender/sender_options.h"
#include "storage/options.h"

namespace notifyd {

/// What the wiring starts from: every setting, where it is used.
struct Options {
  std::string listen = "127.0.0.1:7300";
  std::string data_dir = "./data";
  uint32_t io_threads = 1;
  uint32_t shards = 0;  // 0: half of the cores, at least 1
  int64_t shutdown_grace_ms = 30'000;
  bool core_dumps = false;
  std::string log_level = "info";
  std::string log_format = "auto";
  std::string console = "loopback";        // which listeners serve the web console: loopback, everywhere or nowhere
  LogOptions log;
  OtlpOptions otlp;
  std::vector<ListenerOptions> listeners;  // beside `listen`
  std::vector<BeanstalkdTube> tubes;       // of those listeners whose protocol is beanstalkd's
  AuthOptions auth;
  ClusterOptions cluster;
  CoreLimits core;
  FlowSettings flow;
  HttpLimits http;
  ApiOptions api;
  SenderOptions sender;
  CommandRules commands;
  AlertSettings alerts;
  MailOptions mail;
  StoreOptions store;
};

LogLevel LogLevelOf(const Options& options);
/// How many shards there are to be: what the setting says, or what the machine has.
uint32_t ShardsOf(const Options& options);
LogFormat LogFormatOf(const Options& options);

using SettingValue = std::variant<int64_t, bool, std::string, std::vector<std::string>, double>;

struct Setting {
  std::string name;
  std::string unit;  // "bytes", "ms", ...; empty where a word or text
  SettingValue fallback;
  int64_t least = 0, most = 0;     // whole numbers only, both included; a ratio is from 0 to 1
  std::vector<std::string> words;  // where not empty: the values that are allowed
  bool reloadable = false;         // can change while the broker runs (SIGHUP)
  bool numbers = false;            // a list whose items may stand in a file without quotes
  std::string help;
  /// Checks beyond range and words; empty: none. A list is checked item by item.
  std::function<Status(const std::string&)> check;
  std::function<void(const SettingValue&, Options*)> apply;
  std::function<SettingValue(const Options&)> read;

  std::string Flag() const;      // "--a-b-c"
  std::string Variable() const;  // "NOTIFYD_A_B_C"
};

/// In the order in which people are to read them; those of one table stand together.
const std::vector<Setting>& AllSettings();
/// Null where there is none of that name.
const Setting* FindSetting(std::string_view name);

/// From text, as flags and variables have it; lists with commas. Error: kUnacceptable, the detail without the name.
Result<SettingValue> ParseValue(const Setting& setting, const std::string& text);
/// Type, range and words. Error: kUnacceptable, the detail without the name.
Status CheckValue(const Setting& setting, const SettingValue& value);

/// "1 to 64 threads", "debug, info, warn or error", "text", "a list", "0 to 1": what may be given.
std::string AcceptedText(const Setting& setting);
/// The default as a flag takes it; "none" where it is an empty list.
std::string FallbackText(const Setting& setting);

/// The TOML file that says what the defaults say, with help and ranges as comments: conf/notifyd.toml.
std::string DefaultsAsToml();

/// What conf/notifyd.toml says about tables that no row has, by what they are about: with comments, commented out.
std::vector<std::pair<std::string, std::string>> TablesAsToml();

/// What reading the settings anew comes to, by names in the order of AllSettings(), then the tables: "lane", "destination" (with what the files
/// that its rules name hold), "command", "listener", "auth.peers", ...
struct Reloaded {
  std::vector<std::string> applied;      // changed, and hold now
  std::vector<std::string> not_applied;  // changed, and hold after a restart
};
/// Takes over into `running` what `fresh` says otherwise and can change while the broker runs.
Reloaded ApplyReloadable(const Options& fresh, Options* running);

/// What a command line asks for.
struct Invocation {
  enum class Action { kRun, kCheckConfig, kExit } action = Action::kExit;
  int exit_code = 0;                           // kExit: 0, or 2 for wrong usage or configuration
  std::string output;                          // kExit with 0: for standard output
  std::string error;                           // kExit with 2: for standard error
  std::string field;                           // kExit with 2: the setting at fault ("/limits/pending"); empty where it is no single one
  Options options;                             // flags over variables over file over defaults
  std::vector<std::string> unknown_variables;  // NOTIFYD_* that name no setting: worth a warning, for platforms set such variables by themselves
};
/// `arguments` without the program's name; `environment` as "NAME=value".
Invocation ReadCommandLine(const std::vector<std::string>& arguments, const std::vector<std::string>& environment);

}  // namespace notifyd
