#include "cli/daemon/token_command.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <map>
#include <system_error>
#include <utility>

#include "base/json_tree.h"
#include "base/log.h"
#include "base/standard_output.h"
#include "base/terminal_text.h"
#include "base/time.h"
#include "broker/grant.h"
#include "cli/client/http_client.h"
#include "cli/client/team_fields.h"
#include "cli/daemon/clocks.h"
#include "cli/daemon/listeners.h"
#include "cli/daemon/offline_registry.h"
#include "cli/daemon/owner_command.h"
#include "cli/daemon/settings.h"
#include "storage/directory.h"

namespace notifyd {
namespace {

constexpr int kDone = kCommandDone, kFailed = kCommandFailed, kUsage = kCommandUsage;

/// What the command line says: the token's fields, and what is the broker's settings' to read.
struct TokenAsked {
  FieldValues values;
  std::vector<std::string> settings;
};

std::string TextOf(const Status& fault) {
  return fault.field().empty() ? fault.detail() : fault.detail() + " (" + fault.field() + ")";
}

/// An admin hands out what it holds itself alone, so that one which holds nothing but `admin` could give nobody the right to submit: the word alone
/// means all of them.
void CompleteScopes(FieldValues* values) {
  std::string& scopes = values->fields["scopes"];
  if (scopes != "admin") return;
  for (Scope scope : kAllScopes)
    if (scope != Scope::kAdmin) scopes.append(",").append(ToString(scope));
}

/// Reads `arguments` behind "token create". Nothing where it has printed all there is to say: `exit_code` then.
std::optional<TokenAsked> ReadArguments(const std::vector<std::string>& arguments, int* exit_code) {
  CLI::App app("Makes a token as the owner of the broker's data directory, and prints it alone.", "notifyd token create");
  app.allow_extras();
  app.set_help_flag("--help,-h", "Print this help and exit.");
  app.get_formatter()->column_width(38);
  std::map<std::string, std::pair<std::string, CLI::Option*>> texts;
  for (const FieldFlag& field : TokenFlags()) {
    if (field.only_changes) continue;
    auto& [text, option] = texts[field.name];
    option = app.add_option(field.flags, text, field.help)->type_name(field.type);
  }
  std::string expires_in;
  CLI::Option* expiry = app.add_option("--expires-in", expires_in, "The same from now on: a number with s, m, h, d or w, such as 90d.");
  expiry->type_name("TIME");
  app.footer(
      "Where a broker runs on the data directory it is asked over control.sock there; else the store is opened. Which directory it is the broker's\n"
      "own flags, variables and file say: --config FILE, --data-dir DIR. Run it as the broker's user, or as root.\n"
      "A store that is not there yet is made where one of the two is given; without them ./data must hold one.\n"
      "--namespaces is '*' where nothing else is said. --scopes admin alone means all scopes: an admin hands out only what it holds itself.");
  if (!ParseOrSay(&app, arguments, exit_code)) return std::nullopt;
  TokenAsked asked;
  for (const auto& [name, entry] : texts) {
    if (entry.second->count() == 0) continue;
    if (entry.first.empty()) {
      *exit_code = Complain(entry.second->get_name() + " must not be empty", kUsage);
      return std::nullopt;
    }
    asked.values.fields[name] = entry.first;
  }
  if (expiry->count() > 0) {
    Result<int64_t> ms = ReadDuration(expires_in);
    if (!ms.ok() || asked.values.fields.count("expires_at")) {
      *exit_code = Complain("--expires-in" + (ms.ok() ? " goes without --expires-at" : ": " + ms.status().detail()), kUsage);
      return std::nullopt;
    }
    asked.values.fields["expires_at"] = FormatRfc3339({ReadWall().ms + *ms});
  }
  if (!asked.values.fields.count("scopes")) {
    *exit_code = Complain("token create needs --scopes", kUsage);
    return std::nullopt;
  }
  CompleteScopes(&asked.values);
  asked.values.fields.emplace("namespaces", "*");
  asked.settings = app.remaining();
  return asked;
}

/// Without links and dots, from the root on.
std::string PlainPath(const std::string& directory) {
  std::error_code fault;
  const std::filesystem::path plain = std::filesystem::weakly_canonical(directory, fault);
  return fault ? WholePath(directory) : plain.string();
}

/// Does anything say where the store is? Else it is in ./data of wherever one stands.
bool IsStoreNamed(const std::vector<std::string>& flags, const std::vector<std::string>& environment, const Options& options) {
  auto any = [](const std::vector<std::string>& all, const std::string& what) {
    return std::any_of(all.begin(), all.end(), [&](const std::string& each) { return each == what || each.starts_with(what + "="); });
  };
  return options.store.engine != kEmbeddedEngine || any(flags, "--config") || any(flags, "--data-dir") || any(environment, "NOTIFYD_CONFIG") ||
         any(environment, "NOTIFYD_DATA_DIR");
}

/// Prints it alone, and beside it what it is good for, and where. The exit code.
int PrintToken(const std::string& token, const FieldValues& values, const std::string& where) {
  PrintOut(token + "\n");
  int code = EndOutput("notifyd", kDone);
  if (code != kDone) return code;
  std::string scopes = values.fields.at("scopes"), namespaces = values.fields.at("namespaces");
  std::fprintf(stderr, "notifyd: a token for %s in %s, %s; it is shown this once, and kept by nobody but you\n", EscapeForTerminal(scopes).c_str(),
               namespaces == "*" ? "all namespaces" : EscapeForTerminal(namespaces).c_str(), EscapeForTerminal(where).c_str());
  return code;
}

/// What the broker would make of it. Error: kUnacceptable with the field.
Result<TokenSettings> WishOf(std::string body) {
  TokenSettings wish;
  JsonReader reader;
  NOTIFYD_TRY(ReadTokenSettings(&reader, body, &wish));
  NOTIFYD_TRY(CheckGrant(wish.grant));
  return wish;
}

/// Nothing where nobody listens there.
std::optional<int> AskBroker(const std::string& directory, const std::string& body, const FieldValues& values) {
  HttpClient broker("unix:" + directory + "/" + kControlSocket);
  Result<HttpAnswer> answer = broker.Call("POST", "/v1/tokens", &body);
  if (!answer.ok()) {
    if (!broker.lost()) return std::nullopt;
    return Complain(answer.status().detail(), kFailed);
  }
  Result<JsonTree> json = JsonTree::Parse(answer->body);
  std::optional<JsonTree::Value> text = json.ok() ? json->root().At(answer->Done() ? "/token" : "/detail") : std::nullopt;
  if (!text || text->kind() != JsonTree::Kind::kString) return Complain("the broker answered " + std::to_string(answer->status), kFailed);
  return answer->Done() ? PrintToken(std::string(text->text()), values, "of the broker that runs on " + PlainPath(directory))
                        : Complain(std::string(text->text()), kFailed);
}

/// In the store itself, which no broker has. The exit code.
int MakeInStore(const TokenAsked& asked, const std::string& body, const Options& options, bool named) {
  Result<TokenSettings> wish = WishOf(body);
  if (!wish.ok()) return Complain(TextOf(wish.status()), kUsage);
  std::string where = "of the store in PostgreSQL";
  if (options.store.engine == kEmbeddedEngine) {
    std::error_code fault;
    const bool there = std::filesystem::exists(FormatPathIn(options.data_dir), fault) || fault;
    const std::string directory = PlainPath(options.data_dir);
    if (!there && !named)
      return Complain("there is no store in " + directory + ", and nothing says where one is: --config FILE or --data-dir DIR does", kUsage);
    where = "of the store in " + directory + (there ? "" : ", which was made for it: there was none");
  }
  Result<NewToken> made = MakeTokenInStore(options, *wish);
  if (!made.ok()) return Complain(TextOf(made.status()), made.status().code() == Code::kUnacceptable ? kUsage : kFailed);
  return PrintToken(made->Text(), asked.values, where);
}

}  // namespace

std::optional<int> RunTokenCommand(const std::vector<std::string>& arguments, const std::vector<std::string>& environment) {
  if (arguments.empty() || arguments[0] != "token") return std::nullopt;
  if (arguments.size() < 2 || arguments[1] != "create")
    return Complain("token has one command: create. All others are notifyctl's, which asks a broker", kUsage);
  int exit_code = kUsage;
  std::optional<TokenAsked> asked = ReadArguments({arguments.begin() + 2, arguments.end()}, &exit_code);
  if (!asked) return exit_code;
  Invocation invocation = ReadCommandLine(asked->settings, environment);
  if (invocation.action != Invocation::Action::kRun)
    return Complain(invocation.error.empty() ? "token create goes without it" : invocation.error, kUsage);
  Result<std::string> body = FieldsJson(TokenFlags(), asked->values);
  if (!body.ok()) return Complain(body.status().detail(), kUsage);
  LogInit(LogFormatOf(invocation.options), LogLevel::kWarn);
  const std::string directory = WholePath(invocation.options.data_dir);
  if (std::optional<int> done = AskBroker(directory, *body, asked->values)) return *done;
  if (Status owner = BecomeOwner(directory); !owner.ok()) return Complain(owner.detail(), kFailed);
  return MakeInStore(*asked, *body, invocation.options, IsStoreNamed(asked->settings, environment, invocation.options));
}

std::string FirstTokenCommand(const std::string& data_dir) {
  std::string path = PlainPath(data_dir);
  const bool plain = std::all_of(path.begin(), path.end(), [](unsigned char c) { return std::isalnum(c) || std::strchr("/._-+,:@", c); });
  if (!plain) {
    for (size_t at = 0; (at = path.find('\'', at)) != std::string::npos; at += 4) path.replace(at, 1, "'\\''");
    path = "'" + path + "'";
  }
  return "notifyd token create --data-dir " + path + " --scopes admin";
}

}  // namespace notifyd
