// The document of a schedule (contract section 15): its own fields, a row each, and its template, which is read as a submit is. Pure.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/status.h"
#include "broker/schedule_records.h"
#include "net/api/asker.h"
#include "net/api/json_fields.h"
#include "net/api/notify_fields.h"
#include "net/api/submit_parser.h"

namespace notifyd {

/// Those that say when it runs.
std::span<const JsonField<Schedule>> ScheduleFields();

/// Is it one that a template may have? The others are of one notify alone.
bool IsOfSchedule(const NotifyField& field);
/// The same of the event that it publishes, which has a topic and a key beside them.
bool IsOfPublish(const NotifyField& field);

/// 1 to 100 of A-Z, a-z, 0-9, "_", "-" and dots. Error: kUnacceptable, /name.
Status CheckScheduleName(std::string_view name);

/// Reads the body of a PUT; `submit` and `json` are the thread's. What it says of a time zone is for the core to judge. Errors: as
/// SubmitParser::Parse, with "/notify" or "/publish" before what is the template's.
Result<std::shared_ptr<const Schedule>> ReadSchedule(const std::string& body, const Asker& asker, SubmitParser* submit, JsonReader* json);

}  // namespace notifyd
