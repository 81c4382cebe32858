// What an import is made of, without servers: addresses, local times, and the documents that rows and jobs become.
#include <catch2/catch.hpp>

#include "base/json_tree.h"
#include "base/zone_database.h"
#include "cli/import/beanstalk_client.h"
#include "cli/import/local_time.h"
#include "cli/import/mysql_address.h"
#include "cli/import/mysql_row.h"
#include "cli/import/old_calls.h"

using namespace notifyd;

namespace {

std::string FaultOf(const std::string& url) {
  const Result<MysqlAddress> address = ParseMysqlAddress(url);
  return address.ok() ? "" : address.status().detail();
}

std::string UtcOf(const std::string& local, const std::string& zone) {
  const Result<WallTime> time = ParseLocalTime(local, *FindSystemZone(zone));
  return time.ok() ? FormatRfc3339(*time) : time.status().detail();
}

OldRow Row(std::vector<std::pair<std::string, std::optional<std::string>>> more) {
  OldRow row{7, {{"id", "7"}, {"queueName", "q"}, {"url", "http://h/"}, {"method", "POST"}, {"contentType", "application/json"}, {"data", "{}"}}};
  row.columns.insert(row.columns.end(), more.begin(), more.end());
  return row;
}

std::string MemberOf(const Result<OldCall>& call, const std::string& pointer) {
  if (!call.ok()) return call.status().detail();
  const Result<JsonTree> tree = JsonTree::Parse(call->document);
  const auto value = tree->root().At(pointer);
  if (!value) return "";
  return std::string(value->kind() == JsonTree::Kind::kString ? value->text() : value->raw());
}

std::string OfRow(std::vector<std::pair<std::string, std::optional<std::string>>> more, const std::string& pointer) {
  const auto zone = FindSystemZone("Asia/Shanghai");
  return MemberOf(CallOfRow(Row(std::move(more)), {"old", "Notify", zone.get()}), pointer);
}

}  // namespace

TEST_CASE("import: a MySQL address is taken apart") {
  const Result<MysqlAddress> full = ParseMysqlAddress(
      "mysql://wal%40le:p%3Aw@db.test:3307/agent?table=Later&time-zone=Asia/Shanghai&ssl-ca=/ca.pem&ssl-cert=/c.pem&ssl-key=/k.pem");
  REQUIRE(full.ok());
  CHECK(full->user == "wal@le");
  CHECK(full->password == "p:w");
  CHECK(full->host == "db.test");
  CHECK(full->port == 3307);
  CHECK(full->database == "agent");
  CHECK(full->table == "Later");
  CHECK(full->time_zone == "Asia/Shanghai");
  CHECK(full->tls == MysqlAddress::Tls::kVerified);
  CHECK(full->Text() == "wal@le@db.test:3307/agent.Later");
  const Result<MysqlAddress> plain = ParseMysqlAddress("mysql://[::1]/agent");
  REQUIRE(plain.ok());
  CHECK(plain->host == "::1");
  CHECK(plain->port == 3306);
  CHECK(plain->table == "Notify");
  CHECK(plain->tls == MysqlAddress::Tls::kOff);
  CHECK(plain->Text() == "[::1]:3306/agent.Notify");
  const Result<MysqlAddress> socket = ParseMysqlAddress("mysql://root@/agent?socket=/run/my%20sql.sock&ssl-mode=REQUIRED");
  REQUIRE(socket.ok());
  CHECK(socket->socket == "/run/my sql.sock");
  CHECK(socket->tls == MysqlAddress::Tls::kRequired);
}

TEST_CASE("import: a MySQL address that is none is refused, without its password") {
  for (const char* wrong :
       {"localhost/agent", "mysql://", "mysql:///agent", "mysql://h", "mysql://h/", "mysql://h:0/a", "mysql://h:x/a", "mysql://[::1/a",
        "mysql://h/a?table=a`b", "mysql://h/a?table=", "mysql://h/a?other=1", "mysql://h/a?ssl-mode=verify_ca", "mysql://u%zz@h/a",
        "mysql://h/a?ssl-cert=/c", "mysql://h/a?ssl-mode=disabled&ssl-ca=/c", "mysql://h/a%00b", "mysql://@/a?socket=/s&ssl-mode=verify_identity"}) {
    INFO(wrong);
    CHECK(FaultOf(wrong) != "");
  }
  CHECK(FaultOf("mysql://u:s%zzecret@h/a").find("ecret") == std::string::npos);
  // Not encoded: a part of the password is never taken for a port, a parameter or a database, and told.
  for (const char* wrong : {"mysql://u:x/ecret@h/a", "mysql://u:x?ecret@h/a", "mysql://u:x?a=ecret@h/a", "mysql://u:12/ecret@h/a",
                            "mysql://u:x@y?ecret@h/a", "mysql://u:x@y/ecret@h/a", "mysql://u:ecret"}) {
    INFO(wrong);
    CHECK(FaultOf(wrong) != "");
    CHECK(FaultOf(wrong).find("ecret") == std::string::npos);
  }
  CHECK(ParseMysqlAddress("mysql://u:p@:#w@h/a")->password == "p@:#w");
  CHECK(ParseMysqlAddress("mysql://u:%2F%3F@h/a?socket=@s")->password == "/?");
  CHECK(ParseMysqlAddress("mysql://u:secret@h/a")->Text().find("secret") == std::string::npos);
}

TEST_CASE("import: a row whose id is no whole number above the one before is refused, and its id said") {
  CHECK(MysqlRow({{"id", "18446744073709551615"}, {"fKey", std::nullopt}, {"url", ""}}, 7)->id == UINT64_MAX);
  CHECK(MysqlRow({{"id", "8"}, {"fKey", std::nullopt}, {"url", ""}}, 7)->columns ==
        std::vector<std::pair<std::string, std::optional<std::string>>>{{"id", "8"}, {"fKey", std::nullopt}, {"url", ""}});
  for (const char* id : {"", "x", "12.5", "8 ", " 8", "+8", "-8", "0x8", "8e1", "7", "18446744073709551616"}) {
    const Result<OldRow> row = MysqlRow({{"id", id}}, 7);
    REQUIRE_FALSE(row.ok());
    CHECK(row.status().detail() == "it is no table of NotifyAgent's: a row behind id 7 has the id \"" + std::string(id) + "\"");
  }
  CHECK(MysqlRow({{"id", std::nullopt}}, 0).status().detail() == "it is no table of NotifyAgent's: a row behind id 0 has the id NULL");
  CHECK_FALSE(MysqlRow({{"url", "8"}}, 0).ok());
}

TEST_CASE("import: a beanstalkd's address has a default port") {
  CHECK(ParseBeanstalkAddress("queue.test")->Text() == "queue.test:11300");
  CHECK(ParseBeanstalkAddress("127.0.0.1:11301")->Text() == "127.0.0.1:11301");
  CHECK(ParseBeanstalkAddress("[::1]:7")->Text() == "[::1]:7");
  for (const char* wrong : {"", ":1", "h:", "h:0", "h:65536", "h:1x", "[::1", "[::1]x", "[::1]:", "[name]:7"})
    CHECK_FALSE(ParseBeanstalkAddress(wrong).ok());
}

TEST_CASE("import: a beanstalkd's answer is taken once it is whole, and its body is as long as it says") {
  std::string unread = "RESERVED 17 4\r\nokay\r\nNOT_FOUND\r\n";
  const std::string all = unread;
  for (size_t cut : {0, 3, 13, 15, 18, 20}) {
    std::string part = all.substr(0, cut);
    CHECK_FALSE((*TakeBeanstalkAnswer(&part)).has_value());
    CHECK(part == all.substr(0, cut));
  }
  Result<std::optional<BeanstalkAnswer>> answer = TakeBeanstalkAnswer(&unread);
  REQUIRE((answer.ok() && answer->has_value()));
  CHECK((*answer)->body == "okay");
  CHECK((*answer)->rest == std::vector<std::string>{"17", "4"});
  CHECK((*TakeBeanstalkAnswer(&unread))->word == "NOT_FOUND");
  CHECK(unread.empty());
  // Cut where it says, it would be a job of another body, and its rest the next answer.
  for (std::string other : {"RESERVED 1 2\r\nokay\r\n", "FOUND 1\r\n\r\n\r\n", "OK x\r\n", "RESERVED\r\n", "OK 99999999999\r\n"})
    CHECK(TakeBeanstalkAnswer(&other).status().code() == Code::kUnacceptable);
  std::string endless(8192, 'x');
  CHECK_FALSE(TakeBeanstalkAnswer(&endless).ok());
}

TEST_CASE("import: a local time comes when the clocks of its zone show it") {
  CHECK(UtcOf("2027-03-01 08:00:00", "Asia/Shanghai") == "2027-03-01T00:00:00.000Z");
  CHECK(UtcOf("2027-03-01 08:00:00.250", "UTC") == "2027-03-01T08:00:00.250Z");
  // In spring 02:00 to 03:00 is left out: who waits for 02:30 sees it over at 03:00.
  CHECK(UtcOf("2027-03-28 02:30:00", "Europe/Berlin") == "2027-03-28T01:00:00.000Z");
  CHECK(UtcOf("2027-03-28 03:00:00", "Europe/Berlin") == "2027-03-28T01:00:00.000Z");
  CHECK(UtcOf("2027-03-28 01:59:59", "Europe/Berlin") == "2027-03-28T00:59:59.000Z");
  // In autumn 02:00 to 03:00 comes twice: the first one counts.
  CHECK(UtcOf("2027-10-31 02:30:00", "Europe/Berlin") == "2027-10-31T00:30:00.000Z");
  CHECK(UtcOf("2027-10-31 03:00:00", "Europe/Berlin") == "2027-10-31T02:00:00.000Z");
  CHECK(UtcOf("0000-00-00 00:00:00", "Asia/Shanghai") == "1970-01-01T00:00:00.000Z");
  CHECK(UtcOf("1969-01-01 00:00:00", "UTC") == "1970-01-01T00:00:00.000Z");
  for (const char* wrong :
       {"", "2027-03-01", "2027-02-29 00:00:00", "2027-03-01 24:00:00", "2027-03-01T08:00:00", "2027-03-01 08:00:00.", "2027-13-01 08:00:00"})
    CHECK(UtcOf(wrong, "UTC").find("is not a time") != std::string::npos);
  const auto berlin = FindSystemZone("Europe/Berlin");
  CHECK(FormatLocalTime(*ParseRfc3339("2027-07-01T22:00:01.900Z"), *berlin) == "2027-07-02 00:00:01");
}

TEST_CASE("import: a row is due at its time, and held under its fKey") {
  CHECK(OfRow({{"timeDelayedSend", "2027-03-01 08:00:00"}, {"fKey", std::nullopt}}, "/due_at") == "1803859200000");
  // The API takes no number for so early a time.
  CHECK(OfRow({{"timeDelayedSend", "0000-00-00 00:00:00"}}, "/due_at") == "1970-01-01T00:00:00.000Z");
  CHECK(OfRow({{"timeDelayedSend", "1900-01-01 00:00:00"}}, "/due_at") == "1970-01-01T00:00:00.000Z");
  CHECK(OfRow({{"timeDelayedSend", "2027-03-01 08:00:00"}, {"fKey", "f1"}}, "/fkey") == "f1");
  CHECK(OfRow({{"timeDelayedSend", std::nullopt}, {"fKey", "f1"}}, "/fkey") == "f1");
  CHECK(OfRow({{"timeDelayedSend", std::nullopt}, {"fKey", "f1"}}, "/due_at") == "");
  CHECK(OfRow({{"timeDelayedSend", std::nullopt}, {"fKey", std::nullopt}}, "") == "it has neither a time nor an fKey: nothing would ever send it");
  CHECK(OfRow({{"timeDelayedSend", "soon"}}, "") == "timeDelayedSend: \"soon\" is not a time as 2027-03-01 08:00:00");
  CHECK(OfRow({{"fKey", "f"}, {"data", "\xff"}}, "") == "data is not UTF-8");
  CHECK(OfRow({{"fKey", "f"}, {"queueName", ""}}, "") == "queueName is missing");
}

TEST_CASE("import: a row's key is of its table, its id and its creation, for ids come again") {
  CHECK(OfRow({{"fKey", "f"}, {"timeCreated", "2027-02-01 08:00:00"}}, "/idempotency_key") == "notifyagent/old/Notify/7/2027-02-01 08:00:00");
  CHECK(OfRow({{"fKey", "f"}}, "/idempotency_key") == "notifyagent/old/Notify/7");
  const Result<OldCall> call = CallOfRow(Row({{"fKey", "f"}}), {std::string(300, 'd'), "Notify", nullptr});
  CHECK(MemberOf(call, "/idempotency_key").size() == 255);
}

TEST_CASE("import: a job has the time that is left of its delay, and the server's and its own id as its key") {
  const std::string body = R"({"queueName":"q","url":"http://h/","method":"POST","data":"{}","fKey":"f","timeDelayedSend":"2027-03-01 08:00:00"})";
  const Result<OldCall> ready = CallOfJob(body, {"5a1b", 12});
  CHECK(MemberOf(ready, "/idempotency_key") == "beanstalkd/5a1b/12");
  CHECK(MemberOf(ready, "/delay_ms") == "");
  CHECK(MemberOf(ready, "/fkey") == "");
  CHECK(MemberOf(ready, "/lane") == "q");
  CHECK(MemberOf(CallOfJob(body, {"5a1b", 12, 18}), "/delay_ms") == "18000");
  CHECK_FALSE(CallOfJob("no JSON", {"5a1b", 12}).ok());
  CHECK(IsJobOfQueue(body, "q"));
  CHECK_FALSE(IsJobOfQueue(body, "p"));
  CHECK_FALSE(IsJobOfQueue("{}", "q"));
}
