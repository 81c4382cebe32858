// The fields of a notify as flags: one row each, in the contract's order (section 3, "A notify"). Checks only what is needed to write JSON;
// whether a value is acceptable is the broker's to say.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/status.h"

namespace notifyd {

struct NotifyField {
  enum class Kind {
    kText,
    kNumber,  // a whole number
    kJson,    // JSON text, passed on as it is
    kTime,    // RFC 3339, or milliseconds since the epoch
  };
  std::string name;   // in JSON
  std::string flags;  // for CLI11: "--due-at"
  Kind kind;
  std::string type;  // for --help
  std::string help;
};
const std::vector<NotifyField>& NotifyFields();

/// The rows that postpone a trigger, too: delay_ms and due_at.
bool IsWhenField(const NotifyField& field);

/// The JSON text of one value. Error: kUnacceptable.
Result<std::string> FieldJson(const NotifyField& field, const std::string& text);

/// The object to submit. `values`: by name; `headers`: each "Name: value". Error: kUnacceptable, naming the flag.
Result<std::string> NotifyJson(const std::map<std::string, std::string>& values, const std::vector<std::string>& headers);

}  // namespace notifyd
