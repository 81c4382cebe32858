// NotifyAgent's calls (github.com/dendi875/notifyagent) as notifies: what stands in a job of its tubes, or in a row of its table Notify, becomes the
// document of a submit. Pure, any thread. Contract section 20, "The tube notify"; docs/doors.md has the table of all keys, and where the old daemon
// did otherwise.
//
// I1  What a call says is taken as the old daemon took it, numbers by their value: it never checked them either. What it would have failed over in
//     its own process (no queue, a queue that beanstalkd refuses, data that is no text) is refused.
// I2  What is made is a submit like any other: whoever takes it says whether the URL, the type and the sizes are acceptable.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/status.h"
#include "base/time.h"

namespace notifyd {

/// One call, as NotifyAgent says it.
struct NotifyAgentCall {
  std::string caller, url, method, content_type, data, expect_response;
  std::string queue_name;         // never empty once it is read: the lane
  std::string fkey;               // empty: none
  std::string time_delayed_send;  // "Y-m-d H:i:s" in the zone of whoever wrote it, as it stood; empty: none
  int64_t need_response = 1;      // 2: no, else yes
  int64_t run_once = 0;           // 1: one attempt, else ten
  int64_t retry_times = 0;        // attempts that failed already
  bool has_data = false;          // it says data, be it empty: to a GET without nothing is appended
};

/// What decides beside the call itself.
struct NotifyAgentTerms {
  std::optional<int64_t> delay_ms = {};  // from now on; with neither it is due at once
  std::optional<WallTime> due_at = {};   // in place of delay_ms; time_delayed_send is no label then, for this is what it means
  bool held = false;                     // under its fkey, which is no label then
  /// Who is named as the submitter in place of the call's own caller, which becomes a label. Empty: nobody.
  std::string caller = {};
  std::string idempotency_key = {};  // empty: none
};

/// Is it the name of a tube, as beanstalkd has them: 1 to 200 bytes of letters, digits and -+/;.$_(), not beginning with "-"?
bool IsTubeName(std::string_view name);

/// Takes the value of a key: of a member of the JSON, of a column of the table. `value`: a string, or a number's text; nothing where it is null. A
/// whole number counts by its value, however it is written. Keys that say nothing about a call to come are passed over. Error: kUnacceptable with the
/// key as field.
Status SetNotifyAgentField(std::string_view key, std::optional<std::string_view> value, NotifyAgentCall* call);

/// What is refused of a call once all of its values are taken. Error: kUnacceptable with the key as field.
Status CheckNotifyAgentCall(const NotifyAgentCall& call);

/// Reads a job's body: a JSON object as `json_encode` writes it, of which unknown keys are passed over. Errors: kMalformed where it is no JSON,
/// kUnacceptable as above.
Result<NotifyAgentCall> ReadNotifyAgentCall(std::string_view json);

/// Writes the members of the notify's document (POST /v1/notifies) into the object that is open in `json`: whoever has more to say of it adds to
/// them.
void WriteNotifyAgentCall(const NotifyAgentCall& call, const NotifyAgentTerms& terms, JsonWriter* json);

/// The whole document.
std::string NotifyOfNotifyAgentCall(const NotifyAgentCall& call, const NotifyAgentTerms& terms);

}  // namespace notifyd
