#include "cli/daemon/rekey_command.h"

#include <chrono>
#include <cstdio>
#include <thread>
#include <utility>

#include "base/json_tree.h"
#include "base/log.h"
#include "base/standard_output.h"
#include "cli/client/http_client.h"
#include "cli/daemon/listeners.h"
#include "cli/daemon/offline_registry.h"
#include "cli/daemon/owner_command.h"
#include "cli/daemon/settings.h"
#include "storage/directory.h"
#include "storage/sealing.h"

namespace notifyd {
namespace {

constexpr std::chrono::milliseconds kAskAgain(100);

const char kHelp[] =
    "Seals the whole store anew, by the first key of store.encryption_key_file, and says when the others are not needed any more.\n\n"
    "Usage: notifyd rekey [--config FILE] [--data-dir DIR] [--store-encryption-key-file FILE]\n\n"
    "Where a broker runs on the data directory it is asked over control.sock there, reads its key file anew and goes on working meanwhile; else the\n"
    "store is opened. Which directory and key file these are the broker's own flags, variables and file say: both must be said here, too. Run it\n"
    "as its user, or as root. It waits until all is done; where it is interrupted the broker goes on, and takes no other key until that is done.\n";

std::string TextAt(const HttpAnswer& answer, std::string_view pointer) {
  Result<JsonTree> json = JsonTree::Parse(answer.body);
  std::optional<JsonTree::Value> text = json.ok() ? json->root().At(pointer) : std::nullopt;
  return text && text->kind() == JsonTree::Kind::kString ? std::string(text->text()) : std::string();
}

/// The names of the keys that are needed once it is done; nothing where nobody listens there.
std::optional<Result<std::string>> AskBroker(const std::string& socket_path) {
  HttpClient broker("unix:" + socket_path);
  for (const char* method = "POST";; method = "GET") {
    Result<HttpAnswer> answer = broker.Call(method, "/v1/rekey", nullptr);
    if (!answer.ok() && *method == 'P' && !broker.lost()) return std::nullopt;
    if (!answer.ok())
      return Status(Code::kUnavailable, "the broker does not answer any more, and may go on with it: run it again: " + answer.status().detail());
    if (!answer->Done()) return Status(answer->status == 409 ? Code::kConflict : Code::kUnacceptable, TextAt(*answer, "/detail"));
    const std::string state = TextAt(*answer, "/state");
    if (state == "done") return TextAt(*answer, "/needed");
    if (state != "running")
      return Status(Code::kIo, state == "failed" ? TextAt(*answer, "/detail") : "the broker was started anew meanwhile: begin again");
    if (*method == 'P') std::fprintf(stderr, "notifyd: the broker seals its store anew; this may take as long as reading and writing all of it\n");
    std::this_thread::sleep_for(kAskAgain);
  }
}

/// The name of the key by which the store is to be sealed.
Result<std::string> FirstOf(const std::string& key_file) {
  if (key_file.empty())
    return Status(Code::kUnacceptable,
                  "store.encryption_key_file is not set here: give the broker's own file, by --config or --store-encryption-key-file");
  return FirstSealKey(key_file);
}

/// All is sealed anew. Is the first key of the file the only one that is needed? It may be another one: the file was changed since, or is not the
/// broker's.
Status CheckFirst(const std::string& key_file, const std::string& needed) {
  const Result<std::string> first = FirstOf(key_file);
  if (first.ok() && needed == *first) return Status::Ok();
  return Status(Code::kConflict, "sealed, but not by the first key of " + key_file + " as it is now (" +
                                     (first.ok() ? "its name, made of it: " + *first : first.status().detail()) + "; what the store needs: " +
                                     (needed.empty() ? "not known" : needed) + "): leave the file as it is, and run it again");
}

int ComplainOf(const Status& status) {
  return Complain("not done: " + status.detail(), status.code() == Code::kUnacceptable ? kCommandUsage : kCommandFailed);
}

}  // namespace

std::optional<int> RunRekeyCommand(const std::vector<std::string>& arguments, const std::vector<std::string>& environment) {
  if (arguments.empty() || arguments[0] != "rekey") return std::nullopt;
  if (arguments.size() > 1 && (arguments[1] == "--help" || arguments[1] == "-h")) {
    PrintOut(kHelp);
    return EndOutput("notifyd", kCommandDone);
  }
  Invocation invocation = ReadCommandLine({arguments.begin() + 1, arguments.end()}, environment);
  if (invocation.action != Invocation::Action::kRun)
    return Complain(invocation.error.empty() ? "rekey goes without it" : invocation.error, kCommandUsage);
  LogInit(LogFormatOf(invocation.options), LogLevel::kWarn);
  const StoreOptions& store = invocation.options.store;
  // Before anything is begun: without it nobody could be told at the end which keys are needless, and all would have been read and written for that.
  // One that does not seal is refused for what it is.
  if (Result<std::string> first = FirstOf(store.encryption_key_file); !first.ok() && store.engine == kEmbeddedEngine)
    return ComplainOf(first.status());
  const std::string directory = WholePath(invocation.options.data_dir);
  std::optional<Result<std::string>> needed = AskBroker(directory + "/" + kControlSocket);
  if (!needed) {
    Status owner = BecomeOwner(directory);
    needed = owner.ok() ? RekeyStore(invocation.options) : Result<std::string>(std::move(owner));
  }
  if (!needed->ok()) return ComplainOf(needed->status());
  if (Status only = CheckFirst(store.encryption_key_file, **needed); !only.ok()) return Complain(only.detail(), kCommandFailed);
  PrintOut("done: of store.encryption_key_file only the first key is needed from now on; backups made before need the others\n");
  return EndOutput("notifyd", kCommandDone);
}

}  // namespace notifyd
