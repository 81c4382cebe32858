// The fields of a notify as flags: one row each, in the contract's order (section 3, "A notify"). Checks only what is needed to write JSON;
// whether a value is acceptable is the broker's to say.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/status.h"

namespace notifyd {

struct NotifyFlag {
  enum class Kind {
    kText,
    kNumber,   // a whole number
    kDecimal,  // any JSON number, digit for digit
    kNumbers,  // whole numbers with commas between them: an array
    kJson,     // JSON text, passed on as it is
    kTime,     // RFC 3339, or milliseconds since the epoch
  };
  std::string name;   // in JSON; "retry/factor" is a member of "retry"
  std::string flags;  // for CLI11: "--due-at"
  Kind kind;
  std::string type;  // for --help
  std::string help;
  bool changes = false;                 // may stand in a change of a notify that is pending
  std::vector<std::string> words = {};  // for completion: the values there are
};
/// Members of one object stand together.
const std::vector<NotifyFlag>& NotifyFlags();

/// The rows that postpone a trigger, too: delay_ms and due_at.
bool IsWhenField(const NotifyFlag& field);

/// The JSON text of one value. Error: kUnacceptable.
Result<std::string> FieldJson(const NotifyFlag& field, const std::string& text);

/// What a notify's JSON is made of.
struct FieldValues {
  std::map<std::string, std::string> fields = {};  // by name
  std::vector<std::string> headers = {};           // each "Name: value"
  std::vector<std::string> removed_headers = {};   // names that become null
  std::vector<std::string> nulls = {};             // names of fields that become null
};
/// The object to submit, or the merge patch. Error: kUnacceptable, naming the flag.
Result<std::string> NotifyJson(const FieldValues& values);

}  // namespace notifyd
