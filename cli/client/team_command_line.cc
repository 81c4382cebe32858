#include "cli/client/team_command_line.h"

#include <chrono>
#include <utility>

#include "base/time.h"
#include "cli/client/team_fields.h"

namespace notifyd {
namespace {

constexpr uint64_t kGraceMostMs = 30ull * 86'400'000;

}  // namespace

void TeamCommandLine::Add(CLI::App* app) {
  AddTokens(app);
  AddNamespaces(app);
  AddHosts(app);
  AddCallers(app);
  AddAudit(app);
}

// ---- tokens

void TeamCommandLine::AddTokens(CLI::App* app) {
  CLI::App* group = app->add_subcommand("token", "Tokens, by which programs and people may do things.");
  CLI::App* create = AddCommand(group, "create", "Make a token, and print it alone.", [this](const Context& context, const CLI::App* command) {
    std::optional<FieldValues> values = TokenValuesOf(context, command);
    if (!values) return kUsage;
    if (!values->fields.count("scopes")) return Misused(context, "token create needs --scopes");
    // Without it a token counts wherever its maker's does: nobody is to let others in everywhere by leaving out a flag.
    if (!values->fields.count("namespaces")) {
      if (context.client->space().empty()) return Misused(context, "token create needs --namespaces NAME,... ('*': in all there are and will be)");
      values->fields["namespaces"] = context.client->space();
    }
    return SendForToken(context, {"POST", Tokens().path, &TokenFlags(), *std::move(values)});
  });
  AddFlags(create, TokenFlags(), false);
  AddExpiry(create);
  AddPaging(
      AddCommand(group, "list", "List the tokens that lie within what one may oneself.",
                 [this](const Context& context, const CLI::App* command) { return ListOf(context, Tokens(), ValuesOf(command).fields, limit()); }));
  CLI::App* show =
      AddCommand(group, "show", "Show one token.", [this](const Context& context, const CLI::App*) { return ShowOf(context, Tokens(), name()); });
  CLI::App* update = AddCommand(group, "update", "Change what a token may do.", [this](const Context& context, const CLI::App* command) {
    std::optional<FieldValues> values = TokenValuesOf(context, command);
    if (!values) return kUsage;
    if (values->empty()) return Misused(context, "token update needs at least one flag that says what to change");
    return SendTo(context, {"PATCH", PathIn(Tokens(), name()), &TokenFlags(), *std::move(values), if_match()});
  });
  CLI::App* rotate = AddCommand(group, "rotate", "Give a token a new secret, and print it alone.", [this](const Context& context, const CLI::App*) {
    static const std::vector<FieldFlag> fields = {{"grace_ms", "--grace-ms", FieldFlag::Kind::kNumber, "MS", ""}};
    FieldValues values;
    if (grace_ms_ > 0) values.fields["grace_ms"] = std::to_string(grace_ms_);
    return SendForToken(context, {"POST", PathIn(Tokens(), name(), "/rotate"), &fields, std::move(values)});
  });
  CLI::App* remove = AddCommand(group, "delete", "Remove a token: it counts no more.",
                                [this](const Context& context, const CLI::App*) { return RemoveFrom(context, PathIn(Tokens(), name())); });
  for (CLI::App* command : {show, update, rotate, remove}) AddName(command, "ID", "The token's id: what stands between its first two underscores.");
  AddFlags(update, TokenFlags(), true);
  AddExpiry(update);
  AddIfMatch(update);
  rotate->add_option("--grace-ms", grace_ms_, "How long the secret of before counts beside it.")
      ->check(Quiet(CLI::Range(uint64_t{0}, kGraceMostMs)))
      ->type_name("MS")
      ->default_str("0");
}

void TeamCommandLine::AddExpiry(CLI::App* command) {
  command->add_option("--expires-in", expires_in_, "The same from now on: a number with s, m, h, d or w, such as 90d.")
      ->type_name("TIME")
      ->check(NotEmpty());
}

std::optional<FieldValues> TeamCommandLine::TokenValuesOf(const Context& context, const CLI::App* command) const {
  FieldValues values = ValuesOf(command);
  if (expires_in_.empty()) return values;
  Result<int64_t> ms = ReadDuration(expires_in_);
  if (!ms.ok() || values.fields.count("expires_at")) {
    Misused(context, "--expires-in" + (ms.ok() ? " goes without --expires-at" : ": " + ms.status().detail()));
    return std::nullopt;
  }
  auto now = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch());
  values.fields["expires_at"] = FormatRfc3339({now.count() + *ms});
  return values;
}

// ---- namespaces

void TeamCommandLine::AddNamespaces(CLI::App* app) {
  CLI::App* group = app->add_subcommand("namespace", "Namespaces: a broker of its own inside the broker each.");
  AddPaging(AddCommand(
      group, "list", "List namespaces, with what is pending and in flight.",
      [this](const Context& context, const CLI::App* command) { return ListOf(context, Namespaces(), ValuesOf(command).fields, limit()); }));
  CLI::App* create = AddCommand(group, "create", "Make a namespace.", [this](const Context& context, const CLI::App* command) {
    return SendTo(context, {"PUT", PathIn(Namespaces(), name()), &NamespaceFlags(), ValuesOf(command), {}, true});
  });
  CLI::App* show = AddCommand(group, "show", "Show a namespace: its settings and figures.",
                              [this](const Context& context, const CLI::App*) { return ShowOf(context, Namespaces(), name()); });
  CLI::App* update = AddCommand(group, "update", "Change a namespace's settings.", [this](const Context& context, const CLI::App* command) {
    FieldValues values = ValuesOf(command);
    if (values.empty()) return Misused(context, "namespace update needs at least one flag that says what to change");
    return SendTo(context, {"PATCH", PathIn(Namespaces(), name()), &NamespaceFlags(), std::move(values), if_match()});
  });
  CLI::App* remove = AddCommand(group, "delete", "Remove a namespace with all that it holds.", [this](const Context& context, const CLI::App*) {
    return RemoveFrom(context, PathIn(Namespaces(), name(), discard_pending_ ? "?discard_pending=true" : ""));
  });
  for (CLI::App* command : {create, show, update, remove}) AddName(command, "NAME", "The namespace's name.");
  AddFlags(create, NamespaceFlags(), false);
  AddFlags(update, NamespaceFlags(), true);
  AddIfMatch(update);
  remove->add_flag("--discard-pending", discard_pending_, "Also where notifies are pending, which count as cancelled then; else that is refused.");
  AddSigningKeys(group);
}

void TeamCommandLine::AddSigningKeys(CLI::App* space) {
  CLI::App* group = space->add_subcommand("key", "The keys that a namespace's calls are signed by.");
  CLI::App* create = AddCommand(group, "create", "Make a signing key, and print alone what receivers verify by.",
                                [this](const Context& context, const CLI::App* command) {
                                  return SendForKey(context, {"POST", PathIn(Namespaces(), name(), "/keys"), &SigningKeyFlags(), ValuesOf(command)});
                                });
  CLI::App* remove = AddCommand(group, "delete", "Remove all keys of a name, at once.", [this](const Context& context, const CLI::App*) {
    return RemoveFrom(context, PathIn(Namespaces(), name(), "/keys/" + HttpClient::Encode(key_)));
  });
  for (CLI::App* command : {create, remove}) AddName(command, "NAME", "The namespace's name.");
  AddFlags(create, SigningKeyFlags(), false);
  remove->add_option("key", key_, "The key's name.")->type_name("KEY")->required()->check(NotEmpty());
}

// ---- hosts and callers

CLI::App* TeamCommandLine::AddSteered(CLI::App* app, const std::string& noun, const std::string& help, const Collection& of,
                                      const std::vector<FieldFlag>& flags) {
  CLI::App* group = app->add_subcommand(noun, help);
  auto add = [&](const std::string& name, const std::string& text, Action action) {
    CLI::App* command = AddCommand(group, name, text, std::move(action));
    std::string type = noun == "host" ? "HOST" : "CALLER";
    AddName(command, type.c_str(), noun == "host" ? "The host, with its port: example.org:443." : "The caller's name.");
    return command;
  };
  add("show", "Show one " + noun + ".", [this, &of](const Context& context, const CLI::App*) { return ShowOf(context, of, name()); });
  for (bool paused : {true, false}) {
    static const std::vector<FieldFlag> pausing = {{"paused", "", FieldFlag::Kind::kYesOrNo, "", ""}};
    std::string held =
        noun == "host" ? "Start no attempt to a host until it is resumed." : "Send nothing of what a caller submitted until it is resumed.";
    add(paused ? "pause" : "resume", paused ? held : "Let a paused " + noun + " go on.",
        [this, &of, paused](const Context& context, const CLI::App*) {
          return SendTo(context, {"PATCH", PathIn(of, name()), &pausing, {{{"paused", paused ? "true" : "false"}}}});
        });
  }
  CLI::App* set = add("set", "Set what holds for one " + noun + "; --reset takes it back.",
                      [this, &of, &flags, noun](const Context& context, const CLI::App* command) {
                        FieldValues values = ValuesOf(command);
                        if (values.empty()) return Misused(context, noun + " set needs at least one flag that says what to change");
                        return SendTo(context, {"PATCH", PathIn(of, name()), &flags, std::move(values)});
                      });
  AddFlags(set, flags, true);
  return group;
}

void TeamCommandLine::AddHosts(CLI::App* app) {
  CLI::App* group = AddSteered(app, "host", "Hosts that are called: seen, and held back by hand.", Hosts(), HostFlags());
  CLI::App* probe =
      AddCommand(group, "probe", "Let the next call to a host that is not reached go out now.", [this](const Context& context, const CLI::App*) {
        return SendTo(context, {"POST", PathIn(Hosts(), name(), "/probe")});
      });
  AddName(probe, "HOST", "The host, with its port: example.org:443.");
  AddPaging(AddCommand(group, "list", "List hosts.", [this](const Context& context, const CLI::App* command) {
    return ListOf(context, Hosts(), ValuesOf(command).fields, limit());
  }));
}

void TeamCommandLine::AddCallers(CLI::App* app) {
  CLI::App* group = AddSteered(app, "caller", "Callers: who submits how much, and held back by hand.", Callers(), CallerFlags());
  CLI::App* list = AddCommand(group, "list", "List the callers with the most of something.", [this](const Context& context, const CLI::App* command) {
    return ListOf(context, Callers(), ValuesOf(command).fields, limit());
  });
  AddPaging(list);
  AddFilter(list, "sort", "--sort", "WORD", "By what: accepted, failed, late or bytes.", {"accepted", "failed", "late", "bytes"});
  AddFilter(list, "since_ms", "--since-ms", "MS", "Of the last so many milliseconds.");
}

void TeamCommandLine::AddAudit(CLI::App* app) {
  CLI::App* audit = AddCommand(app, "audit", "List who changed what, newest first.", [this](const Context& context, const CLI::App* command) {
    return ListOf(context, Audit(), ValuesOf(command).fields, limit());
  });
  AddPaging(audit);
}

}  // namespace notifyd
