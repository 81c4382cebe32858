// SubmitParser: the body of a submit to SubmitItems, the body of a trigger to what it says. Validates every field; decides nothing.
// One a thread. Contract section 3, "A notify".
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json_reader.h"
#include "base/status.h"
#include "broker/events.h"
#include "broker/spec.h"
#include "net/api/api_options.h"
#include "net/api/asker.h"
#include "net/api/notify_fields.h"
#include "net/api/trace_context.h"

namespace notifyd {

struct ParsedSubmit {
  std::vector<SubmitItem> items;  // at least one
  bool batch = false;             // it was an array
};

struct ParsedTrigger {
  std::optional<std::string> data;  // JSON text of an object
  When when;
};

/// What the settings allow of a submit.
struct SubmitLimits {
  size_t max_body_bytes = 0;  // of one notify, as sent to the receiver
  size_t max_batch_items = 0;
  int64_t max_timeout_ms = 0;  // of what is submitted; what is changed keeps its own
  /// What the file says of URLs (ApiOptions::check_url); empty: nothing.
  std::function<Status(std::string_view url)> check_url = {};
  /// What the file says of commands (ApiOptions::check_command); empty: there are none.
  std::function<Status(std::string_view space, std::string_view caller, std::string_view command)> check_command = {};
  /// The file's rules for lanes (ApiOptions::lane_rules); empty: there are none.
  std::function<std::shared_ptr<const std::vector<LaneRule>>()> lane_rules = {};
  size_t max_kept_bytes = SIZE_MAX;  // keep_response_bytes
};

/// What the header Idempotency-Key says (null: there is none) goes for the field, where that says nothing else. Error: kUnacceptable.
Status ReadKeyHeader(const std::string* header, std::string* key);

class SubmitParser {
 public:
  explicit SubmitParser(const SubmitLimits& limits) : limits_(limits) {}
  SubmitParser(size_t max_body_bytes, size_t max_batch_items, int64_t max_timeout_ms = kMostTimeoutMs,
               std::function<Status(std::string_view url)> check_url = {})
      : limits_{max_body_bytes, max_batch_items, max_timeout_ms, std::move(check_url)} {}

  /// `header_key`: the header Idempotency-Key, null where there is none; borrowed. `trace`: of the request. `asker`: who
  /// submits, and into which namespace; null: anybody, and one without settings. Errors: kMalformed, kUnacceptable, kTooLarge, kForbidden (what the
  /// asker may not name); in a batch the field begins with the item's index. An item with an idempotency key that only a setting refuses is no error:
  /// its SubmitItem::refused says so.
  Result<ParsedSubmit> Parse(const std::string& body, const std::string* header_key, const TraceContext& trace = {}, const Asker* asker = nullptr);

  /// A notify that is a template of others, of which each chooses its own partition of the lane. Errors: as above.
  Result<SubmitItem> ParseTemplate(const std::string& body, const Asker& asker);

  /// An array of notifies that go together, of `max_items` at most. `prints`: gets a print of each as version 1 had it, and each item its own
  /// (SubmitItem::fields); null: none is asked for. Errors: as above.
  Result<ParsedSubmit> ParseMembers(const std::string& array, size_t max_items, const TraceContext& trace, const Asker& asker, std::string* prints);
  /// May the asker be told there, and do the settings allow it? Errors: kForbidden, kUnacceptable, of the field "/callback_url".
  Status CheckCallback(const Callback& callback, const Asker& asker) const;

  /// May a notify ask for so long? Error: kUnacceptable, of the field "/timeout_ms".
  Status CheckTimeout(int64_t timeout_ms) const;
  /// Sets what the asker's namespace says where the notify says nothing.
  void ApplyDefaults(const Asker& asker, ParsedNotify* notify) const;

  /// One line of a bulk submit, which holds one object. `readable`: how many bytes from its beginning on may be looked at, as JsonReader::Read
  /// has it. Errors: as above.
  Result<SubmitItem> ParseLine(std::string_view line, size_t readable, const TraceContext& trace = {}, const Asker* asker = nullptr);

  /// A submit document that was made of a notify. `trace`: that notify's. `limit_body`: whether the bound of a body holds.
  /// Errors: as above.
  Result<ParsedNotify> ParseDocument(const std::string& document, const TraceContext& trace, bool limit_body);

  /// A document that is a notify in part, as ReadNotify reads it, and what the asker, the settings and the namespace say to it: as Parse has it, but
  /// that all of it is refused which a setting refuses. What it has no lane by is not held to the lanes that the asker may use.
  Status ReadPart(const JsonValue& item, const NotifyPart& part, const TraceContext& trace, const Asker* asker, ParsedNotify* out);

  /// Calls `on_item` with each object of a body that is one, or an array of them, as Parse reads it, in order.
  /// `has_key`: a header gives its idempotency key. Errors: as Parse has them, and those of `on_item`.
  Status ReadEach(const std::string& body, bool has_key, bool* batch, const JsonReader::OnItem& on_item);
  /// The same of a body that is one object, which is CheckShape'd.
  Status ReadOne(const std::string& body, const JsonReader::OnItem& on_item);
  /// The same of one line, as ParseLine has it.
  Status ReadLine(std::string_view line, size_t readable, const JsonReader::OnItem& on_item);
  /// Of the item that such a function was called with.
  Fingerprint PrintOf(const JsonValue& item, std::string_view except) { return reader_.PrintOf(item, except); }
  JsonReader* reader() { return &reader_; }

  /// Of a trigger's body, which must not be empty. Errors: as above.
  Result<ParsedTrigger> ParseTrigger(const std::string& body);

  /// Of a document that is one notify, or a part of one: what ReadShape (json_shape.h) refuses of it, where it is large.
  Status CheckShape(std::string_view document) const;

  /// What a worker's parser is to be made with.
  const SubmitLimits& limits() const { return limits_; }

 private:
  /// What goes for all items of a request.
  struct Context {
    const TraceContext& trace;
    const Asker* asker;
    bool prints = false;       // of items without a key, too
    bool is_template = false;  // as ParseTemplate has it
  };
  Status ReadItems(const std::string& body, const std::vector<std::string_view>& items, const JsonReader::OnItem& on_item);
  Status ParseItem(const JsonValue& item, const std::string* header_key, const Context& context, SubmitItem* out);
  Status CheckUrls(const ParsedNotify& notify) const;
  /// Notes in `notify` what the settings refuse of it, and returns that.
  Status CheckLimits(ParsedNotify* notify, const Asker* asker) const;
  Status CheckCommand(const ParsedNotify& notify, const Asker* asker) const;
  /// Calls `apply` with the rules for lanes of the asker's namespace, else the file's.
  template <class Apply>
  auto WithRules(const Asker* asker, Apply apply) const;

  const SubmitLimits limits_;
  JsonReader reader_;
  uint64_t turn_ = 0;  // of what is spread over partitions
};

}  // namespace notifyd
