#include "cli/client/response_commands.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "cli/client/commands.h"
#include "cli/client/patience.h"
#include "cli/client/table.h"

namespace notifyd {
namespace {

using Value = JsonTree::Value;

std::string PathOf(const std::string& id) {
  return "/v1/notifies/" + HttpClient::Encode(id) + "/response";
}

std::string RenderResponse(Value response) {
  std::string out = Fields(response, {"headers", "body", "body_base64"});
  Table headers({"HEADER", "VALUE"});
  bool any = false;
  if (std::optional<Value> all = response.At("/headers"); all && all->kind() == JsonTree::Kind::kObject) {
    all->ForEach([&](Value name, Value value) {
      any = true;
      headers.Row({std::string(name.text()), Cell(value)});
    });
  }
  if (any) out += "\n" + headers.ToString();
  const std::string body = TextAt(response, "/body");
  if (!body.empty()) out += "\n" + body + (body.ends_with('\n') ? "" : "\n");
  if (response.At("/body_base64")) out += "\nits body is no text: notifyctl response save\n";
  return out;
}

}  // namespace

Exit ShowResponse(const Context& context, const std::string& id) {
  return Show(context, Ask(context, "GET", PathOf(id)), RenderResponse);
}

Exit SaveResponse(const Context& context, const std::string& id, const std::string& file) {
  const Outcome outcome = Ask(context, "GET", PathOf(id) + "?raw=true");
  return outcome.exit == kDone ? SaveTo(file, outcome.answer.body) : outcome.exit;
}

Exit SaveTo(const std::string& file, const std::string& bytes) {
  if (file == "-") return Print(bytes) ? kDone : kRefused;
  const int output = open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  bool good = output >= 0;
  for (size_t done = 0; good && done < bytes.size();) {
    const ssize_t wrote = write(output, bytes.data() + done, bytes.size() - done);
    if (wrote < 0 && errno == EINTR) continue;
    good = wrote > 0;
    done += good ? static_cast<size_t>(wrote) : 0;
  }
  const int fault = errno;
  if (output >= 0 && close(output) != 0) good = false;
  if (good) return kDone;
  Complain("cannot write " + file + ": " + std::strerror(fault));
  return kUsage;
}

Exit SubmitAndWait(const Context& context, const FieldValues& values, const std::string& path, int64_t wait_ms) {
  using std::chrono::milliseconds;
  using std::chrono::steady_clock;
  Result<std::string> body = NotifyJson(values);
  if (!body.ok()) {
    Complain(body.status().detail());
    return kUsage;
  }
  const auto started = steady_clock::now();
  const int64_t first_ms = wait_ms < 0 ? kMostWaitMs : std::min(wait_ms, kMostWaitMs);
  const Outcome outcome =
      Ask(context, "POST", path + (path.find('?') == std::string::npos ? "?" : "&") + "wait_ms=" + std::to_string(first_ms), &*body, first_ms);
  const auto passed_ms = std::chrono::duration_cast<milliseconds>(steady_clock::now() - started).count();
  if (outcome.exit == kDone && outcome.answer.status == 202 && (wait_ms < 0 || wait_ms > passed_ms)) {
    // It is accepted, whatever becomes of the broker and of this program: from here on it is looked at.
    if (Result<JsonTree> tree = JsonTree::Parse(outcome.answer.body); tree.ok())
      if (const std::string id = TextAt(tree->root(), "/id"); !id.empty())
        return Get(context, id, wait_ms < 0 ? -1 : wait_ms - passed_ms, kReconnectMs);
  }
  return Show(context, outcome, [](Value answer) {
    if (!answer.At("/attempts")) return Fields(answer);
    std::string out = RenderNotify(answer, "");
    if (std::optional<Value> response = answer.At("/response"); response && response->kind() == JsonTree::Kind::kObject)
      out += "\n" + RenderResponse(*response);
    return out;
  });
}

}  // namespace notifyd
