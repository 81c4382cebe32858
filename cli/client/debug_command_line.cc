#include "cli/client/debug_command_line.h"

#include "cli/client/commands.h"
#include "cli/client/response_commands.h"
#include "cli/client/table.h"

namespace notifyd {
namespace {

using Value = JsonTree::Value;

/// A row a kind, summed up over all shards.
std::string RenderState(Value state) {
  std::vector<std::pair<std::string, std::pair<uint64_t, uint64_t>>> kinds;
  std::map<std::string, size_t> places;
  if (std::optional<Value> shards = state.At("/shards"); shards && shards->kind() == JsonTree::Kind::kArray) {
    shards->ForEach([&](Value, Value shard) {
      std::optional<Value> held = shard.At("/held");
      if (!held || held->kind() != JsonTree::Kind::kObject) return;
      held->ForEach([&](Value kind, Value sum) {
        auto [place, made] = places.try_emplace(std::string(kind.text()), kinds.size());
        if (made) kinds.push_back({place->first, {}});
        kinds[place->second].second.first += NumberAt(sum, "/count", 0);
        kinds[place->second].second.second += NumberAt(sum, "/bytes", 0);
      });
    });
  }
  Table table({"HELD", "COUNT", "BYTES"});
  for (const auto& [kind, sums] : kinds) table.Row({kind, std::to_string(sums.first), sums.second > 0 ? std::to_string(sums.second) : "-"});
  return table.ToString();
}

}  // namespace

void DebugCommandLine::Add(CLI::App* app) {
  CLI::App* group = app->add_subcommand("debug", "A look into the broker's process, for an admin of all namespaces.");
  AddCommand(group, "state", "Show what the broker holds in memory, by kind.",
             [](const Context& context, const CLI::App*) { return Show(context, Ask(context, "GET", "/v1/debug/state"), RenderState); });
  CLI::App* profile =
      AddCommand(group, "profile", "Take a CPU profile of the broker, for go tool pprof.", [this](const Context& context, const CLI::App*) {
        const Outcome outcome = Ask(context, "GET", "/v1/debug/profile?seconds=" + std::to_string(seconds_), nullptr, seconds_ * 1000);
        return outcome.exit == kDone ? SaveTo(file_, outcome.answer.body) : outcome.exit;
      });
  profile->add_option("--seconds", seconds_, "How long it looks, 1 to 60.")
      ->check(Quiet(CLI::Range(int64_t{1}, int64_t{60})))
      ->type_name("N")
      ->default_str("10");
  AddFile(profile, &file_, "Where the profile goes; - is standard output.")->default_str(file_);
}

}  // namespace notifyd
