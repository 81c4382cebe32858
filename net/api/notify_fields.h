// The fields of a notify: one row each, which says what reads the field of a submit, how it is shown, and whether a change may name it. Submits,
// answers, changes, notifyctl's flags and docs/openapi.yaml are driven by these rows or held to them by a test. Contract section 3, "A notify".
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/json_reader.h"
#include "base/secrets.h"
#include "base/status.h"
#include "base/time.h"
#include "broker/events.h"
#include "broker/limits.h"
#include "broker/spec.h"
#include "net/api/trace_context.h"

namespace notifyd {

/// A submit document taken apart.
struct ParsedNotify {
  NotifySpec spec;
  Envelope envelope;
  When when, ttl;
  bool default_lane = true;    // the lane is that of its url and group
  size_t partition_bytes = 0;  // at the end of envelope.lane.name: "~n", where order_by chose among the lane's partitions
  bool caller_given = false, retry_given = false, timeout_given = false;
  Status refused;              // not ok: it is well-formed, and a setting of this broker refuses it
};

struct NotifyReading;

/// Of a document that is a notify in part: a subscription, whose template is the rest of it; an event, which has some of its fields.
struct NotifyPart {
  std::string_view of;                      // "a subscription": what refusals say has no such field
  std::span<const std::string_view> names;  // fields that it has; or with `all_but`: that it has not
  bool all_but = false;
  std::string lane = {};         // where none is named, in place of that of the URL; "#" and the group behind it
  bool orders_by_event = false;  // order_by may be "key", and what it picks is looked for when a notify is made of it
  /// Takes a member that is no field of a notify, or of which `names` has nothing (null among them); false: there is none of this name either.
  std::function<Result<bool>(const JsonValue& value)> other = {};

  bool Has(std::string_view name) const;
};

/// What of a notify is shown.
struct NotifyShowing {
  const NotifySpec& spec;
  const Envelope& envelope;
  WallTime due = kWallNever, expires_at = kWallNever;
  const SecretNames* hidden = nullptr;  // headers that are shown as kHiddenValue; null: it is not for people, but to be read back
  bool no_urls = false;                 // of URLs their scheme and host alone: the broker's own notifies
};

/// Fields of which a document may give one at most; a change that names one puts it in the place of the others.
enum class Choice : uint8_t { kNone, kPayload, kWhen, kTtl };

struct NotifyField {
  std::string_view pointer;  // "/url"
  /// Reads a value that is not null. Errors: kUnacceptable with a field.
  Status (*read)(const NotifyField& field, const JsonValue& value, NotifyReading* reading);
  /// Writes the value, null where there is none.
  void (*show)(const NotifyShowing& showing, JsonWriter* json);
  Choice choice = Choice::kNone;
  bool changeable = false;  // a change may name it
  bool early = false;       // read before those that are not, which look at what came of it
  bool restated = true;     // stands in the document that a change is merged into; else the notify keeps what it has
  bool listed = true;       // shown in lists, too
  bool required = false;

  std::string_view name() const { return pointer.substr(1); }
};

/// Puts a notify without order_by of its own into a partition of its lane, where the first rule that matches that says so. To be called once all that
/// names its lane is known. `turn`: as ReadNotify has it. Error: kUnacceptable, its data has no such value.
Status ApplyOrderRule(const std::vector<LaneRule>& rules, uint64_t turn, ParsedNotify* out);
/// Lets the notifies that are made of a template, which is a whole one, each choose its partition: its lane is the one that these are of, and what
/// such a rule says is the template's own. Error: as above.
Status LeavePartitionOpen(const std::vector<LaneRule>& rules, ParsedNotify* out);
/// Gives a template without order_by of its own, whose notifies are ordered by the data that each gets, what such a rule says in its place.
void TakeOrderRule(const std::vector<LaneRule>& rules, ParsedNotify* out);

/// In the order in which they are shown.
std::span<const NotifyField> NotifyFields();
/// Null: there is none of this name.
const NotifyField* FindNotifyField(std::string_view name);

/// Reads a submit document. `trace`: of its request. A body of more than `max_body_bytes` as sent is no error, but `out->refused`. That a header of
/// the request may hold the idempotency key is the caller's to see to. Errors: kUnacceptable with a field.
/// `turn`: counts submits, for those that are spread over the partitions of their lane. `part`: null for a whole one.
Status ReadNotify(const JsonValue& item, const TraceContext& trace, size_t max_body_bytes, uint64_t turn, ParsedNotify* out,
                  const NotifyPart* part = nullptr);

}  // namespace notifyd
