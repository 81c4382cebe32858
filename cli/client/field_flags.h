// What the API calls a field, as a flag of the command line: one row each, from which flags, help, manual and completions come. Checks only what is
// needed to write JSON; whether a value is acceptable is the broker's to say. Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/status.h"

namespace notifyd {

struct FieldFlag {
  enum class Kind {
    kText,
    kNumber,   // a whole number
    kDecimal,  // any JSON number, digit for digit
    kNumbers,  // whole numbers with commas between them: an array
    kTexts,    // texts with commas between them: an array
    kAnyOf,    // the same, or "*" alone: all there are, as that text
    kYesOrNo,  // true or false
    kJson,     // JSON text, passed on as it is
    kTime,     // RFC 3339, or milliseconds since the epoch
  };
  std::string name;   // in JSON; "retry/factor" is a member of "retry"
  std::string flags;  // for CLI11: "--due-at"
  Kind kind;
  std::string type;  // for --help
  std::string help;
  bool changes = false;                 // may stand in a change of what there is already
  std::vector<std::string> words = {};  // for completion: the values there are
  bool only_changes = false;            // may stand in a change alone
};

/// The JSON text of one value. Error: kUnacceptable.
Result<std::string> FieldJson(const FieldFlag& field, const std::string& text);

/// What an object's JSON is made of.
struct FieldValues {
  std::map<std::string, std::string> fields = {};  // by name
  std::vector<std::string> headers = {};           // each "Name: value"
  std::vector<std::string> removed_headers = {};   // names that become null
  std::vector<std::string> nulls = {};             // names of fields that become null
  bool empty() const { return fields.empty() && headers.empty() && removed_headers.empty() && nulls.empty(); }
};
/// The object, or a merge patch. Of `flags`, members of one object stand together. Error: kUnacceptable, naming the flag.
Result<std::string> FieldsJson(const std::vector<FieldFlag>& flags, const FieldValues& values);

}  // namespace notifyd
