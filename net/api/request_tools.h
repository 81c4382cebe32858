// RequestTools: what requests are read with and answers are made with. One a thread: parsers keep memory. The loop has its own; a large document is
// read elsewhere, with tools made for it alone, as the settings were when it came.
#pragma once

#include "base/json_reader.h"
#include "base/secrets.h"
#include "net/api/api_options.h"
#include "net/api/change.h"
#include "net/api/replies.h"
#include "net/api/submit_parser.h"

namespace notifyd {

struct RequestTools {
  /// `api_options` is borrowed.
  RequestTools(const ApiOptions* api_options, SecretNames names)
      : options(api_options),
        secrets(std::move(names)),
        submit(SubmitLimits{.max_body_bytes = api_options->max_body_bytes,
                            .max_batch_items = api_options->max_batch_items,
                            .max_timeout_ms = api_options->max_timeout_ms,
                            .check_url = api_options->check_url,
                            .check_command = api_options->check_command,
                            .lane_rules = api_options->lane_rules,
                            .max_kept_bytes = api_options->max_kept_bytes}),
        change(&submit, &secrets),
        replies(api_options, &secrets) {}
  RequestTools(const RequestTools&) = delete;
  RequestTools& operator=(const RequestTools&) = delete;

  const ApiOptions* const options;
  SecretNames secrets;  // headers whose values are shown as "***"
  SubmitParser submit;
  ChangeParser change;
  JsonReader json;
  const Replies replies;
};

}  // namespace notifyd
