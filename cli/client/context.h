// What all commands of notifyctl share: asking the broker, saying what it refused, and printing what it said as a table or as JSON.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json_tree.h"
#include "cli/client/http_client.h"

namespace notifyd {

/// Exit codes (contract section 4).
enum Exit { kDone = 0, kRefused = 1, kUsage = 2, kUnreachable = 3 };

/// The states of what is not settled yet, as they are named in answers.
inline constexpr const char* kPendingStates[] = {"held", "scheduled", "ready", "sending", "retrying"};

struct Context {
  HttpClient* client = nullptr;
  bool json = false;
  std::string command = {};  // "namespace key create": whose --help is worth reading; empty: notifyctl's own
  bool takes_key = false;    // it has --idempotency-key
};

/// To standard output (base/standard_output.h). On a terminal what could steer it or hide text is escaped, in JSON too, which means the same then.
/// False once a write failed: what is printed from then on is lost.
bool Print(std::string_view text);
bool PrintLine(std::string_view text);
/// To standard error, as a line that begins with the program's name; escaped in any case.
void Complain(const std::string& text);
/// The same without the name: no complaint.
void Remark(const std::string& text);

/// A string without quotes, all else as it stands; "-" for null and what is not there.
std::string Cell(const std::optional<JsonTree::Value>& value);
/// Of a string; empty where it is none.
std::string TextAt(JsonTree::Value object, std::string_view pointer);
/// A whole number; `otherwise` where there is none.
uint64_t NumberAt(JsonTree::Value object, std::string_view pointer, uint64_t otherwise = 0);

/// What a problem document says for people: its detail (else its title), the id it names, and the field.
std::string ProblemText(JsonTree::Value problem);
/// The same of an answer that is no success; its status where it holds no problem document.
std::string ProblemText(const HttpAnswer& answer);

struct Outcome {
  Exit exit = kDone;
  HttpAnswer answer;
};
/// The members of a cluster that did not answer, where the answer is put together from several.
std::vector<std::string> MissingMembers(const HttpAnswer& answer);
/// Complains where nothing came back (kUnreachable) or a refusal (kRefused).
Outcome Judge(Result<HttpAnswer> answer);
/// Calls, and judges what comes back. Says so where what was to be changed may have been, though no answer came.
Outcome Ask(const Context& context, const HttpCall& call);
Outcome Ask(const Context& context, const std::string& method, const std::string& path, const std::string* body = nullptr, int64_t wait_ms = 0);

/// Looks at `path`, and as long as what stands there is not `settled` again, for up to `wait_ms`; negative: as long as it takes; nothing: once. A
/// broker that was there (`found`: it was a moment ago) and goes away while it waits is looked for again for up to `reconnect_ms`. Judged as by Judge.
Outcome AskUntil(const Context& context, const std::string& path, std::optional<int64_t> wait_ms, int64_t reconnect_ms,
                 const std::function<bool(JsonTree::Value)>& settled, bool found = false);

/// The body as it came; of an answer with an ETag in its header, the object with that as its last member `etag`.
std::string WithEtag(const HttpAnswer& answer, JsonTree::Value root);

/// The answer as JSON (WithEtag), or what `render` makes of it. An answer that is not JSON is no broker's.
template <class Render>
Exit Show(const Context& context, const Outcome& outcome, Render render) {
  if (outcome.exit != kDone) return outcome.exit;
  Result<JsonTree> tree = JsonTree::Parse(outcome.answer.body);
  if (!tree.ok()) {
    Complain("the answer is not JSON");
    return kRefused;
  }
  if (context.json) PrintLine(WithEtag(outcome.answer, tree->root()));
  else Print(render(tree->root()));
  return kDone;
}

/// Name and value, one a line; what is null is left out. `more` stands below, aligned with the others.
std::string Fields(JsonTree::Value object, const std::vector<std::string>& without = {},
                   const std::vector<std::pair<std::string, std::string>>& more = {});

/// "?a=1&b=2", encoded; empty where there is none.
/// The values of a filter: of `label`, which may be given several times, one a line; of all others the one that there is.
std::vector<std::string> FilterValues(const std::string& name, const std::string& value);
std::string QueryOf(const std::map<std::string, std::string>& parameters);

/// Items of a paged list, as JSON text each.
struct Pages {
  Exit exit = kDone;
  std::vector<std::string> items;
  std::string next;  // the cursor; empty where the list is complete
};
/// Asks for page after page until `limit` items are there or the list is complete.
Pages AskPages(const Context& context, const std::string& path, std::map<std::string, std::string> parameters, uint64_t limit);
/// Of --if-match: "*" and what has quotes as they are; else each of a list of ETags gets its quotes, behind W/ where that stands before it. A shell
/// takes the quotes of an ETag away.
std::string QuotedTags(std::string_view text);
/// {"items":[...],"next":cursor or null}
std::string ItemsJson(const std::vector<std::string>& items, const std::string& next);

}  // namespace notifyd
