// What waits in NotifyAgent's table and in its tubes, as documents of submits: what a call says is net/notify_agent's to read, when it is due, what
// holds it and under which key it is submitted stands here. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "base/time_zone.h"

namespace notifyd {

/// A row of the table Notify, its columns by name; nothing: NULL.
struct OldRow {
  uint64_t id = 0;
  std::vector<std::pair<std::string, std::optional<std::string>>> columns;

  /// The text of a column; empty where it is NULL or not there.
  std::string_view Text(std::string_view column) const;
};

/// A call that can be submitted.
struct OldCall {
  std::string document;  // of POST /v1/notifies
};

struct RowTerms {
  std::string database, table;     // where the rows are from
  const TimeZone* zone = nullptr;  // of their times; borrowed
  std::string caller = {};         // in place of the rows' own; empty: theirs
};

/// Makes the same of a row each time that it is asked: due at its time (one that is over: now), held under its fKey as well where it has one, and
/// under a key of table, id and time of creation. The time of creation because ids come again: InnoDB before MySQL 8.0 counts on from the largest id
/// that is left when it restarts. Errors: kUnacceptable, kMalformed, as for people.
Result<OldCall> CallOfRow(const OldRow& row, const RowTerms& terms);

struct JobTerms {
  std::string server;                   // what beanstalkd calls itself (`id` of its stats), new with each start of it
  uint64_t id = 0;                      // of the job
  std::optional<uint64_t> left_s = {};  // of its delay; nothing: it is ready
  std::string caller = {};              // as above
};

/// Of a job of the tube `notify`, or of one that the old daemon made for a queue. Errors: as above.
Result<OldCall> CallOfJob(std::string_view body, const JobTerms& terms);

/// Is it a job that the old daemon has put into a queue's own tube, which is named by the call's queueName?
bool IsJobOfQueue(std::string_view body, std::string_view tube);

}  // namespace notifyd
