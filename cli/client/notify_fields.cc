#include "cli/client/notify_fields.h"

namespace notifyd {

const std::vector<FieldFlag>& NotifyFlags() {
  using enum FieldFlag::Kind;
  static const std::vector<FieldFlag> fields = {
      {"url", "--url,url", kText, "URL", "Where to send it: http:// or https://."},
      {"method",
       "--method",
       kText,
       "METHOD",
       "GET, POST, PUT, PATCH, DELETE or HEAD; default POST.",
       false,
       {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"}},
      {"data", "--data,-d", kJson, "JSON", "Data, encoded by the content type: JSON, a form, or the query string.", true},
      {"body", "--body", kText, "TEXT", "The raw body, instead of data.", true},
      {"body_base64", "--body-base64", kText, "BASE64", "The raw body in base64.", true},
      {"content_type",
       "--content-type",
       kText,
       "TYPE",
       "Default application/json.",
       false,
       {"application/json", "application/x-www-form-urlencoded"}},
      {"pool", "--pool", kText, "NAME", "Of a service: to an instance of this pool."},
      {"pool_fallback", "--pool-fallback", kText, "NAME", "To one of this where that has none to take it."},
      {"instance", "--instance", kText, "ID", "Of a service: to this instance, and no other."},
      {"delay_ms", "--delay-ms,--delay", kNumber, "MS", "Send it that much later.", true},
      {"due_at", "--due-at", kTime, "TIME", "Send it then: RFC 3339, or milliseconds since the epoch.", true},
      {"fkey", "--fkey", kText, "FKEY", "Hold it until this key is triggered."},
      {"on_held",
       "--on-held",
       kText,
       "WORD",
       "What to do where the fkey is held already: reject, replace or keep.",
       false,
       {"reject", "replace", "keep"}},
      {"lane", "--lane", kText, "LANE", "The lane that it waits in; default by URL."},
      {"group", "--group", kText, "NAME", "Splits the URL's default lane."},
      {"order_by", "--order-by", kText, "POINTER", "JSON Pointer into data: those with the same value there keep their order."},
      {"partitions", "--partitions", kNumber, "N", "Over how many fifo lanes order_by spreads the values, 1 to 1024; default 16."},
      {"order_by_missing", "--order-by-missing", kText, "WORD", "Without such a value: refuse, or spread.", false, {"refuse", "spread"}},
      {"mode", "--mode", kText, "MODE", "concurrent or fifo; default concurrent.", false, {"concurrent", "fifo"}},
      {"priority", "--priority", kNumber, "N", "0 to 9, 9 first; default 4.", true},
      {"reply", "--reply", kText, "WORD", "expected, or none: one attempt, whatever the answer.", false, {"expected", "none"}},
      {"expect", "--expect", kJson, "JSON", "The answer that counts as success; default {\"status\":[\"2xx\"]}.", true},
      {"retry", "--retry", kJson, "JSON", "How to try again, as one object, instead of the flags for its parts.", true},
      {"retry/max_attempts", "--max-attempts,--retry-max-attempts", kNumber, "N", "Attempts in all, 1 to 100; default 10.", true},
      {"retry/initial_ms", "--retry-initial-ms", kNumber, "MS", "The first wait; default 1000.", true},
      {"retry/factor", "--retry-factor", kDecimal, "NUMBER", "Each wait is that many times the one before; default 2.", true},
      {"retry/max_ms", "--retry-max-ms", kNumber, "MS", "The longest wait; default 3600000.", true},
      {"retry/jitter", "--retry-jitter", kDecimal, "NUMBER", "A wait is made longer or shorter by up to that part, 0 to 1; default 0.1.", true},
      {"retry/schedule_ms", "--retry-schedule-ms", kNumbers, "MS,...", "The waits one by one, the last repeated.", true},
      {"retry/fatal_on", "--fatal-on,--retry-fatal-on", kJson, "JSON", "The answer that makes it fail at once.", true},
      {"retry/later_on", "--later-on,--retry-later-on", kJson, "JSON",
       "The answer that means not ready yet: asked again, budget untouched; needs a ttl.", true},
      {"retry/only_on", "--only-on,--retry-only-on", kJson, "JSON", "The answer that is tried again: any other unexpected one fails at once.", true},
      {"compress", "--compress", kText, "WORD", "gzip: its body is sent so.", false, {"gzip"}},
      {"follow_redirects",
       "--follow-redirects",
       kYesOrNo,
       "true|false",
       "Whether up to 5 redirects of its receiver are followed; as the broker's settings say by default.",
       false,
       {"true", "false"}},
      {"keep_response_bytes", "--keep-response-bytes", kNumber, "BYTES", "So much of the answer that ends it is kept: notifyctl response."},
      {"timeout_ms", "--timeout-ms", kNumber, "MS", "One whole attempt; default 30000."},
      {"connect_timeout_ms", "--connect-timeout-ms", kNumber, "MS", "Its connecting; default 5000."},
      {"ttl_ms", "--ttl-ms,--ttl", kNumber, "MS", "No attempt starts after that time.", true},
      {"expires_at", "--expires-at", kTime, "TIME", "No attempt starts after that moment.", true},
      {"idempotency_key", "--idempotency-key", kText, "KEY", "The same key with the same fields is accepted once."},
      {"caller", "--caller", kText, "NAME", "Who submits; default unknown."},
      {"labels", "--labels", kJson, "JSON", "Up to 16 of them, as {\"key\":\"value\"}: lists filter by them, callbacks and logs have them."},
      {"callback_url", "--callback-url", kText, "URL", "Told how it ended, once it is settled."},
  };
  return fields;
}

bool IsWhenField(const FieldFlag& field) {
  return field.name == "delay_ms" || field.name == "due_at";
}

Result<std::string> NotifyJson(const FieldValues& values) {
  return FieldsJson(NotifyFlags(), values);
}

}  // namespace notifyd
