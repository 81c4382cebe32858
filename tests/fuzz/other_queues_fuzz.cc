// What comes from other queues: messages of AMQP, rows (as a MySQL server answers them) and jobs of NotifyAgent, and how each of these servers is
// named. Any of it is refused, or becomes documents of submits, which are JSON. Input: which of them (1 byte), then texts: a line each, the last of
// them all that is left.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/json_tree.h"
#include "base/time_zone.h"
#include "cli/bridge/amqp_link.h"
#include "cli/bridge/message_mapping.h"
#include "cli/import/beanstalk_client.h"
#include "cli/import/local_time.h"
#include "cli/import/mysql_address.h"
#include "cli/import/mysql_row.h"
#include "cli/import/old_calls.h"

using namespace notifyd;

namespace {

std::string_view TakeLine(std::string_view* text) {
  const size_t end = std::min(text->find('\n'), text->size());
  const std::string_view line = text->substr(0, end);
  text->remove_prefix(std::min(end + 1, text->size()));
  return line;
}

void ReadMessage(uint8_t choice, std::string_view text) {
  MappingOptions options{.queue = "q"};
  options.shape = static_cast<MessageShape>(choice % 4);
  if ((choice & 4) != 0) {
    Result<MessageTemplate> fields = MessageTemplate::Parse(TakeLine(&text));
    if (!fields.ok()) {
      CHECK(fields.status().code() == Code::kMalformed || fields.status().code() == Code::kUnacceptable);
      return;
    }
    options.fields = *std::move(fields);
  }
  if ((choice & 8) != 0) {
    Result<MessageRef> key = ParseMessageRef(TakeLine(&text));
    if (!key.ok()) return;
    options.key = *std::move(key);
  }
  if ((choice & 16) != 0) options.header_prefix = "X-";
  AmqpMessage message;
  message.routing_key = TakeLine(&text);
  message.message_id = TakeLine(&text);
  message.expiration = TakeLine(&text);
  message.content_type = TakeLine(&text);
  AmqpHeader& header = message.headers.emplace_back();
  header.kind = AmqpHeader::Kind::kText;
  header.name = TakeLine(&text);
  header.text = TakeLine(&text);
  message.body = text;
  const Result<MappedMessage> mapped = MapMessage(message, options);
  if (!mapped.ok()) {
    CHECK(mapped.status().code() == Code::kMalformed || mapped.status().code() == Code::kUnacceptable);
    return;
  }
  CHECK(!mapped->notifies.empty());
  for (const std::string& notify : mapped->notifies) CHECK(JsonTree::Parse(notify).ok());
}

void CheckCall(const Result<OldCall>& call) {
  if (call.ok()) {
    const Result<JsonTree> document = JsonTree::Parse(call->document);
    CHECK(document.ok() && document->root().At("/lane").has_value());
  } else {
    CHECK(call.status().code() == Code::kUnacceptable || call.status().code() == Code::kMalformed);
  }
}

/// As the server answers it: its id is 17, or in the first line of the text, a line "\\N" is NULL.
void ReadRow(bool id_is_said, std::string_view text) {
  static const TimeZone utc;
  constexpr uint64_t kBefore = 16;
  const auto value_of = [](std::string_view said) { return said == "\\N" ? MysqlValue() : MysqlValue(said); };
  MysqlColumns columns = {{"id", id_is_said ? value_of(TakeLine(&text)) : "17"}};
  for (const char* column : {"caller", "url", "method", "contentType", "timeDelayedSend", "timeCreated", "expectResponse", "queueName", "fKey",
                             "needResponse", "runOnce", "retryTimes"})
    columns.emplace_back(column, value_of(TakeLine(&text)));
  columns.emplace_back("data", text);
  const Result<OldRow> row = MysqlRow(columns, kBefore);
  const std::string said(columns[0].second.value_or("NULL"));
  if (!row.ok()) {
    CHECK(row.status().code() == Code::kUnacceptable && row.status().detail().find(said.substr(0, 40)) != std::string::npos);
    return;
  }
  CHECK(row->id > kBefore && said.substr(std::min(said.find_first_not_of('0'), said.size())) == std::to_string(row->id));
  CHECK(row->columns.size() == columns.size());
  for (size_t i = 0; i < columns.size(); ++i) CHECK(row->columns[i].first == columns[i].first && row->columns[i].second == columns[i].second);
  CheckCall(CallOfRow(*row, {.database = "d", .table = "Notify", .zone = &utc}));
}

void ReadJob(uint8_t choice, std::string_view text) {
  JobTerms terms{.server = "s", .id = 3};
  if ((choice & 1) != 0) terms.left_s = UINT64_MAX >> (choice & 30);
  CheckCall(CallOfJob(text, terms));
  (void)IsJobOfQueue(text, "orders");
}

void ReadAnswer(std::string_view text) {
  // What comes in two parts is read as what comes at once.
  const size_t cut = text.empty() ? 0 : static_cast<uint8_t>(text[0]) % text.size();
  std::string whole(text), part(text.substr(0, cut));
  Result<std::optional<BeanstalkAnswer>> answer = TakeBeanstalkAnswer(&whole), first = TakeBeanstalkAnswer(&part);
  if (first.ok() && !*first) {
    CHECK(part == text.substr(0, cut));
    part.append(text.substr(cut));
    first = TakeBeanstalkAnswer(&part);
  } else {
    part.append(text.substr(cut));
  }
  CHECK(first.ok() == answer.ok());
  if (!answer.ok()) {
    CHECK(answer.status().code() == Code::kUnacceptable);
    return;
  }
  CHECK(answer->has_value() == first->has_value() && part == whole);
  if (!answer->has_value()) return;
  CHECK((*answer)->word == (*first)->word && (*answer)->rest == (*first)->rest && (*answer)->body == (*first)->body);
  CHECK((*answer)->body.size() + whole.size() < text.size());
}

void ReadPlace(std::string_view text) {
  if (Result<AmqpAddress> address = ParseAmqpUrl(std::string(text)); address.ok())
    CHECK(!address->host.empty() && address->port > 0 && address->port < 65'536);
  if (Result<MysqlAddress> address = ParseMysqlAddress(text); address.ok()) CHECK(!address->database.empty() && !address->table.empty());
  if (Result<BeanstalkAddress> address = ParseBeanstalkAddress(text); address.ok()) {
    const Result<BeanstalkAddress> again = ParseBeanstalkAddress(address->Text());
    CHECK(again.ok() && again->host == address->host && again->port == address->port);
  }
  if (Result<WallTime> time = ParseLocalTime(text, TimeZone()); time.ok()) {
    const Result<WallTime> again = ParseLocalTime(FormatLocalTime(*time, TimeZone()), TimeZone());
    CHECK(again.ok() && again->ms / 1000 == time->ms / 1000);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] >> 5) {
    case 0:
      ReadRow((data[0] & 1) != 0, text);
      break;
    case 1:
      ReadJob(data[0], text);
      break;
    case 2:
      ReadPlace(text);
      break;
    case 7:
      ReadAnswer(text);
      break;
    default:
      ReadMessage(data[0] & 31, text);
  }
  return 0;
}
