#include "cli/client/command_line.h"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <functional>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/arguments.h"
#include "cli/client/alert_commands.h"
#include "cli/client/backup_command_line.h"
#include "cli/client/bridge_command_line.h"
#include "cli/client/bulk.h"
#include "cli/client/cluster_command_line.h"
#include "cli/client/command_tools.h"
#include "cli/client/commands.h"
#include "cli/client/debug_command_line.h"
#include "cli/client/describe.h"
#include "cli/client/figure_command_line.h"
#include "cli/client/group_command_line.h"
#include "cli/client/import_commands.h"
#include "cli/client/lanes.h"
#include "cli/client/notify_fields.h"
#include "cli/client/patience.h"
#include "cli/client/response_commands.h"
#include "cli/client/schedule_command_line.h"
#include "cli/client/service_commands.h"
#include "cli/client/submit_command.h"
#include "cli/client/submit_file.h"
#include "cli/client/team_command_line.h"
#include "cli/client/top.h"
#include "cli/client/topic_command_line.h"

namespace notifyd {
namespace {

constexpr char kDefaultServer[] = "http://127.0.0.1:7300";
constexpr int64_t kRememberMostMs = 30ll * 24 * 3'600'000;

constexpr char kIfMatchOfOne[] = "With an id: only where this is its ETag still, with its quotes or without.";

const std::vector<std::string> kModeWords = {"concurrent", "fifo"};
const std::vector<std::string> kPendingWords(std::begin(kPendingStates), std::end(kPendingStates));
const std::vector<std::string> kSettledWords = {"succeeded", "failed", "cancelled", "expired"};

/// What is missing, out of the option's own words: "pause needs LANE: the lane's name".
std::string Missing(const CLI::App& command) {
  for (const CLI::Option* option : command.get_options()) {
    if (!option->get_required() || option->count() > 0) continue;
    std::string name = option->get_positional() ? "" : option->get_name() + " ", help = option->get_description();
    help[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(help[0])));
    if (help.back() == '.') help.pop_back();
    return command.get_name() + " needs " + name + option->get_type_name() + ": " + help;
  }
  return "";
}

class CommandLine {
 public:
  CommandLine() : app_("Talks to a notifyd broker.", "notifyctl") {
    app_.require_subcommand(0, 1);
    app_.fallthrough();
    app_.set_help_flag("--help,-h", "Print this help and exit.");
    app_.get_formatter()->column_width(38);
    AddBroker();
    app_.add_flag("--json", json_, "Print JSON instead of tables: what the broker answers; of a notify with its ETag as member etag.");
    app_.add_flag("--version,-V", version_, "Print the version and exit.");
    app_.add_option("--generate", generate_, "Print man, bash or zsh: made from these definitions.")->group("");
    app_.footer("Exit codes: 0 done, 1 the broker refused, 2 wrong usage, 3 the broker cannot be reached.");
    AddSubmit();
    AddTrigger();
    AddGet();
    AddExplain();
    AddResponse();
    AddList();
    AddChange();
    AddCancel();
    AddRetry();
    AddPurge();
    AddLanes();
    AddPauseAndResume();
    AddConfigure();
    AddStatsAndVerify();
    AddTop();
    figures_.Add(&app_);
    groups_.Add(&app_);
    schedules_.Add(&app_);
    backups_.Add(&app_);
    cluster_.Add(&app_);
    debug_.Add(&app_);
    topics_.Add(&app_);
    teams_.Add(&app_);
    services_.Add(&app_);
    alerts_.Add(&app_);
    imports_.Add(&app_);
    bridges_.Add(&app_);
    Add("version", "Print the version.", [this](const Context&) { return PrintVersion(); });
  }

  int Run(int argc, char** argv) {
    const std::vector<std::string> arguments = ArgumentsForParser({argv + 1, argv + argc});
    try {
      app_.parse(std::vector<std::string>(arguments));
    } catch (const CLI::CallForHelp&) {
      Print(app_.help());  // of the command where one was named
      return kDone;
    } catch (const CLI::RequiredError& fault) {
      std::string missing = Missing(*Chosen());
      return Misused(Command(), missing.empty() ? fault.what() : missing);
    } catch (const CLI::ParseError& fault) {
      const CLI::App* chosen = Chosen();
      const std::vector<std::string> unknown = app_.remaining(/*recurse=*/true);
      if (!commands_.count(chosen) && !unknown.empty()) {
        std::string of = chosen == &app_ ? "" : " of " + chosen->get_name() + ", which has " + Names(*chosen);
        return Misused(Command(), "there is no command or flag \"" + unknown.front() + "\"" + of);
      }
      if (!unknown.empty()) return Misused(Command(), Unexpected(*chosen, hints_, unknown, {arguments.rbegin(), arguments.rend()}));
      static constexpr std::string_view kMissing = " missing";  // "--data: 1 required JSON missing"
      std::string what = fault.what();
      bool no_value = what.size() > kMissing.size() && what.compare(what.size() - kMissing.size(), kMissing.size(), kMissing) == 0;
      return Misused(Command(), no_value ? what.substr(0, what.find(':')) + " needs a value" : what);
    }
    if (version_ || app_.got_subcommand("version")) return PrintVersion();
    if (!generate_.empty()) return Generate();
    if (app_.get_subcommands().empty()) return Misused("", "a command is needed");
    if (std::string fault = HttpClient::FaultOfServer(target_.server); !fault.empty()) return Misused("", "--server: " + fault);
    auto action = commands_.find(Chosen());
    if (action == commands_.end()) return Misused(Command(), Chosen()->get_name() + " needs a command of its own: " + Names(*Chosen()));
    Result<Credential> credential = FindCredential();
    if (!credential.ok()) {
      Complain(credential.status().detail());
      return kUsage;
    }
    target_.credential = *std::move(credential);
    if (all_namespaces_) target_.space.clear();
    HttpClient client(target_);
    return action->second({&client, json_, Command(), Chosen()->get_option_no_throw("--idempotency-key") != nullptr});
  }

 private:
  /// The command that was named: of a group's the one within.
  const CLI::App* Chosen() const {
    const CLI::App* command = &app_;
    while (!command->get_subcommands().empty()) command = command->get_subcommands().front();
    return command;
  }

  /// As Context says it.
  std::string Command() const {
    std::string names;
    for (const CLI::App* command = &app_; !command->get_subcommands().empty();) {
      command = command->get_subcommands().front();
      names += (names.empty() ? "" : " ") + command->get_name();
    }
    return names;
  }

  static std::string Names(const CLI::App& group) {
    std::string names;
    for (const CLI::App* command : group.get_subcommands([](const CLI::App*) { return true; }))
      names += (names.empty() ? "" : ", ") + command->get_name();
    return names;
  }

  Exit PrintVersion() const {
    PrintLine(json_ ? "{\"version\":\"" NOTIFYD_VERSION "\"}" : "notifyctl " NOTIFYD_VERSION);
    return kDone;
  }

  Exit Generate() {
    CommandText text = Describe(app_, hints_);
    if (generate_ == "man") Print(ControlManual(text, NOTIFYD_VERSION));
    else if (generate_ == "bash") Print(BashCompletion(text));
    else if (generate_ == "zsh") Print(ZshCompletion(text));
    else return Misused("", "--generate: man, bash or zsh");
    return kDone;
  }

  void AddBroker() {
    target_.server = kDefaultServer;
    app_.add_option("--server", target_.server, "Where the broker is: http://, https://, or unix:/PATH of its socket.")
        ->type_name("URL")
        ->envname("NOTIFYD_URL")
        ->default_str(kDefaultServer);
    app_.add_option("--namespace", target_.space, "The namespace that it is about; without it the token's only one, or default.")
        ->type_name("NAME")
        ->envname("NOTIFYD_NAMESPACE")
        ->check(NotEmpty());
    auto add_file = [&](const char* flag, std::string* file, const char* variable, const char* help) {
      hints_[app_.add_option(flag, *file, help)->type_name("FILE")->envname(variable)].file = true;
    };
    add_file("--ca-file", &target_.ca_file, "NOTIFYD_CA_FILE",
             "Of an https broker: the authorities that its certificate is checked by, in place of the system's.");
    add_file("--cert-file", &target_.cert_file, "NOTIFYD_CERT_FILE", "The certificate to show to a broker that asks for one.");
    add_file("--key-file", &target_.key_file, "NOTIFYD_KEY_FILE", "The key of that certificate.");
  }

  CLI::App* Add(const std::string& name, const std::string& help, std::function<Exit(const Context&)> action) {
    CLI::App* command = app_.add_subcommand(name, help);
    commands_[command] = std::move(action);
    return command;
  }

  void AddId(CLI::App* command, bool required) {
    command->add_option("id", id_, "The notify's id.")->type_name("ID")->required(required)->check(NotEmpty());
  }

  void AddFkey(CLI::App* command, const std::string& help) { command->add_option("--fkey", fkey_, help)->type_name("FKEY")->check(NotEmpty()); }

  void AddField(CLI::App* command, const FieldFlag& field, const std::string& flags, Texts* texts) {
    CLI::Option* option = texts->Add(command, field.name, flags, field.type, field.help);
    if (!field.words.empty()) hints_[option].words = field.words;
  }

  /// One filter of lists and bulk operations.
  CLI::Option* AddFilter(CLI::App* command, const std::string& name, const std::string& type, const std::string& help, Texts* texts,
                         std::vector<std::string> words = {}) {
    std::string flag = "--" + name;
    std::replace(flag.begin(), flag.end(), '_', '-');
    CLI::Option* option = texts->Add(command, name, flag, type, help)->check(NotEmpty());
    if (words.empty()) return option;
    hints_[option].words = std::move(words);
    hints_[option].list = name == "state";
    return option;
  }

  void AddFilters(CLI::App* command, std::vector<std::string> states, Texts* texts) {
    AddFilter(command, "state", "STATE,...", "Only in these states.", texts, std::move(states));
    AddFilter(command, "lane", "LANE", "Only of this lane.", texts);
    AddFilter(command, "mode", "MODE", "Only of lanes of this mode: concurrent or fifo.", texts, kModeWords);
    AddFilter(command, "fkey_prefix", "TEXT", "Only those whose fkey begins so.", texts);
    AddFilter(command, "caller", "NAME", "Only of this caller.", texts);
    AddFilter(command, "url_prefix", "TEXT", "Only those whose URL begins so.", texts);
    AddFilter(command, "created_after", "TIME", "Only those created then or later: RFC 3339, or milliseconds since the epoch.", texts);
    AddFilter(command, "created_before", "TIME", "Only those created before; as --created-after.", texts);
    AddFilter(command, "settled_after", "TIME", "Only those settled then or later.", texts);
    AddFilter(command, "settled_before", "TIME", "Only those settled before.", texts);
    AddFilter(command, "host", "HOST", "Only those that go to this host: name:port, or a name alone for port 80.", texts);
    AddFilter(command, "error", "WORD", "Only those whose newest attempt ended so, as timeout.", texts);
    AddFilter(command, "service", "NAME", "Only those that go to this service.", texts);
    AddFilter(command, "topic", "TOPIC", "Only those that come from events of this topic.", texts);
    AddFilter(command, "subscription", "NAME", "Only those that come from this subscription.", texts);
    AddFilter(command, "event", "ID", "Only those that come from this event.", texts);
    AddFilter(command, "schedule", "NAME", "Only those that come from this schedule.", texts);
    AddFilter(command, "group_id", "ID", "Only those of this group.", texts);
    AddFilter(command, "id", "ID", "Only this one.", texts);
    AddFilter(command, "label", "KEY:VALUE", "Only those with this label; may be repeated: with all of them.", texts)
        ->allow_extra_args(false)
        ->multi_option_policy(CLI::MultiOptionPolicy::Join);
  }

  void AddMode(CLI::App* command, const std::string& help, bool required) {
    CLI::Option* option = command->add_option("--mode", mode_, help)->required(required)->check(Quiet(CLI::IsMember(kModeWords)))->type_name("MODE");
    hints_[option].words = kModeWords;
  }

  void AddLimit(CLI::App* command) {
    command->add_option("--limit", limit_, "How many at most.")->check(Quiet(CLI::Range(uint64_t{1}, kListMost)))->type_name("N")->default_str("100");
  }

  CLI::Option* AddReconnect(CLI::App* command, const std::string& help) {
    return command->add_option("--reconnect-ms", reconnect_ms_, help)
        ->check(Quiet(CLI::Range(int64_t{0}, int64_t{24 * 3'600'000})))
        ->type_name("MS")
        ->default_str(std::to_string(kReconnectMs));
  }

  // ---- notifies

  void AddSubmit() {
    CLI::App* submit = Add("submit", "Submit a notify, or a file of them (- alone: those on standard input).", [this](const Context& context) {
      FieldValues values{submit_texts_.Given(), headers_};
      // Where the URL would stand.
      if (auto url = values.fields.find("url"); file_.empty() && url != values.fields.end() && url->second == "-") {
        file_ = "-";
        values.fields.erase(url);
      }
      if (!file_.empty() && !(values.fields.empty() && headers_.empty())) return Misused(context, "--file goes without flags for fields");
      if (!file_.empty() && submit_wait_->count() > 0) return Misused(context, "--wait goes with a single notify");
      if (!file_.empty()) return SubmitLines(context, file_, SubmitPath(window_ms_), reconnect_ms_);
      if (submit_reconnect_->count() > 0) return Misused(context, "--reconnect-ms goes with --file");
      if (!values.fields.count("url")) return Misused(context, "submit needs a URL or --file");
      if (submit_wait_->count() == 0) return notifyd::Submit(context, values, SubmitPath(window_ms_));
      std::optional<int64_t> wait_ms = WaitOf(submit_wait_text_);
      return wait_ms ? SubmitAndWait(context, values, SubmitPath(window_ms_), *wait_ms)
                     : Misused(context, "--wait: \"" + submit_wait_text_ + "\" is not a number of milliseconds");
    });
    for (const FieldFlag& field : NotifyFlags()) AddField(submit, field, field.flags, &submit_texts_);
    AddHeader(submit);
    CLI::Option* file = submit->add_option(
        "--file,-f", file_,
        "NDJSON, one notify a line, each accepted or refused by itself, by a rate, too (429): no line waits or is sent again; - is standard input.");
    hints_[file->type_name("FILE")].file = true;
    submit_wait_ = submit->add_flag("--wait{forever}", submit_wait_text_,
                                    "Wait until it is settled, and show what its receiver answered; --wait=MS: that long at most.");
    hints_[submit_wait_].optional_value = "MS";
    submit
        ->add_option("--idempotency-window-ms,--idempotency-window", window_ms_,
                     "For how long idempotency keys are remembered, where not as the broker's settings say.")
        ->check(Quiet(CLI::Range(int64_t{1}, kRememberMostMs)))
        ->type_name("MS");
    submit_reconnect_ = AddReconnect(submit, "With --file: how long to look for a broker that restarts meanwhile.");
  }

  void AddHeader(CLI::App* command) {
    // One value a flag: what follows may be the URL.
    command->add_option("--header,--headers,-H", headers_, "A header, \"Name: value\"; may be repeated.")->type_name("TEXT")->allow_extra_args(false);
  }

  void AddTrigger() {
    CLI::App* trigger = Add("trigger", "Make a held notify due.",
                            [this](const Context& context) { return notifyd::Trigger(context, fkey_, {trigger_texts_.Given()}, remember_ms_); });
    trigger->add_option("fkey", fkey_, "The key that it is held under.")->type_name("FKEY")->required()->check(NotEmpty());
    for (const FieldFlag& field : NotifyFlags())
      if (IsWhenField(field)) AddField(trigger, field, field.flags, &trigger_texts_);
    trigger_texts_.Add(trigger, "data", "--data,-d", "JSON", "Merged over the held data, key by key.");
    trigger
        ->add_option("--remember-ms,--remember", remember_ms_, "Where nothing is held yet: remember the trigger that long, for the submit to come.")
        ->check(Quiet(CLI::Range(int64_t{1}, kRememberMostMs)))
        ->type_name("MS");
  }

  void AddGet() {
    CLI::App* get = Add("get", "Show one notify with its attempts.", [this](const Context& context) { return RunGet(context); });
    AddId(get, false);
    AddFkey(get, "The key that it is held under, instead of its id.");
    wait_ = get->add_flag("--wait{forever}", wait_text_, "Wait until it is settled; --wait=MS: that long at most.");
    hints_[wait_].optional_value = "MS";
    wait_ms_ = get->add_option("--wait-ms", wait_text_, "The same as --wait=MS.")->type_name("MS");
    get_reconnect_ = AddReconnect(get, "With --wait: how long to look for a broker that goes away meanwhile.");
  }

  Exit RunGet(const Context& context) {
    if (id_.empty() == fkey_.empty()) return Misused(context, "get needs an id or --fkey");
    bool waits = wait_->count() + wait_ms_->count() > 0;
    if (!waits && get_reconnect_->count() > 0) return Misused(context, "--reconnect-ms goes with --wait");
    if (!fkey_.empty()) return waits ? Misused(context, "--wait goes with an id") : GetFkey(context, fkey_);
    std::optional<int64_t> wait_ms;
    if (waits && !(wait_ms = WaitOf(wait_text_))) return Misused(context, "--wait: \"" + wait_text_ + "\" is not a number of milliseconds");
    return notifyd::Get(context, id_, wait_ms, reconnect_ms_);
  }

  /// "forever" is -1; nothing where it is no number of milliseconds.
  static std::optional<int64_t> WaitOf(const std::string& text) {
    int64_t number = -1;
    if (text == "forever") return number;
    if (!CLI::detail::lexical_cast(text, number) || number < 0) return std::nullopt;
    return number;
  }

  void AddResponse() {
    CLI::App* group = app_.add_subcommand("response", "What is kept of the answer that ended a notify (--keep-response-bytes).");
    CLI::App* get = group->add_subcommand("get", "Show it.");
    commands_[get] = [this](const Context& context) { return ShowResponse(context, id_); };
    CLI::App* save = group->add_subcommand("save", "Write its body to a file.");
    commands_[save] = [this](const Context& context) { return SaveResponse(context, id_, response_file_); };
    for (CLI::App* command : {get, save}) AddId(command, true);
    hints_[save->add_option("file", response_file_, "Where to; - is standard output.")->type_name("FILE")->required()->check(NotEmpty())].file = true;
  }

  void AddExplain() {
    AddId(
        Add("explain", "Say why a notify is where it is, and when it can be sent.", [this](const Context& context) { return Explain(context, id_); }),
        true);
  }

  void AddList() {
    CLI::App* list = Add("list", "List notifies, newest first.", [this](const Context& context) {
      std::map<std::string, std::string> filters = list_texts_.Given();
      if (all_namespaces_) filters["namespaces"] = "all";
      return notifyd::List(context, filters, limit_);
    });
    std::vector<std::string> states = kPendingWords;
    states.insert(states.end(), kSettledWords.begin(), kSettledWords.end());
    AddFilters(list, states, &list_texts_);
    AddFilter(list, "fkey", "FKEY", "Only those with this fkey.", &list_texts_);
    list_texts_.Add(list, "cursor", "--cursor", "CURSOR", "Go on where a list ended.");
    AddFilter(list, "order", "WORD", "newest (default) or oldest first; due: those that are scheduled, soonest first.", &list_texts_,
              {"newest", "oldest", "due"});
    AddLimit(list);
    AddAllNamespaces(list);
  }

  void AddAllNamespaces(CLI::App* command) { command->add_flag("--all-namespaces", all_namespaces_, "Of all namespaces; for tokens of all."); }

  void AddChange() {
    CLI::App* change = Add("change", "Change a notify that is neither settled nor in flight.", [this](const Context& context) {
      FieldValues values{change_texts_.Given(), headers_, removed_headers_, resets_};
      if (values.empty()) return Misused(context, "change needs at least one flag that says what to change");
      return notifyd::Change(context, id_, values, if_match_);
    });
    AddId(change, true);
    std::vector<std::string> names = {"headers"};
    for (const FieldFlag& field : NotifyFlags()) {
      if (!field.changes) continue;
      AddField(change, field, field.flags, &change_texts_);
      if (field.name.find('/') == std::string::npos) names.push_back(field.name);
    }
    AddHeader(change);
    change->add_option("--remove-header", removed_headers_, "Take a header away; may be repeated.")->type_name("NAME")->allow_extra_args(false);
    CLI::Option* reset = change->add_option("--reset", resets_, "Give a field its default again, by its name in JSON; may be repeated.");
    reset->allow_extra_args(false)->check(Quiet(CLI::IsMember(names)))->type_name("FIELD");
    hints_[reset].words = names;
    AddIfMatch(change, "Only where this is its ETag still, with its quotes or without.");
  }

  void AddIfMatch(CLI::App* command, const std::string& help) {
    // Not empty: a variable of a script that is not set must not become a change without a condition.
    command->add_option("--if-match", if_match_, help)->type_name("ETAG")->check(NotEmpty());
  }

  // ---- one notify, or all that match

  void AddBulk(CLI::App* command, std::vector<std::string> states) {
    AddFilters(command, std::move(states), &bulk_texts_[command]);
    command->add_flag("--dry-run", dry_run_, "Count those that match, and leave them alone.");
    command->add_option("--cursor", cursor_, "Go on where a call ended.")->type_name("CURSOR");
  }

  Exit RunBulk(const Context& context, CLI::App* command) {
    BulkArguments arguments{command->get_name(), bulk_texts_[command].Given(), cursor_, dry_run_};
    if (!fkey_.empty()) arguments.filters["fkey"] = fkey_;
    if (!arguments.filters.count("state")) return Misused(context, command->get_name() + " by filter needs --state");
    return notifyd::Bulk(context, arguments);
  }

  bool IsFiltered(CLI::App* command) { return !bulk_texts_[command].Given().empty() || dry_run_ || !cursor_.empty(); }

  void AddCancel() {
    CLI::App* cancel = Add("cancel", "Cancel one that is not settled, or all that match a filter.", [this](const Context& context) {
      CLI::App* command = app_.get_subcommands().front();
      bool filtered = IsFiltered(command);
      if (id_.empty() && fkey_.empty() && !filtered) return Misused(context, "cancel needs an id, --fkey or --state");
      if (!id_.empty() && (filtered || !fkey_.empty())) return Misused(context, "cancel takes an id, or --fkey, or filters");
      if (!id_.empty()) return notifyd::Cancel(context, id_, if_match_);
      if (!if_match_.empty()) return Misused(context, "--if-match goes with an id");
      return filtered ? RunBulk(context, command) : CancelFkey(context, fkey_);
    });
    AddId(cancel, false);
    AddIfMatch(cancel, kIfMatchOfOne);
    AddFkey(cancel, "The key that it is held under, or whose trigger is remembered; with --state one more filter.");
    AddBulk(cancel, kPendingWords);
  }

  void AddRetry() {
    CLI::App* retry = Add("retry", "Send again now: a settled one starts over, a waiting one is moved to now.", [this](const Context& context) {
      CLI::App* command = app_.get_subcommands().front();
      bool filtered = IsFiltered(command) || !fkey_.empty();
      if (id_.empty() != filtered) return Misused(context, filtered ? "retry takes an id or filters" : "retry needs an id or --state");
      if (filtered && paused_too_) return Misused(context, "--paused goes with an id");
      if (filtered && !if_match_.empty()) return Misused(context, "--if-match goes with an id");
      return filtered ? RunBulk(context, command) : notifyd::Retry(context, id_, paused_too_, if_match_);
    });
    AddId(retry, false);
    retry->add_flag("--paused", paused_too_, "Send it although its lane is paused: this one alone, before all others, and once.");
    AddIfMatch(retry, kIfMatchOfOne);
    AddFkey(retry, "Only those with this fkey.");
    std::vector<std::string> states = kSettledWords;
    states.insert(states.end(), kPendingWords.begin(), kPendingWords.end());
    AddBulk(retry, states);
  }

  void AddPurge() {
    CLI::App* purge = Add("purge", "Remove settled notifies that match a filter, for good.",
                          [this](const Context& context) { return RunBulk(context, app_.get_subcommands().front()); });
    AddFkey(purge, "Only those with this fkey.");
    AddBulk(purge, kSettledWords);
  }

  // ---- lanes

  void AddLaneName(CLI::App* command, bool required) {
    command->add_option("lane", lane_, "The lane's name.")->type_name("LANE")->required(required)->check(NotEmpty());
  }

  void AddLanes() {
    CLI::App* lanes = Add("lanes", "List lanes that have pending notifies or settings, or show one.", [this](const Context& context) {
      if (lane_.empty()) return mode_.empty() ? ListLanes(context, {prefix_, cursor_, limit_}) : Misused(context, "--mode goes with a lane's name");
      if (!prefix_.empty() || !cursor_.empty()) return Misused(context, "--prefix and --cursor go without a lane's name");
      return ShowLane(context, lane_, mode_);
    });
    AddLaneName(lanes, false);
    lanes->add_option("--prefix", prefix_, "Only lanes whose names begin so.")->type_name("TEXT");
    AddMode(lanes, "concurrent or fifo; without it both lanes of that name.", false);
    lanes->add_option("--cursor", cursor_, "Go on where a list ended.")->type_name("CURSOR");
    AddLimit(lanes);
  }

  void AddPauseAndResume() {
    for (bool paused : {true, false}) {
      CLI::App* command = Add(paused ? "pause" : "resume", paused ? "Start no attempt in a lane until it is resumed." : "Let a paused lane go on.",
                              [this, paused](const Context& context) { return SetLanePaused(context, lane_, mode_, paused, until_, reason_); });
      AddLaneName(command, true);
      if (paused) command->add_option("--until", until_, "When it goes on by itself: RFC 3339, such as 2027-03-01T08:00:00Z.")->type_name("TIME");
      if (paused) command->add_option("--reason", reason_, "Why, for whoever looks at the lane later.")->type_name("TEXT");
      AddMode(command, "concurrent or fifo; without it both lanes of that name.", false);
    }
  }

  void AddConfigure() {
    CLI::App* configure = Add("configure", "Set what holds for one lane; the word default takes a setting back.", [this](const Context& context) {
      std::map<std::string, std::string> settings = lane_texts_.Given();
      if (settings.empty()) return Misused(context, "configure needs at least one setting");
      return ConfigureLane(context, lane_, mode_, settings);
    });
    AddLaneName(configure, true);
    AddMode(configure, "concurrent or fifo.", true);
    auto add = [&](const char* name, const char* flag, const char* type, const char* help, std::vector<std::string> words = {"default"}) {
      hints_[lane_texts_.Add(configure, name, flag, type, help)].words = std::move(words);
    };
    add("concurrency", "--concurrency", "N", "Calls in flight at most; of a concurrent lane.");
    add("rate_per_s", "--rate-per-s,--rate", "NUMBER", "Calls a second at most.");
    add("burst", "--burst", "N", "How many may go at once after a pause, above the rate.");
    add("on_retry", "--on-retry", "WORD", "block or skip: whether a fifo lane waits for its head's next attempt.", {"block", "skip", "default"});
    add("on_failure", "--on-failure", "WORD", "continue or pause: what a fifo lane does when its head fails.", {"continue", "pause", "default"});
  }

  // ---- the broker

  void AddStatsAndVerify() {
    Add("ready", "Is it there, and does it take submits? No token is needed.", [](const Context& context) { return Ready(context); });
    Add("whoami", "As whom the broker knows you, and what you may do.", [](const Context& context) { return Whoami(context); });
    CLI::App* stats = Add("stats", "Counts, totals and sizes.", [this](const Context& context) { return Stats(context, all_namespaces_); });
    CLI::App* verify = Add("verify", "Check that the books balance: every notify accepted is pending or settled.",
                           [this](const Context& context) { return notifyd::Verify(context, all_namespaces_); });
    AddAllNamespaces(stats);
    AddAllNamespaces(verify);
  }

  void AddTop() {
    CLI::App* top = Add("top", "A live view: counts, rates, lateness, lanes and the newest failures.", [this](const Context& context) {
      return Top(context, {interval_ms_, once_, order_ == "oldest" ? LaneOrder::kOldest : LaneOrder::kPending});
    });
    top->add_option("--interval", interval_ms_, "How often it looks, 100 at least.")
        ->check(Quiet(CLI::Range(int64_t{100}, int64_t{3'600'000})))
        ->type_name("MS")
        ->default_str("1000");
    top->add_flag("--once", once_, "Look for one interval, print that and exit; as with --json and where standard output is no terminal.");
    CLI::Option* order = top->add_option("--sort", order_, "Which lanes come first: pending (most pending) or oldest (oldest head).");
    order->check(Quiet(CLI::IsMember(std::vector<std::string>{"pending", "oldest"})))->type_name("WORD")->default_str("pending");
    hints_[order].words = {"pending", "oldest"};
    top->footer("Keys: q quits, p sorts by pending, o by the oldest head.");
  }

  CLI::App app_;
  Actions commands_;
  OptionHints hints_;
  CLI::Option *wait_ = nullptr, *wait_ms_ = nullptr, *submit_wait_ = nullptr, *get_reconnect_ = nullptr, *submit_reconnect_ = nullptr;
  HttpTarget target_;
  std::string generate_, id_, fkey_, file_, wait_text_, submit_wait_text_, response_file_, if_match_, lane_, mode_, until_, reason_, prefix_, cursor_,
      order_ = "pending";
  std::vector<std::string> headers_, removed_headers_, resets_;
  uint64_t limit_ = 100;
  int64_t remember_ms_ = 0, window_ms_ = 0, interval_ms_ = 1000, reconnect_ms_ = kReconnectMs;
  bool json_ = false, dry_run_ = false, once_ = false, version_ = false, all_namespaces_ = false, paused_too_ = false;
  Texts submit_texts_, trigger_texts_, list_texts_, change_texts_, lane_texts_;
  std::map<const CLI::App*, Texts> bulk_texts_;
  FigureCommandLine figures_{&commands_, &hints_};
  DebugCommandLine debug_{&commands_, &hints_};
  GroupCommandLine groups_{&commands_, &hints_};
  BackupCommandLine backups_{&commands_, &hints_};
  ClusterCommandLine cluster_{&commands_, &hints_};
  ScheduleCommandLine schedules_{&commands_, &hints_};
  TeamCommandLine teams_{&commands_, &hints_};
  TopicCommandLine topics_{&commands_, &hints_};
  ServiceCommands services_{&commands_, &hints_};
  AlertCommands alerts_{&commands_, &hints_};
  ImportCommands imports_{&commands_, &hints_};
  BridgeCommandLine bridges_{&commands_, &hints_};
};

}  // namespace

int RunCommandLine(int argc, char** argv) {
  return CommandLine().Run(argc, argv);
}

}  // namespace notifyd
