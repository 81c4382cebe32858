#include "cli/daemon/move_command.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <utility>

#include "base/log.h"
#include "base/standard_output.h"
#include "base/terminal_text.h"
#include "cli/daemon/clocks.h"
#include "cli/daemon/owner_command.h"
#include "cli/daemon/settings.h"
#include "cli/daemon/store_engines.h"
#include "storage/registry_image.h"

namespace notifyd {
namespace {

struct MoveAsked {
  std::string from, to;
  std::vector<std::string> settings;
};

/// Reads `arguments` behind "move". Nothing where it has printed all there is to say: `exit_code` then.
std::optional<MoveAsked> ReadMoveArguments(std::vector<std::string> arguments, int* exit_code) {
  MoveAsked asked;
  asked.settings = TakeSettings(&arguments);
  CLI::App app("Moves a whole store to another engine, while no broker has it: all that is kept, pending or not, under the same ids and tokens.",
               "notifyd move");
  app.set_help_flag("--help,-h", "Print this help and exit.");
  app.add_option("--from", asked.from, "The store; it stays as it is.")->type_name("ENGINE[:PLACE]")->required();
  app.add_option("--to", asked.to, "Where there is none yet.")->type_name("ENGINE[:PLACE]")->required();
  app.footer(
      "ENGINE:PLACE is rocksdb:DIRECTORY or postgres:DSN (a URI is one by itself); an ENGINE alone is where the broker's own flags, variables and "
      "file say: data_dir, or\n"
      "store.postgres.dsn (a DSN with a password is better said there than on a command line, which others may read). The schema is\n"
      "store.postgres.schema. Both stores are held by their lock or lease meanwhile. A move that was cut short leaves a target that no broker "
      "opens;\n"
      "moved again it begins anew. Run it as the broker's user, or as root.");
  if (!ParseOrSay(&app, arguments, exit_code)) return std::nullopt;
  return asked;
}

/// What lies elsewhere would be left behind.
Status CheckNoCells(const OrderedKv& kv) {
  Result<RegistryImage> image = ReadRegistry(kv, Sealing());
  if (!image.ok()) return std::move(image).status();
  for (const auto& row : image->namespaces)
    if (row->settings.cell || row->moving_to)
      return Status(Code::kUnacceptable, "--from: namespace " + row->name + " lies in the cell " + row->settings.cell.value_or(kHomeCell) +
                                             (row->moving_to ? ", and moves to " + *row->moving_to : "") + ": a store with cells is not moved");
  return Status::Ok();
}

struct Moved {
  MoveCounts counts;
  std::string left;  // where the store lay, where that is a directory
};

Result<Moved> Move(const MoveAsked& asked, const Options& options) {
  Result<MoveEnd> from = ReadMoveEnd(asked.from, options.store), to = ReadMoveEnd(asked.to, options.store);
  if (!from.ok()) return Status(Code::kUnacceptable, "--from: " + from.status().detail());
  if (!to.ok()) return Status(Code::kUnacceptable, "--to: " + to.status().detail());
  NOTIFYD_TRY(CheckMove(*from, *to));
  for (const std::string& directory : {from->directory(), to->directory()})
    if (!directory.empty()) NOTIFYD_TRY(BecomeOwner(directory));
  auto source = from->OpenSource();
  if (!source.ok()) return Status(source.status().code(), "--from: " + source.status().detail());
  const Retention general{options.store.retention_succeeded_ms, options.store.retention_settled_ms};
  NOTIFYD_TRY(CheckNoCells((*source)->kv()));
  auto rules = ReadRetentionRules((*source)->kv(), Sealing(), general);
  if (!rules.ok()) return std::move(rules).status();
  auto id = ReadStoreId((*source)->kv());
  if (!id.ok()) return std::move(id).status();
  const int64_t now_ms = ReadWall().ms;
  auto target = to->OpenTarget(*id, *rules, now_ms);
  if (!target.ok()) return Status(target.status().code(), "--to: " + target.status().detail());
  auto say = [](const MoveCounts& counts) { std::fprintf(stderr, "notifyd: %llu keys so far\n", static_cast<unsigned long long>(counts.keys)); };
  auto counts = MoveStore(source->get(), target->get(), *rules, now_ms, say);
  if (!counts.ok()) return std::move(counts).status();
  return Moved{*counts, from->directory()};
}

}  // namespace

std::optional<int> RunMoveCommand(const std::vector<std::string>& arguments, const std::vector<std::string>& environment) {
  if (arguments.empty() || arguments[0] != "move") return std::nullopt;
  int exit_code = kCommandDone;
  const std::optional<MoveAsked> asked = ReadMoveArguments({arguments.begin() + 1, arguments.end()}, &exit_code);
  if (!asked) return exit_code;
  Invocation invocation = ReadCommandLine(asked->settings, environment);
  if (invocation.action != Invocation::Action::kRun)
    return Complain(invocation.error.empty() ? "move goes without it" : invocation.error, kCommandUsage);
  LogInit(LogFormatOf(invocation.options), LogLevel::kWarn);
  const Result<Moved> moved = Move(*asked, invocation.options);
  if (!moved.ok())
    return Complain("not moved: " + moved.status().detail(), moved.status().code() == Code::kUnacceptable ? kCommandUsage : kCommandFailed);
  PrintOut("moved: " + std::to_string(moved->counts.keys) + " keys, " + std::to_string(moved->counts.bytes) + " bytes\n");
  PrintOut("start no broker on the old store any more: it would send what was pending once more" +
           (moved->left.empty() ? std::string() : "; move " + EscapeForTerminal(moved->left) + " away") + "\n");
  return EndOutput("notifyd", kCommandDone);
}

}  // namespace notifyd
