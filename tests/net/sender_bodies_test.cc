// What a body is made of where that takes long is made beside the loop, within the attempt.
#include "net/request_text.h"
#include "net/sender_fixture.h"

#include <catch2/catch.hpp>

#include <chrono>
#include <thread>

#include "net/gzip.h"
#include "net/sender/side_thread.h"

using namespace notifyd;

namespace {

constexpr size_t kLarge = 300'000;

uint64_t Prepared(SenderFixture* sender) {
  uint64_t count = 0;
  sender->OnLoop([&] { count = sender->prepared_apart(); });
  return count;
}

NotifySpec DataOf(std::string url, std::string content_type, size_t members) {
  NotifySpec spec = SpecFor(std::move(url));
  spec.payload_kind = PayloadKind::kData;
  spec.payload = "{";
  for (size_t i = 0; i < members; ++i) spec.payload += (i > 0 ? ",\"k" : "\"k") + std::to_string(i) + "\":1";
  spec.payload += "}";
  spec.content_type = std::move(content_type);
  spec.content_type_given = true;
  return spec;
}

/// Waits on the loop, so that what is due by then is due in its next turn.
void HoldLoop(int64_t ms) {
  std::this_thread::sleep_for(std::chrono::milliseconds(ms));
}

NamespaceRow Default(std::vector<std::string> deny) {
  NamespaceRow row;
  row.name = "default";
  row.settings.destinations.deny = std::move(deny);
  return row;
}

}  // namespace

TEST_CASE("bodies: a large one is made beside the loop, whatever is made of it, and is what a small one is; small ones are made at once") {
  TinyReceiver receiver(200, "");
  SenderFixture sender;
  const std::string text(kLarge, 'x');
  CHECK(sender.Send(PostOf(receiver.Url("/"), text)).verdict == Verdict::kSuccess);
  CHECK(Prepared(&sender) == 1);
  CHECK(Body(receiver.requests().at(0)) == text);
  NotifySpec packed = PostOf(receiver.Url("/"), text);
  packed.compress = true;
  CHECK(sender.Send(packed).verdict == Verdict::kSuccess);
  CHECK(Prepared(&sender) == 2);
  const std::string request = receiver.requests().at(1);
  CHECK(HasLine(request, "Content-Encoding: gzip"));
  CHECK(HasLine(request, "Content-Length: " + std::to_string(Body(request).size())));
  std::string unpacked;
  REQUIRE(GunzipAll(Body(request), 2 * kLarge, &unpacked).ok());
  CHECK(unpacked == text);
  CHECK(sender.Send(DataOf(receiver.Url("/"), "application/x-www-form-urlencoded", 30'000)).verdict == Verdict::kSuccess);
  CHECK(Prepared(&sender) == 3);
  CHECK(Body(receiver.requests().at(2)).starts_with("k0=1&k1=1&"));
  CHECK(Body(receiver.requests().at(2)).ends_with("&k29999=1"));
  // A retry makes it anew, and what it is made of is the reason, not its own size: of a little that is packed there is more to do than to copy it.
  NotifySpec little = PostOf(receiver.Url("/"), std::string(SideThread::kCostAtOnce / 2, 'x'));
  CHECK(sender.Send(little).verdict == Verdict::kSuccess);
  CHECK(Prepared(&sender) == 3);
  little.compress = true;
  CHECK(sender.Send(little).verdict == Verdict::kSuccess);
  CHECK(Prepared(&sender) == 4);
  // Nor does the data's size say what a form of it takes: names are repeated.
  NotifySpec nested = DataOf(receiver.Url("/"), "application/x-www-form-urlencoded", 0);
  nested.payload = "{\"" + std::string(1'000, 'n') + "\":[1";
  for (int i = 0; i < 500; ++i) nested.payload += ",1";
  nested.payload += "]}";
  CHECK(sender.Send(nested).verdict == Verdict::kSuccess);
  CHECK(Prepared(&sender) == 5);
  CHECK(Body(receiver.requests().back()).size() > 500'000);
  for (const char* type : {"application/json", "application/x-www-form-urlencoded"})
    CHECK(sender.Send(DataOf(receiver.Url("/"), type, 10)).verdict == Verdict::kSuccess);
  CHECK(sender.Send(SpecFor(receiver.Url("/"))).verdict == Verdict::kSuccess);
  CHECK(Prepared(&sender) == 5);
}

TEST_CASE("bodies: one that cannot be made is fatal, large or not") {
  SenderFixture sender;
  for (size_t members : {size_t{10}, size_t{100'000}}) {
    NotifySpec spec = DataOf("http://127.0.0.1:1/", "text/plain", members);
    const AttemptResult result = sender.Send(spec);
    CHECK(result.verdict == Verdict::kFatal);
    CHECK(result.record.error == "invalid_request");
  }
  CHECK(Prepared(&sender) == 1);
}

TEST_CASE("bodies: of many that begin in one turn of the loop as many are made at once as cost little; the others take turns beside it") {
  TinyReceiver receiver(200, "");
  SenderFixture sender;
  constexpr size_t kCost = SideThread::kCostAtOnce / 2, kCalls = 40, kAtOnce = SideThread::kCostATurn / kCost;
  std::vector<NotifyId> ids;
  const std::string spec = EncodeSpec(PostOf(receiver.Url("/"), std::string(kCost, 'x')));
  sender.OnLoop([&] {
    for (size_t i = 0; i < kCalls; ++i) {
      StartAttempt attempt;
      attempt.id = NotifyId::Of(kDefaultNumber, 1000 + i);
      attempt.number = 1;
      attempt.at = sender.at;
      attempt.envelope = std::make_shared<const Envelope>();
      attempt.spec = std::make_shared<const std::string>(spec);
      ids.push_back(attempt.id);
      sender.sender().Start(std::move(attempt));
    }
    CHECK(sender.prepared_apart() == kCalls - kAtOnce);
  });
  for (NotifyId id : ids) CHECK(sender.Wait(id).verdict == Verdict::kSuccess);
  CHECK(receiver.requests().size() == kCalls);
}

TEST_CASE("bodies: the attempt's time runs while its body is made, and says so") {
  TinyReceiver receiver(200, "");
  SenderFixture sender;
  NotifySpec spec = PostOf(receiver.Url("/"), std::string(kLarge, 'x'));
  spec.timeout_ms = 1;
  sender.behind_start = [] { HoldLoop(30); };
  AttemptResult result = sender.Send(spec);
  CHECK(result.verdict == Verdict::kFailure);
  CHECK(result.record.error == "timeout");
  CHECK(result.record.detail == "the request was not made in time");
  CHECK_FALSE(result.unsent);  // no fault of whoever was to be called
  // The time to connect begins behind it.
  spec.timeout_ms = 20'000;
  spec.connect_timeout_ms = 1'000;
  sender.behind_start = [] { HoldLoop(1'100); };
  result = sender.Send(spec);
  CHECK(result.record.error == "");
  CHECK(receiver.requests().size() == 1);
}

TEST_CASE("bodies: what is aborted while its body is made is not sent, and the sender goes on") {
  TinyReceiver receiver(200, "");
  SenderFixture sender;
  const NotifySpec spec = PostOf(receiver.Url("/first"), std::string(kLarge, 'x'));
  const bool all = GENERATE(true, false);
  sender.behind_start = [&] {
    if (all) sender.sender().Abort();
    else sender.sender().Abort(kDefaultNumber);
    CHECK(sender.sender().in_flight() == 0);
  };
  sender.Start(spec);
  // Its call is used for the next one.
  CHECK(sender.Send(PostOf(receiver.Url("/second"), std::string(kLarge, 'y'))).verdict == Verdict::kSuccess);
  CHECK(sender.ended() == 1);
  REQUIRE(receiver.requests().size() == 1);
  CHECK(receiver.requests()[0].starts_with("POST /second"));
  CHECK(Body(receiver.requests()[0]) == std::string(kLarge, 'y'));
}

TEST_CASE("bodies: a sender that ends leaves what is made behind") {
  TinyReceiver receiver(200, "");
  SenderFixture sender;
  for (int i = 0; i < 20; ++i) sender.Start(PostOf(receiver.Url("/"), std::string(kLarge, 'x')));
}

TEST_CASE("bodies: other destinations hold for what is still being made") {
  TinyReceiver receiver(200, "");
  SenderFixture sender;
  sender.SetTable({Default({})});
  const auto change = [&](std::vector<std::string> deny) {
    return [&sender, deny] {
      AccessTable table;
      table.PutNamespace("default", std::make_shared<const NamespaceRow>(Default(deny)));
      sender.sender().SetTable(std::make_shared<const AccessTable>(table));
    };
  };
  const NotifySpec spec = PostOf(receiver.Url("/"), std::string(kLarge, 'x'));
  CHECK(sender.Send(spec).verdict == Verdict::kSuccess);
  sender.behind_start = change({"127.0.0.0/8"});
  CHECK(sender.Send(spec).record.error == "destination_refused");
  sender.behind_start = change({});
  CHECK(sender.Send(spec).verdict == Verdict::kSuccess);  // it was refused when it began
  CHECK(receiver.requests().size() == 2);
}
