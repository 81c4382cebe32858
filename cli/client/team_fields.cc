#include "cli/client/team_fields.h"

#include <charconv>
#include <utility>

namespace notifyd {
namespace {

using enum FieldFlag::Kind;

constexpr int64_t kSecondMs = 1000, kDayMs = 86'400 * kSecondMs, kDurationMostMs = 36'525 * kDayMs;

}  // namespace

const std::vector<FieldFlag>& TokenFlags() {
  static const std::vector<FieldFlag> fields = {
      {"name", "--name", kText, "TEXT", "What it is for, for people; default its id.", true},
      {"namespaces", "--namespaces", kAnyOf, "NAME,...", "Where it counts; '*': in all there are and will be.", true},
      {"scopes",
       "--scopes",
       kTexts,
       "SCOPE,...",
       "What it lets do: submit, read, read_bodies, register, operate, admin, metrics.",
       true,
       {"submit", "read", "read_bodies", "register", "operate", "admin", "metrics"}},
      {"caller", "--caller", kText, "NAME", "The caller of all that is submitted with it, who can be named by such tokens only.", true},
      {"cidrs", "--cidrs", kTexts, "RANGE,...", "From where alone it counts, such as 10.1.0.0/16.", true},
      {"lanes", "--lanes", kTexts, "TEXT,...", "Only lanes whose names begin so.", true},
      {"fkeys", "--fkeys", kTexts, "TEXT,...", "Only fkeys that begin so.", true},
      {"services", "--services", kTexts, "TEXT,...", "Only services whose names begin so.", true},
      {"submits_per_s", "--submits-per-s", kDecimal, "NUMBER", "Notifies a second at most.", true},
      {"expires_at", "--expires-at", kTime, "TIME", "Until when it counts: RFC 3339, or milliseconds since the epoch.", true},
      {"signing", "--signing", kYesOrNo, "WORD", "true: it may sign its requests in place of being shown.", false, {"true", "false"}},
      {"disabled", "--disabled", kYesOrNo, "WORD", "true: it counts no more until that is taken back.", true, {"true", "false"}, true},
  };
  return fields;
}

const std::vector<FieldFlag>& NamespaceFlags() {
  static const std::vector<FieldFlag> fields = {
      {"max_pending", "--max-pending", kNumber, "N", "Notifies not settled at most.", true},
      {"max_stored_bytes", "--max-stored-bytes", kNumber, "BYTES", "What it may take in the store.", true},
      {"submits_per_s", "--submits-per-s", kDecimal, "NUMBER", "Notifies a second at most.", true},
      {"burst", "--burst", kNumber, "N", "How many may come at once after a pause, above that.", true},
      {"max_in_flight", "--max-in-flight", kNumber, "N", "Calls in flight at most; to one host at most half of them.", true},
      {"retention_succeeded_ms", "--retention-succeeded-ms", kNumber, "MS", "How long those that succeeded are kept.", true},
      {"retention_settled_ms", "--retention-settled-ms", kNumber, "MS", "How long the others are kept once they are settled.", true},
      {"destinations/allow", "--allow", kTexts, "RANGE,...",
       "Ranges of addresses that may be called beside the usual, private ones among them, such as 10.0.0.0/8.", true},
      {"destinations/deny", "--deny", kTexts, "RANGE,...", "Addresses that may not be called.", true},
      {"destinations/https_only", "--https-only", kYesOrNo, "WORD", "true: https receivers alone.", true, {"true", "false"}},
      {"destinations/ports", "--ports", kNumbers, "PORT,...", "These ports alone.", true},
      {"retry", "--retry", kJson, "JSON", "How its notifies are tried again where they say nothing, as one object.", true},
      {"timeout_ms", "--timeout-ms", kNumber, "MS", "One whole attempt, of notifies that say nothing.", true},
      {"lane_rules", "--lane-rules", kJson, "JSON", "An array of rules, with the keys of [[lane]] in the broker's file.", true},
      {"cell", "--cell", kText, "NAME", "In which cell of the store it is made (without it the home cell), or to which it moves.", true},
  };
  return fields;
}

const std::vector<FieldFlag>& SigningKeyFlags() {
  static const std::vector<FieldFlag> fields = {
      {"name", "--name", kText, "NAME", "What rules call it by; default default."},
      {"kind", "--kind", kText, "WORD", "hmac or ed25519; default hmac.", false, {"hmac", "ed25519"}},
      {"overlap_ms", "--overlap-ms", kNumber, "MS", "How long calls are signed by the key before it, too."},
  };
  return fields;
}

const std::vector<FieldFlag>& HostFlags() {
  static const std::vector<FieldFlag> fields = {
      {"concurrency", "--concurrency", kNumber, "N", "Calls in flight to it at most.", true},
      {"rate_per_s", "--rate-per-s,--rate", kDecimal, "NUMBER", "Calls a second to it at most.", true},
  };
  return fields;
}

const std::vector<FieldFlag>& CallerFlags() {
  static const std::vector<FieldFlag> fields = {
      {"submits_per_s", "--submits-per-s", kDecimal, "NUMBER", "Notifies a second at most.", true},
  };
  return fields;
}

Result<int64_t> ReadDuration(std::string_view text) {
  static constexpr std::pair<char, int64_t> kUnits[] = {
      {'s', kSecondMs}, {'m', 60 * kSecondMs}, {'h', 3600 * kSecondMs}, {'d', kDayMs}, {'w', 7 * kDayMs}};
  int64_t count = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  for (auto [unit, ms] : kUnits) {
    if (error != std::errc() || end + 1 != text.data() + text.size() || *end != unit) continue;
    if (count <= 0 || count > kDurationMostMs / ms) break;
    return count * ms;
  }
  return Status(Code::kUnacceptable,
                "\"" + std::string(text) + "\" is no time such as 12h or 90d: a whole number with s, m, h, d or w, a hundred years at most");
}

}  // namespace notifyd
