// The commands of notifyctl: each asks the broker and prints what it says, as a table or as JSON. Contract section 4.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cli/http_client.h"

namespace notifyd {

/// Exit codes (contract section 4).
enum Exit { kDone = 0, kRefused = 1, kUsage = 2, kUnreachable = 3 };

struct Context {
  HttpClient* client = nullptr;
  bool json = false;
};

struct SubmitArguments {
  std::map<std::string, std::string> fields;  // by name (cli/notify_fields.h)
  std::vector<std::string> headers;           // "Name: value"
  std::string file;                           // NDJSON; "-": standard input; empty: one notify of `fields`
};
Exit Submit(const Context& context, const SubmitArguments& arguments);

struct TriggerArguments {
  std::string fkey;
  std::map<std::string, std::string> fields;  // data, delay_ms, due_at
};
Exit Trigger(const Context& context, const TriggerArguments& arguments);

/// `wait_ms`: how long to wait until it is settled; negative: as long as it takes; nothing: do not wait.
Exit Get(const Context& context, const std::string& id, std::optional<int64_t> wait_ms);

struct ListArguments {
  std::map<std::string, std::string> filters;  // by the name of the query parameter
  uint64_t limit = 100;
};
/// Asks for page after page until `limit` are there or the list is complete.
Exit List(const Context& context, const ListArguments& arguments);

Exit Cancel(const Context& context, const std::string& id);
Exit CancelFkey(const Context& context, const std::string& fkey);
Exit Retry(const Context& context, const std::string& id);
Exit Stats(const Context& context);
/// Do the books balance (contract promise 8)? kRefused where not.
Exit Verify(const Context& context);

}  // namespace notifyd
