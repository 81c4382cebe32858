#include "cli/daemon/notifyd_manual.h"

#include <algorithm>
#include <variant>

#include "base/manual.h"

namespace notifyd {
namespace {

std::string ValueName(const Setting& setting) {
  if (std::holds_alternative<int64_t>(setting.fallback)) return "N";
  if (std::holds_alternative<bool>(setting.fallback)) return "true|false";
  if (!setting.words.empty()) return "WORD";
  if (setting.name == "listen") return "ADDR:PORT";
  if (setting.name == "data_dir") return "DIR";
  return std::holds_alternative<std::string>(setting.fallback) ? "TEXT" : "ITEM,...";
}

std::string HelpText(const Setting& setting) {
  std::string fallback = FallbackText(setting), text = setting.help;
  if (std::holds_alternative<int64_t>(setting.fallback)) text += "\nFrom " + AcceptedText(setting) + ".";
  else if (!setting.words.empty()) text += "\nOne of " + AcceptedText(setting) + ".";
  text += "\nDefault: " + (fallback.empty() ? "none" : fallback) + ".";
  text += "\nAs a variable: " + setting.Variable() + ".";
  if (setting.reloadable) text += "\nReloadable.";
  return text;
}

void AddSettings(const std::vector<Setting>& settings, ManualPage* page) {
  std::string table;
  for (const Setting& setting : settings) {
    size_t dot = setting.name.find('.');
    std::string of = dot == std::string::npos ? "" : setting.name.substr(0, dot);
    if (of != table) page->Subsection("Settings of [" + of + "]");
    table = of;
    page->Item(RoffText().Bold(setting.Flag()).Plain(" ").Italic(ValueName(setting)), HelpText(setting));
  }
}

/// The comments of the file: text first, then "  key  what it says" for each key, then an example.
void AddTables(const std::string& about, const std::string& comments, ManualPage* page) {
  page->Section(about);
  std::string text, example;
  for (size_t at = 0; at < comments.size();) {
    size_t end = std::min(comments.find('\n', at), comments.size());
    std::string line = comments.substr(at, end - at);
    at = end + 1;
    line.erase(0, line.rfind("# ", 0) == 0 ? 2 : line.rfind("#", 0) == 0 ? 1 : 0);
    bool key = line.rfind("  ", 0) == 0;
    if (!text.empty() && (key || line.empty())) {
      page->Paragraph(text);
      text.clear();
    }
    if (key) {
      size_t gap = line.find("  ", 2);
      page->Item(RoffText().Bold(line.substr(2, gap - 2)), line.substr(std::min(line.size(), line.find_first_not_of(' ', gap))));
    } else if (!example.empty() || line.rfind("[", 0) == 0) {
      example += line + "\n";
    } else if (!line.empty()) {
      text += line + "\n";
    }
  }
  while (example.size() > 1 && example[example.size() - 2] == '\n') example.pop_back();
  if (!example.empty()) page->Example(example);
}

void AddSignals(ManualPage* page) {
  page->Section("Signals");
  page->Item(
      RoffText().Bold("SIGTERM").Plain(", ").Bold("SIGINT"),
      "Take no submits and start no attempt any more, let those in flight end, make all durable, and exit with 0. A second one exits at once.");
  page->Item(RoffText().Bold("SIGHUP"), "Read the settings again and apply those that are reloadable. The log names those that wait for a restart.");
  page->Item(
      RoffText().Bold("SIGUSR1"),
      "Restart in place, to run a new binary or to apply all settings: the process id stays, no connection is refused. Nothing happens where the "
      "settings do not pass --check-config.");
}

}  // namespace

std::string NotifydManual(const std::vector<Setting>& settings, const std::vector<std::pair<std::string, std::string>>& tables,
                          const std::string& version) {
  ManualPage page("notifyd", 8, version, "take HTTP calls, keep them durably, and make them");
  page.Section("Synopsis");
  page.Synopsis(
      {{RoffText().Bold("notifyd"), RoffText().Plain("[--config FILE] [--listen ADDR:PORT] [--data-dir DIR] [options]")},
       {RoffText().Bold("notifyd --check-config"), RoffText().Plain("[options]")},
       {RoffText().Bold("notifyd token create"),
        RoffText().Plain("--scopes ").Italic("SCOPE,...").Plain(" [--config FILE] [--data-dir DIR] [options]")},
       {RoffText().Bold("notifyd rekey"), RoffText().Plain("[--config FILE] [--data-dir DIR] [options]")},
       {RoffText().Bold("notifyd restore"),
        RoffText().Italic("DIR").Plain(" [--pending WORD] [--id-gap N] [--tokens keep] [--check] [--config FILE] [--data-dir DIR] [options]")},
       {RoffText().Bold("notifyd restore --in-place"), RoffText().Plain("[--pending WORD] [--id-gap N] [--tokens keep] [--config FILE] [options]")},
       {RoffText().Bold("notifyd move"),
        RoffText().Plain("--from ").Italic("ENGINE[:PLACE]").Plain(" --to ").Italic("ENGINE[:PLACE]").Plain(" [--config FILE] [options]")},
       {RoffText().Bold("notifyd --version"), RoffText()}});
  page.Section("Description");
  page.Paragraph(
      "notifyd is a broker for HTTP calls. A client submits a call over the HTTP API; it is written and synced to disk before it is acknowledged, "
      "and "
      "made when it is due, as often as it takes, in the order of its lane. All is kept in one directory. It runs in the foreground and logs to "
      "standard error: text on a terminal, else JSON, one line an event.");
  page.Paragraph("Once it listens it says so in a line of its log: listening on ADDR:PORT, whatever its level. Port 0 takes a free one.");
  page.Paragraph(
      "notifyd token create makes a token, and prints it alone. It asks the broker that runs on the data directory, over its control socket; where "
      "none runs it opens the store, or makes it where --config or --data-dir names one that is not there yet. That is how the first token comes to "
      "be; all others notifyctl makes, too. What the token may do its flags say: "
      "notifyd token create --help.");
  page.Paragraph(
      "notifyd rekey has the whole store sealed anew by the first key of store.encryption_key_file, waits, and says when the others are not needed "
      "any more. It asks the broker that runs, which goes on working; where none runs it opens the store.");
  page.Paragraph(
      "notifyd restore puts a backup (which notifyctl backup made, or a copy of a data directory) where there is none yet: each file is compared "
      "with "
      "its checksum, and what is damaged is named and refused. --pending says what becomes of what was pending then: keep (it is sent, and schedules "
      "make what they missed since), pause (its lanes and all schedules are paused), or drop-due-before TIME (what was due before is cancelled, and "
      "schedules make nothing for times before). Ids go on above those of the backup by --id-gap. "
      "Its tokens are disabled, some of which may have been deleted since; with --tokens keep they all count. --check only reads the backup "
      "through. With --in-place it does the same to the ids, tokens and pending notifies of a store in PostgreSQL, whose database PostgreSQL's own "
      "tools put back, while no broker runs on it; until it has come to its end no broker opens that store, and it may be done again.");
  page.Paragraph(
      "notifyd move moves a whole store, which no broker has, to another engine: rocksdb:DIRECTORY or postgres:DSN, or either name alone for what "
      "data_dir or store.postgres.dsn say. Nothing may be there yet. Ids, tokens and all that is pending stay; the old store stays as it is, and no "
      "broker should be started on it any more. A move that was cut short leaves a target that no broker opens; moved again it begins anew.");
  page.Section("Options");
  page.Paragraph(
      "A flag goes before the variable of the same setting, that before the file, that before the default. A setting a.b_c is b_c in the "
      "table [a] of the file.");
  page.Item(RoffText().Bold("--config").Plain(" ").Italic("FILE"),
            "A TOML file with settings, a regular one: it is read again at a reload and at a restart in place. notifyd --print-config prints one "
            "with every default.");
  page.Item(RoffText().Bold("--check-config"),
            "Check the settings, and whether a start could go on with them (address, open files, directory, certificates); print ok or the fault, "
            "and exit.");
  page.Item(RoffText().Bold("--print-config"), "Print every setting with its default as TOML, and exit.");
  page.Item(RoffText().Bold("--version"), "Print the version and exit.");
  page.Item(RoffText().Bold("-h").Plain(", ").Bold("--help"), "Print a short help and exit.");
  AddSettings(settings, &page);
  for (const auto& [about, comments] : tables) AddTables(about, comments, &page);
  AddSignals(&page);
  page.Section("Exit status");
  page.Item(RoffText().Bold("0"), "Stopped as asked.");
  page.Item(RoffText().Bold("2"), "Wrong usage or configuration.");
  page.Item(RoffText().Bold("1"), "Anything else.");
  page.Section("Environment");
  page.Item(RoffText().Bold("NOTIFYD_*"), "Each setting has a variable: a.b_c is NOTIFYD_A_B_C.");
  page.Section("Examples");
  page.Example("notifyd --listen 127.0.0.1:7300 --data-dir /var/lib/notifyd");
  page.Example("notifyd --config /etc/notifyd/notifyd.toml --check-config");
  page.SeeAlso({{"notifyctl", 1}});
  return page.text();
}

}  // namespace notifyd
