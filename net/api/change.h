// PATCH of a notify: from what it is and a merge patch to what it is to be, validated whole. Decides nothing that needs the core: whether it may be
// changed at all, and what becomes of its place in order, is the core's. One a thread. Contract section 3, PATCH /v1/notifies/{id}.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/secrets.h"
#include "base/status.h"
#include "base/time.h"
#include "broker/events.h"
#include "broker/spec.h"
#include "base/json_reader.h"
#include "net/api/asker.h"
#include "net/api/notify_fields.h"
#include "net/api/submit_parser.h"

namespace notifyd {

/// If-Match (RFC 9110 section 13.1.1): "*", or a list of entity tags.
class IfMatch {
 public:
  /// Several header lines are one value, joined by ",". Error: kMalformed, the detail naming the header, where it is neither.
  static Result<IfMatch> Parse(std::string_view value);

  /// Is `etag` ("\"...\"", a strong one) one of them? Weak tags never match.
  bool Matches(std::string_view etag) const;

  bool any() const { return any_; }
  /// The strong ones, each in its quotes.
  const std::vector<std::string>& strong() const { return strong_; }

 private:
  bool any_ = false;
  std::vector<std::string> strong_;
};

/// What a patch names.
struct PatchNames {
  std::vector<const NotifyField*> fields;

  /// Names it one of these?
  bool Chose(Choice choice) const;
  /// Names it another field in place of this one?
  bool Replaces(const NotifyField& field) const;
};

/// The submit document (a JSON object) that would make the notify as it is, but for its due time, on_held and idempotency_key. What `names` replaces
/// is left out. A ttl is its expires_at.
std::string SubmitDocument(const NotifySpec& spec, const Envelope& envelope, WallTime expires_at, const PatchNames& names = {});

class ChangeParser {
 public:
  /// Both are borrowed. `secrets`: headers whose values are shown as "***".
  ChangeParser(SubmitParser* parser, const SecretNames* secrets) : parser_(parser), secrets_(secrets) {}

  /// All that can be said of a patch without the notify: is it a JSON object, does it name only what may be changed, alternatives once.
  /// Errors: kMalformed, kUnacceptable.
  Status Check(const std::string& patch);

  /// `request` of the result is the caller's to fill in. What does not change is the same object as in base; an empty patch changes nothing.
  /// A value of "***" leaves a header as it is that is not shown. `asker`: as SubmitParser has it; what a null restores is his namespace's default. `now`: due_at is at most ten years ahead of it, expires_at not behind it.
  /// Errors: those of Check; kUnacceptable, kTooLarge of the result, with the field; kCorrupt where base does not decode.
  Result<ChangeRequest> Parse(const std::string& patch, std::shared_ptr<const NotifyRecord> base, WallTime now, const Asker* asker = nullptr);

 private:
  Status ReadNames(const std::string& patch, PatchNames* names);

  SubmitParser* const parser_;
  const SecretNames* const secrets_;
  JsonReader reader_;
};

}  // namespace notifyd
