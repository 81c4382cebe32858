// notifyctl: the command line, and nothing else; cli/commands.h does the work. Exit codes: 0 done, 1 the broker refused, 2 wrong usage, 3 the broker
// cannot be reached (contract section 4).
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/commands.h"
#include "cli/notify_fields.h"

namespace notifyd {
namespace {

constexpr char kDefaultServer[] = "http://127.0.0.1:7300";

/// Options whose texts are wanted only where they were given.
class Texts {
 public:
  void Add(CLI::App* app, const std::string& name, const std::string& flags, const std::string& type, const std::string& help) {
    auto& [option, text] = texts_[name];
    option = app->add_option(flags, text, help)->type_name(type);
  }
  CLI::Option* Of(const std::string& name) { return texts_.at(name).first; }
  std::map<std::string, std::string> Given() const {
    std::map<std::string, std::string> given;
    for (const auto& [name, entry] : texts_)
      if (entry.first->count() > 0) given[name] = entry.second;
    return given;
  }

 private:
  std::map<std::string, std::pair<CLI::Option*, std::string>> texts_;
};

class CommandLine {
 public:
  CommandLine() : app_("Talks to a notifyd broker.", "notifyctl") {
    app_.require_subcommand(1);
    app_.fallthrough();
    app_.set_help_flag("--help,-h", "Print this help and exit.");
    app_.get_formatter()->column_width(38);
    app_.add_option("--server", server_, "Where the broker is.")->type_name("URL")->envname("NOTIFYD_URL")->default_str(kDefaultServer);
    app_.add_flag("--json", json_, "Print JSON instead of tables.");
    app_.footer("Exit codes: 0 done, 1 the broker refused, 2 wrong usage, 3 the broker cannot be reached.");
    AddSubmit();
    AddTrigger();
    AddGet();
    AddList();
    AddCancel();
    AddRetry();
    stats_ = app_.add_subcommand("stats", "Counts, totals and sizes.");
    verify_ = app_.add_subcommand("verify", "Check that the books balance: every notify accepted is pending or settled.");
    version_ = app_.add_subcommand("version", "Print the version.");
  }

  int Run(int argc, char** argv) {
    try {
      app_.parse(argc, argv);
    } catch (const CLI::CallForHelp&) {
      std::fputs(app_.help().c_str(), stdout);  // of the command where one was named
      return kDone;
    } catch (const CLI::ParseError& fault) {
      bool no_such_command = app_.get_subcommands().empty() && !app_.remaining().empty();
      return Misused(no_such_command ? "there is no command or flag \"" + app_.remaining().front() + "\"" : fault.what());
    }
    if (version_->parsed()) {
      std::puts(json_ ? "{\"version\":\"" NOTIFYD_VERSION "\"}" : "notifyctl " NOTIFYD_VERSION);
      return kDone;
    }
    if (server_.rfind("http://", 0) != 0 && server_.rfind("https://", 0) != 0)
      return Misused("--server: \"" + server_ + "\" is not an http:// or https:// URL");
    HttpClient client(server_);
    Context context{&client, json_};
    if (submit_->parsed()) return RunSubmit(context);
    if (trigger_->parsed()) return Trigger(context, {fkey_, trigger_texts_.Given()});
    if (get_->parsed()) return RunGet(context);
    if (list_->parsed()) return List(context, {list_texts_.Given(), limit_});
    if (cancel_->parsed()) return RunCancel(context);
    if (retry_->parsed()) return Retry(context, id_);
    if (stats_->parsed()) return Stats(context);
    return Verify(context);
  }

 private:
  static int Misused(const std::string& what) {
    std::fprintf(stderr, "notifyctl: %s\nTry: notifyctl --help\n", what.c_str());
    return kUsage;
  }

  void AddSubmit() {
    submit_ = app_.add_subcommand("submit", "Submit a notify, or a file of them.");
    for (const NotifyField& field : NotifyFields()) submit_texts_.Add(submit_, field.name, field.flags, field.type, field.help);
    // One value a flag: what follows may be the URL.
    submit_->add_option("--header,-H", headers_, "A header, \"Name: value\"; may be repeated.")->type_name("TEXT")->allow_extra_args(false);
    submit_->add_option("--file,-f", file_, "NDJSON, one notify a line; - is standard input.")->type_name("FILE");
  }

  int RunSubmit(const Context& context) {
    SubmitArguments arguments{submit_texts_.Given(), headers_, file_};
    if (!file_.empty() && !(arguments.fields.empty() && headers_.empty())) return Misused("--file goes without flags for fields");
    if (file_.empty() && !arguments.fields.count("url")) return Misused("submit needs a URL or --file");
    return Submit(context, arguments);
  }

  void AddTrigger() {
    trigger_ = app_.add_subcommand("trigger", "Make a held notify due.");
    trigger_->add_option("fkey", fkey_, "The key that it is held under.")->type_name("FKEY")->required();
    for (const NotifyField& field : NotifyFields())
      if (IsWhenField(field)) trigger_texts_.Add(trigger_, field.name, field.flags, field.type, field.help);
    trigger_texts_.Add(trigger_, "data", "--data,-d", "JSON", "Merged over the held data, key by key.");
  }

  void AddGet() {
    get_ = app_.add_subcommand("get", "Show one notify with its attempts.");
    get_->add_option("id", id_, "Its id.")->type_name("ID")->required();
    wait_ = get_->add_flag("--wait{forever}", wait_text_, "Wait until it is settled; --wait=MS: that long at most.");
  }

  int RunGet(const Context& context) {
    std::optional<int64_t> wait_ms;
    if (wait_->count() > 0 && wait_text_ == "forever") wait_ms = -1;
    else if (wait_->count() > 0) {
      int64_t number = 0;
      if (!CLI::detail::lexical_cast(wait_text_, number) || number < 0)
        return Misused("--wait: \"" + wait_text_ + "\" is not a number of milliseconds");
      wait_ms = number;
    }
    return Get(context, id_, wait_ms);
  }

  void AddList() {
    list_ = app_.add_subcommand("list", "List notifies, newest first.");
    auto add = [&](const std::string& name, const std::string& type, const std::string& help) {
      std::string flag = "--" + name;
      std::replace(flag.begin(), flag.end(), '_', '-');
      list_texts_.Add(list_, name, flag, type, help);
    };
    add("state", "STATE,...", "Only in these states.");
    add("lane", "NAME", "Only of this lane.");
    add("mode", "WORD", "concurrent or fifo.");
    add("caller", "NAME", "Only of this caller.");
    add("created_after", "TIME", "Only those created then or later.");
    add("created_before", "TIME", "Only those created before.");
    add("cursor", "CURSOR", "Go on where a list ended.");
    list_->add_option("--limit", limit_, "How many at most.")
        ->type_name("N")
        ->check(CLI::Range(uint64_t{1}, uint64_t{1'000'000'000}))
        ->default_str("100");
  }

  void AddCancel() {
    cancel_ = app_.add_subcommand("cancel", "Cancel one that is not settled.");
    cancel_->add_option("id", id_, "Its id.")->type_name("ID");
    cancel_->add_option("--fkey", fkey_, "The key that it is held under, instead of its id.")->type_name("KEY");
  }

  int RunCancel(const Context& context) {
    if (id_.empty() == fkey_.empty()) return Misused("cancel needs an id or --fkey");
    return id_.empty() ? CancelFkey(context, fkey_) : Cancel(context, id_);
  }

  void AddRetry() {
    retry_ = app_.add_subcommand("retry", "Send again now: a settled one starts over, a waiting one is moved to now.");
    retry_->add_option("id", id_, "Its id.")->type_name("ID")->required();
  }

  CLI::App app_;
  CLI::App *submit_, *trigger_, *get_, *list_, *cancel_, *retry_, *stats_, *verify_, *version_;
  CLI::Option* wait_ = nullptr;
  std::string server_ = kDefaultServer, id_, fkey_, file_, wait_text_;
  std::vector<std::string> headers_;
  uint64_t limit_ = 100;
  bool json_ = false;
  Texts submit_texts_, trigger_texts_, list_texts_;
};

}  // namespace
}  // namespace notifyd

int main(int argc, char** argv) {
  return notifyd::CommandLine().Run(argc, argv);
}
