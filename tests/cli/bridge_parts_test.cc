// The bridge's parts without a queue: what is submitted together, what waits, and dead letters in a file.
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <sstream>
#include <thread>
#include <vector>

#include "base/json_tree.h"
#include "cli/bridge/amqp_link.h"
#include "cli/bridge/batch_plan.h"
#include "cli/bridge/bridge_counters.h"
#include "cli/bridge/dead_letter_file.h"
#include "cli/bridge/intake.h"
#include "cli/bridge/message_mapping.h"
#include "cli/bridge/outage.h"
#include "cli/bridge/prefetch_plan.h"
#include "packaging/project.h"
#include "support/temp_dir.h"

// Behind the headers of the project: its CHECK is the one that is meant here.
#include <catch2/catch.hpp>

namespace notifyd {
namespace {

using test::TempDir;

std::string TextOf(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// Carries a plan out against a broker that refuses what is `bad`, and names it where `names` says so. What was done, in order.
std::string CarriedOut(size_t count, const std::vector<size_t>& bad, bool names, size_t most, size_t* requests) {
  BatchPlan plan(count);
  std::string done;
  *requests = 0;
  while (!plan.done()) {
    const BatchPlan::Range range = plan.Next(most);
    auto culprit = std::find_if(bad.begin(), bad.end(), [&](size_t i) { return i >= range.from && i < range.to; });
    ++*requests;
    if (culprit == bad.end()) {
      for (size_t i = range.from; i < range.to; ++i) done += std::to_string(i) + " ";
      plan.Settle(range.to);
    } else if (range.size() == 1) {
      done += "!" + std::to_string(range.from) + " ";
      plan.Settle(range.to);
    } else {
      plan.Split(range, names ? std::optional(*culprit) : std::nullopt);
    }
  }
  return done;
}

AmqpDelivery Delivery(uint64_t tag, const std::string& body = "x") {
  AmqpDelivery delivery;
  delivery.tag = tag;
  delivery.message.body = body;
  return delivery;
}

}  // namespace

TEST_CASE("bridge: what is refused takes no other down, and order is kept") {
  size_t requests = 0;
  CHECK(CarriedOut(5, {}, true, 100, &requests) == "0 1 2 3 4 ");
  CHECK(requests == 1);
  CHECK(CarriedOut(5, {2}, true, 100, &requests) == "0 1 !2 3 4 ");
  CHECK(requests == 4);
  CHECK(CarriedOut(5, {0, 1, 4}, true, 100, &requests) == "!0 !1 2 3 !4 ");
  CHECK(CarriedOut(1, {0}, true, 100, &requests) == "!0 ");
  CHECK(CarriedOut(7, {3}, false, 100, &requests) == "0 1 2 !3 4 5 6 ");
  CHECK(CarriedOut(7, {6}, true, 2, &requests) == "0 1 2 3 4 5 !6 ");
  // Of a thousand without a name ten tries each are enough.
  std::string expected;
  for (int i = 0; i < 1000; ++i) expected += (i == 500 ? "!" : "") + std::to_string(i) + " ";
  CHECK(CarriedOut(1000, {500}, false, 1000, &requests) == expected);
  CHECK(requests <= 25);
}

TEST_CASE("bridge: what follows from a status") {
  for (int status : {200, 201, 202}) CHECK(AcceptanceOf(status) == Acceptance::kAccepted);
  for (int status : {400, 409, 413, 422}) CHECK(AcceptanceOf(status) == Acceptance::kRefused);
  for (int status : {0, 408, 429, 500, 501, 502, 503, 507, 508}) CHECK(AcceptanceOf(status) == Acceptance::kAway);
  for (int status : {301, 401, 403, 404, 405, 415, 421, 431}) CHECK(AcceptanceOf(status) == Acceptance::kStop);
}

TEST_CASE("bridge: a message with nothing that tells a repeat of it has keys of its delivery, so that what is submitted again is not made again") {
  AmqpMessage message;
  message.body = R"({"requests":[{"url":"http://a/x"},{"url":"http://a/y"}]})";
  const MappingOptions options{"q"};
  const auto keys = [&](const std::string& delivery, bool keyed) {
    Result<MappedMessage> mapped = MapMessage(message, options, delivery);
    REQUIRE(mapped.ok());
    CHECK(mapped->keyed == keyed);
    std::vector<std::string> keys;
    for (const std::string& notify : mapped->notifies) {
      const Result<JsonTree> tree = JsonTree::Parse(notify);
      const std::optional<JsonTree::Value> key = tree->root().At("/idempotency_key");
      keys.push_back(key ? std::string(key->text()) : "");
    }
    return keys;
  };
  const std::string bridge("\0\x01\xff", 3);
  CHECK(DeliveryKeyOf(bridge, 3, 17) == "delivery:0001ff.3.17");
  CHECK(keys(DeliveryKeyOf(bridge, 3, 17), false) == std::vector<std::string>{"q/delivery:0001ff.3.17/0", "q/delivery:0001ff.3.17/1"});
  // Of any other delivery another one: a server numbers them anew over each connection.
  std::set<std::string> all;
  for (const std::string& each : {DeliveryKeyOf(bridge, 3, 17), DeliveryKeyOf(bridge, 3, 18), DeliveryKeyOf(bridge, 31, 7), DeliveryKeyOf("", 3, 17)})
    for (const std::string& key : keys(each, false)) all.insert(key);
  CHECK(all.size() == 8);
  message.message_id = "m";
  CHECK(keys(DeliveryKeyOf(bridge, 3, 17), true) == std::vector<std::string>{"q/m/0", "q/m/1"});
}

TEST_CASE("bridge: messages are handed over in order, bounded, and settled up to a tag") {
  int woken = 0;
  Intake intake([&] { ++woken; });
  intake.Begin();
  for (uint64_t tag = 1; tag <= 5; ++tag) intake.Add(Delivery(tag, std::string(100, 'x')));
  CHECK(intake.held() == 5);
  const size_t each = Delivery(1, std::string(100, 'x')).message.bytes();
  CHECK(intake.held_bytes() == 5 * each);
  std::optional<Intake::Batch> batch = intake.Take(2, SIZE_MAX, 60'000);
  REQUIRE(batch);
  REQUIRE(batch->deliveries.size() == 2);
  CHECK(batch->deliveries[1].tag == 2);
  intake.Settle(batch->connection, 2);
  CHECK(intake.settled() == 2);
  CHECK(intake.held() == 3);
  CHECK(woken == 1);
  batch = intake.Take(100, each + 1, 60'000);  // the first one always
  REQUIRE(batch);
  CHECK(batch->deliveries.size() == 1);

  // The connection is lost: what it brought comes again.
  intake.Begin();
  CHECK(intake.Gone(batch->connection));
  intake.Settle(batch->connection, 3);
  CHECK(intake.settled() == 0);
  CHECK(intake.held_bytes() == 0);
  intake.Add(Delivery(1));
  CHECK_FALSE(intake.Gone(intake.connection()));

  // Whoever waits for messages does not do so for ever.
  CHECK(intake.Take(1, 1, 0));
  CHECK_FALSE(intake.Take(1, 1, 1));

  // Who waits is woken.
  std::thread waiting([&] { intake.Pause(intake.connection(), 3'600'000); });
  intake.Stop();
  waiting.join();
  CHECK_FALSE(intake.Take(1, 1, 60'000));
  CHECK(intake.Gone(intake.connection()));
}

TEST_CASE("bridge: of an outage each reason that lasts is said, and a journal is not filled by those that come and go") {
  Outage outage;
  CHECK_FALSE(outage.Worked(0));
  CHECK(outage.Failed("503: starting", 1'000));
  CHECK_FALSE(outage.Failed("503: starting", 60'000));
  CHECK(outage.Failed("507: full", 60'100));
  // Two that take turns for an hour: each time it takes twice as long until one is said.
  int said = 0;
  for (int64_t now_ms = 61'000; now_ms < 3'661'000; now_ms += 1'000) said += outage.Failed(now_ms % 2'000 == 0 ? "507: full" : "429: later", now_ms);
  CHECK(said >= 7);
  CHECK(said <= 12);

  // That it works again is said when nothing has failed for a while, and the next one begins anew.
  CHECK_FALSE(outage.Worked(4'000'000));
  CHECK_FALSE(outage.Worked(4'009'999));
  outage.Failed("429: later", 4'010'000);
  CHECK_FALSE(outage.Worked(4'010'001));
  CHECK(outage.Worked(4'020'001));
  CHECK_FALSE(outage.Worked(4'040'000));
  CHECK(outage.Failed("429: later", 4'050'000));
  CHECK(outage.End());
  CHECK_FALSE(outage.End());
  CHECK(outage.Failed("429: later", 4'050'001));
}

TEST_CASE("bridge: a rate limit with turns of its own is one outage, said once") {
  Outage outage;
  int said = 0;
  for (int64_t now_ms = 0; now_ms < 3'600'000; now_ms += 15'000) {
    said += outage.Failed("429: later", now_ms);
    said += outage.Worked(now_ms + 14'000) + outage.Worked(now_ms + 14'100);
  }
  CHECK(said == 1);
}

TEST_CASE("bridge: the queue is asked for no more than there is memory for once that was short") {
  PrefetchPlan plan(200, 1'000);
  CHECK(plan.now() == 200);
  CHECK(plan.MayRead(99, 999));
  CHECK_FALSE(plan.MayRead(100, 1'000));
  plan.EndConnection(100);
  CHECK(plan.now() == 50);
  // All that is out is here: more does not come, so that there is no harm in reading.
  CHECK_FALSE(plan.MayRead(49, 1'000));
  CHECK(plan.MayRead(50, 1'000));
  CHECK_FALSE(plan.MayRead(51, 1'000));
  // As long as such large ones come it stays there, and asks for more where they were small.
  plan.EndConnection(0);
  CHECK(plan.now() == 50);
  plan.EndConnection(0);  // of nothing that came nothing is learnt
  CHECK(plan.now() == 50);
  for (const uint16_t next : {100, 200, 200}) {
    CHECK(plan.MayRead(20, 249));
    plan.EndConnection(0);
    CHECK(plan.now() == next);
  }
  CHECK(plan.MayRead(20, 250));
  plan.EndConnection(3);
  CHECK(plan.now() == 1);
  plan.EndConnection(1);
  CHECK(plan.now() == 1);
}

TEST_CASE("bridge: a dead letter in a file is a line of JSON with everything in it") {
  TempDir dir;
  const std::string path = dir.At("dead.ndjson");
  AmqpMessage message;
  message.body = std::string("\xff\x00", 2);
  message.message_id = "m\n1";
  message.routing_key = "r";
  message.timestamp_s = 7;
  message.priority = 3;
  message.headers = {{"a", AmqpHeader::Kind::kText, "b"}, {"n", AmqpHeader::Kind::kNumber, "-5"}, {"t", AmqpHeader::Kind::kOther, ""}};
  message.raw_headers = "table";
  {
    Result<std::unique_ptr<DeadLetterFile>> file = DeadLetterFile::Open(path);
    REQUIRE(file.ok());
    REQUIRE((*file)->Keep({&message, "q", 422, "because", "/url", 1'700'000'000'000}).ok());
  }
  CHECK(TextOf(path) ==
        R"({"at":"2023-11-14T22:13:20.000Z","queue":"q","status":422,"reason":"because","field":"/url","message":{"routing_key":"r",)"
        R"("message_id":"m\n1","timestamp":7,"priority":3,"headers":{"a":"b","n":-5},"headers_base64":"dGFibGU=","body_base64":"/wA="}})"
        "\n");
  // A crash in the middle of a line: the next one stands on its own.
  std::ofstream(path, std::ios::app) << "{\"at\":\"20";
  message.body = "text";
  Result<std::unique_ptr<DeadLetterFile>> file = DeadLetterFile::Open(path);
  REQUIRE(file.ok());
  REQUIRE((*file)->Keep({&message, "q", 400, "again", "", 0}).ok());
  std::istringstream lines(TextOf(path));
  std::string line;
  std::vector<std::string> all;
  while (std::getline(lines, line)) all.push_back(line);
  REQUIRE(all.size() == 3);
  Result<JsonTree> last = JsonTree::Parse(all[2]);
  REQUIRE(last.ok());
  CHECK(last->root().At("/message/body")->text() == "text");
}

TEST_CASE("bridge: a dead letter in a file loses no byte of what is no text: it goes as base64") {
  AmqpMessage message;
  message.correlation_id = "\xff";
  message.user_id = "shop";
  message.headers = {{"id", AmqpHeader::Kind::kText, std::string("\xff\xfe\0\1", 4)}, {"a", AmqpHeader::Kind::kText, "b"}};
  message.raw_headers = "table";
  CHECK(DeadLetterLine({&message, "q", 422, "because", "", 0}) ==
        R"({"at":"1970-01-01T00:00:00.000Z","queue":"q","status":422,"reason":"because","message":{"user_id":"shop",)"
        R"("correlation_id_base64":"/w==","headers":{"a":"b"},"headers_base64":"dGFibGU=","body":""}})");
  message.headers = {{"\xff", AmqpHeader::Kind::kNumber, "7"}};
  CHECK_THAT(DeadLetterLine({&message, "q", 422, "because", "", 0}), Catch::Contains(R"("headers":{},"headers_base64":"dGFibGU=")"));
}

TEST_CASE("bridge: a file of dead letters that was moved away, or removed, is followed by a new one at its path") {
  TempDir dir;
  const std::string folder = dir.At("letters"), path = folder + "/dead.ndjson", moved = folder + "/dead.ndjson.1";
  std::filesystem::create_directory(folder);
  AmqpMessage message;
  Result<std::unique_ptr<DeadLetterFile>> file = DeadLetterFile::Open(path);
  REQUIRE(file.ok());
  const auto keep = [&](const std::string& reason) { return (*file)->Keep({&message, "q", 422, reason, "", 0}); };
  REQUIRE(keep("one").ok());
  std::filesystem::rename(path, moved);
  REQUIRE(keep("two").ok());
  CHECK_THAT(TextOf(moved), Catch::Contains("one") && !Catch::Contains("two"));
  CHECK_THAT(TextOf(path), Catch::Contains("two") && !Catch::Contains("one"));
  // One that somebody else has put there is added to, behind what it has.
  std::filesystem::remove(path);
  std::ofstream(path) << "half a line";
  REQUIRE(keep("three").ok());
  CHECK_THAT(TextOf(path), Catch::StartsWith("half a line\n{") && Catch::Contains("three"));
  // Where there can be none it is tried again, and kept once there can.
  std::filesystem::remove_all(folder);
  const Status refused = keep("four");
  CHECK(refused.code() == Code::kUnavailable);
  CHECK_THAT(refused.detail(), Catch::Contains(path));
  std::filesystem::create_directory(folder);
  REQUIRE(keep("four").ok());
  CHECK_THAT(TextOf(path), Catch::Contains("four"));
}

TEST_CASE("bridge: a dead letter waits while another bridge adds one to the same file") {
  TempDir dir;
  const std::string path = dir.At("dead.ndjson");
  AmqpMessage message;
  Result<std::unique_ptr<DeadLetterFile>> file = DeadLetterFile::Open(path);
  REQUIRE(file.ok());
  // Who has its lock may cut off again what it could not write whole.
  const int other = open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  REQUIRE(flock(other, LOCK_EX) == 0);
  bool kept = false;
  std::thread keeps([&] { kept = (*file)->Keep({&message, "q", 422, "because", "", 0}).ok(); });
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  CHECK(TextOf(path).empty());
  close(other);
  keeps.join();
  CHECK(kept);
  CHECK_THAT(TextOf(path), Catch::Contains("because"));
}

TEST_CASE("bridge: a dead letter that cannot be kept is an error") {
  CHECK_FALSE(DeadLetterFile::Open("/dev/full").ok());  // no file
  CHECK_FALSE(DeadLetterFile::Open("/no/such/directory/file").ok());
}

TEST_CASE("bridge: the address of a queue") {
  struct Row {
    const char* url;
    const char* shown;  // empty: refused
    const char* user;
    const char* password;
    const char* vhost;
  };
  for (const Row& row : std::vector<Row>{{"amqp://h", "amqp://h:5672", "guest", "guest", "/"},
                                         {"amqps://h/", "amqps://h:5671/", "guest", "guest", ""},
                                         {"amqp://u:p%40%2F@h:77/v%2Fw", "amqp://h:77/v/w", "u", "p@/", "v/w"},
                                         {"amqp://u@[::1]:5/%2F", "amqp://[::1]:5", "u", "guest", "/"},
                                         {"http://h", "", "", "", ""},
                                         {"amqp://", "amqp://localhost:5672", "guest", "guest", "/"},
                                         {"amqp://h:99999", "", "", "", ""},
                                         {"amqp://h:00", "", "", "", ""},
                                         {"amqp://h\n", "", "", "", ""},
                                         {"", "", "", "", ""}}) {
    INFO(row.url);
    Result<AmqpAddress> address = ParseAmqpUrl(row.url);
    REQUIRE(address.ok() == (*row.shown != '\0'));
    if (!address.ok()) continue;
    CHECK(address->ToString() == row.shown);
    CHECK(address->user == row.user);
    CHECK(address->password == row.password);
    CHECK(address->vhost == row.vhost);
  }
}

TEST_CASE("bridge: docs/bridge-amqp.md has each metric, with its type") {
  BridgeCounters counters;
  counters.received = 1234;
  const std::string text = MetricsText(counters, "a\"b\\");
  CHECK_THAT(text, Catch::Contains("notifyctl_bridge_received_messages_total{queue=\"a\\\"b\\\\\"} 1234\n"));
  const std::set<std::string> printed = test::AllMatches(text, "# TYPE ([a-z_]+ [a-z]+)\n");
  std::set<std::string> documented;
  for (const std::string& line : test::Lines(test::ProjectFile("docs/bridge-amqp.md"))) {
    const std::vector<std::string> cells = test::Cells(line);
    if (cells.size() >= 3 && cells[0].starts_with("`notifyctl_bridge_")) documented.insert(cells[0].substr(1, cells[0].size() - 2) + " " + cells[1]);
  }
  CHECK(printed == documented);
}

}  // namespace notifyd
