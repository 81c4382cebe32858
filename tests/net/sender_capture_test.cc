// Answers that are handed back, and bodies that are sent as gzip.
#include "base/random.h"
#include "broker/response.h"
#include "net/gzip.h"
#include "net/sender/answer.h"
#include "net/sender/content_coding.h"
#include "net/sender_fixture.h"

#include <catch2/catch.hpp>

using namespace notifyd;

namespace {

AttemptResult SendFor(SenderFixture& sender, const NotifySpec& spec, uint32_t bytes) {
  sender.capture_bytes = bytes;
  return sender.Send(spec);
}

/// Once the sender has let go of what it captured: its call may be over a moment after its end was told.
size_t Captured(SenderFixture& sender, const SenderOptions& options) {
  sender.in_flight();  // the loop's turn is over
  return options.captured->used();
}

}  // namespace

TEST_CASE("capture: an answer's beginning, with the headers that may be shown") {
  TinyReceiver receiver([](TinyReceiver::Peer& peer) {
    while (peer.ReadRequest())
      peer.Answer(201, "hello world",
                  "content-type: text/plain\r\nSet-Cookie: a=b\r\nETAG: \"1\"\r\nX-Mine: one\r\nX-Other: x\r\nx-mine: two\r\nLocation: /there\r\n");
  });
  SenderOptions options;
  options.capture_headers = {"X-Mine", "Set-Cookie-Not"};
  SenderFixture sender(options);
  SECTION("whole") {
    const AttemptResult result = SendFor(sender, SpecFor(receiver.Url("/")), 11);
    REQUIRE(result.response);
    CHECK(result.verdict == Verdict::kSuccess);
    CHECK(result.response->status == 201);
    CHECK(result.response->body == "hello world");
    CHECK_FALSE(result.response->truncated);
    CHECK(result.response->received_at.ms > 0);
    const std::vector<std::pair<std::string, std::string>> headers = {
        {"Content-Type", "text/plain"}, {"ETag", "\"1\""}, {"X-Mine", "one, two"}, {"Location", "/there"}};
    CHECK(result.response->headers == headers);
  }
  SECTION("cut") {
    const AttemptResult result = SendFor(sender, SpecFor(receiver.Url("/")), 10);
    REQUIRE(result.response);
    CHECK(result.response->body == "hello worl");
    CHECK(result.response->truncated);
  }
  SECTION("not asked for") {
    CHECK_FALSE(SendFor(sender, SpecFor(receiver.Url("/")), 0).response);
  }
}

TEST_CASE("capture: an end that comes apart from the last byte is waited for") {
  TinyReceiver receiver([](TinyReceiver::Peer& peer) {
    while (peer.ReadRequest()) {
      if (!peer.Send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n")) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));  // so that it is another segment; whatever is slower does no harm
      peer.Send("0\r\n\r\n");
    }
  });
  SenderFixture sender;
  const AttemptResult result = SendFor(sender, SpecFor(receiver.Url("/")), 4);
  REQUIRE(result.response);
  CHECK(result.response->body == "body");
  CHECK_FALSE(result.response->truncated);
}

TEST_CASE("capture: what stays away of a decided answer is waited for as the record's is, whoever waits, and in vain for none who waits shorter") {
  TinyReceiver receiver([](TinyReceiver::Peer& peer) {
    if (!peer.ReadRequest()) return;
    peer.Send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nab");
    peer.WaitForClose();
  });
  SenderFixture sender;
  const auto send = [&] {
    const AttemptResult result = SendFor(sender, SpecFor(receiver.Url("/")), 64 << 10);
    CHECK(result.verdict == Verdict::kSuccess);
    CHECK(result.record.truncated);
    REQUIRE(result.response);
    CHECK(result.response->body == "ab");
    CHECK(result.response->truncated);
    return result.record.duration_ms;
  };
  SECTION("a second, though somebody waits for longer") {
    sender.capture_ms = GENERATE(0, 60'000);
    const int64_t took_ms = send();
    CHECK(took_ms >= 990);
    CHECK(took_ms < 15'000);  // of 20 s that the attempt may take
  }
  SECTION("who waits shorter is told in his time") {
    sender.capture_ms = GENERATE(500, 120);
    const int64_t least_ms = sender.capture_ms == 500 ? 390 : 50;
    // A machine that is busy is late now and then, and not each time.
    int64_t soonest_ms = send();
    for (int more = 20; more > 0 && soonest_ms >= sender.capture_ms; --more) soonest_ms = std::min(soonest_ms, send());
    CHECK(soonest_ms >= least_ms);
    CHECK(soonest_ms < sender.capture_ms);
  }
}

TEST_CASE("capture: what is kept of an answer is waited for as long as the attempt may take") {
  TinyReceiver receiver([](TinyReceiver::Peer& peer) {
    if (!peer.ReadRequest()) return;
    peer.Send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nab");
    peer.WaitForClose();
  });
  SenderFixture sender;
  NotifySpec spec = SpecFor(receiver.Url("/"));
  spec.timeout_ms = 1'500;
  const AttemptResult result = SendFor(sender, spec, 64 << 10);
  CHECK(result.verdict == Verdict::kSuccess);
  CHECK(result.record.truncated);
  CHECK(result.record.duration_ms >= 1'490);
}

TEST_CASE("capture: a large one comes whole, in memory of its own size") {
  const std::string body(1 << 20, 'x');
  TinyReceiver receiver(200, body);
  SenderOptions options;
  options.max_captured_bytes = 1 << 20;
  SenderFixture sender(options);
  const AttemptResult result = SendFor(sender, SpecFor(receiver.Url("/")), 1 << 20);
  REQUIRE(result.response);
  CHECK(result.response->body == body);
  CHECK_FALSE(result.response->truncated);
  CHECK(result.record.response_body.size() == 256);  // as without
}

TEST_CASE("capture: what is failed, broken off or too large is captured as far as it came") {
  SenderFixture sender;
  TinyReceiver refuses(500, "no");
  const AttemptResult refused = SendFor(sender, SpecFor(refuses.Url("/")), 100);
  CHECK(refused.verdict == Verdict::kFailure);
  REQUIRE(refused.response);
  CHECK(refused.response->body == "no");
  TinyReceiver breaks([](TinyReceiver::Peer& peer) {
    if (peer.ReadRequest()) peer.Send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
  });
  const AttemptResult broken = SendFor(sender, SpecFor(breaks.Url("/")), 100);
  REQUIRE(broken.response);
  CHECK(broken.response->body == "half");
  CHECK(broken.response->truncated);
  // Nobody answered.
  CHECK_FALSE(SendFor(sender, SpecFor("http://127.0.0.1:1/"), 100).response);
}

TEST_CASE("capture: no secret of the request stands in it") {
  TinyReceiver receiver([](TinyReceiver::Peer& peer) {
    for (std::string request; peer.ReadRequest(&request);) peer.Answer(200, request, "Location: /?k=topsecret-value\r\n");
  });
  SenderFixture sender;
  NotifySpec spec = SpecFor(receiver.Url("/"));
  spec.headers = {{"Authorization", "Bearer topsecret-value"}};
  const AttemptResult result = SendFor(sender, spec, 10'000);
  REQUIRE(result.response);
  CHECK(result.response->body.find("topsecret") == std::string::npos);
  CHECK(result.response->body.find("***") != std::string::npos);
  CHECK(result.response->headers.at(0).second == "/?k=***");
}

TEST_CASE("capture: those under way hold nothing before something comes, and are all called at once") {
  SenderOptions options;
  options.max_captured_bytes = 150'000;
  SenderFixture sender(options);
  std::mutex mutex;
  std::condition_variable changed;
  int asked = 0;
  bool go = false;
  TinyReceiver receiver([&](TinyReceiver::Peer& peer) {
    while (peer.ReadRequest()) {
      std::unique_lock lock(mutex);
      ++asked;
      changed.notify_all();
      changed.wait(lock, [&] { return go; });
      lock.unlock();
      peer.Answer(200, "short");
    }
  });
  sender.capture_bytes = 100'000;
  const NotifyId first = sender.Start(SpecFor(receiver.Url("/"))), second = sender.Start(SpecFor(receiver.Url("/")));
  sender.capture_bytes = 0;
  const NotifyId plain = sender.Start(SpecFor(receiver.Url("/")));
  {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return asked == 3; });
    CHECK(options.captured->used() == 0);
    go = true;
    changed.notify_all();
  }
  sender.Wait(plain);
  AttemptResult result = sender.Wait(first);
  CHECK(sender.Wait(second).response->body == "short");
  CHECK(asked == 3);
  CHECK(sender.in_flight() == 0);
  // What is there now is what came of both, as long as somebody holds that (the fixture does).
  CHECK(Captured(sender, options) == 10);
}

TEST_CASE("capture: cookies are shown by nobody's wish") {
  CHECK(CheckShownHeader("X-Mine").ok());
  CHECK_FALSE(CheckShownHeader("set-cookie").ok());
  CHECK_FALSE(CheckShownHeader("X Mine").ok());
}

TEST_CASE("compress: the body goes out as gzip, with its length and its coding") {
  TinyReceiver receiver(200, "");
  SenderFixture sender;
  NotifySpec spec = PostOf(receiver.Url("/"), std::string(10'000, 'x'));
  spec.compress = true;
  CHECK(sender.Send(spec).verdict == Verdict::kSuccess);
  spec.payload_kind = PayloadKind::kNone;
  spec.payload.clear();
  CHECK(sender.Send(spec).verdict == Verdict::kSuccess);
  const std::vector<std::string> requests = receiver.requests();
  const std::string& request = requests.at(0);
  CHECK(request.find("\r\nContent-Encoding: gzip\r\n") != std::string::npos);
  const std::string body = request.substr(request.find("\r\n\r\n") + 4);
  CHECK(request.find("\r\nContent-Length: " + std::to_string(body.size()) + "\r\n") != std::string::npos);
  CHECK(body.size() < 1'000);
  std::string unpacked;
  REQUIRE(GunzipAll(body, 20'000, &unpacked).ok());
  CHECK(unpacked == std::string(10'000, 'x'));
  CHECK(requests.at(1).find("Content-Encoding") == std::string::npos);  // there is none
}

TEST_CASE("gzip: what is unpacked is bounded, and must be whole") {
  const std::string text(100'000, 'x'), packed = Gzip(text);
  CHECK(ClaimedGzipBytes(packed) == text.size());
  std::string out;
  CHECK(GunzipAll(packed, text.size(), &out).ok());
  CHECK(out == text);
  std::string little;
  CHECK(GunzipAll(packed, 1'000, &little).code() == Code::kTooLarge);
  CHECK(little.size() == 1'001);
  for (size_t cut : {size_t{0}, size_t{5}, packed.size() / 2, packed.size() - 1}) {
    CAPTURE(cut);
    std::string part;
    CHECK(GunzipAll(std::string_view(packed).substr(0, cut), text.size(), &part).code() == Code::kMalformed);
  }
  std::string twice;
  CHECK(GunzipAll(Gzip("a") + Gzip("b"), 10, &twice).code() == Code::kMalformed);
  // It is not gone through what is behind the first.
  CHECK(twice == "a");
  CHECK(GunzipAll(Gzip("") + Gzip("b"), 1, &twice).code() == Code::kMalformed);
  std::string rest;
  CHECK(GunzipAll(packed + "rest", text.size(), &rest).code() == Code::kMalformed);
}

TEST_CASE("gzip: in pieces several members are one text, and of many that come to nothing few are gone through at once") {
  Gunzip gunzip;
  std::string out;
  const std::string two = Gzip("a") + Gzip("b");
  std::string_view packed = two;
  REQUIRE(gunzip.Take(&packed, 64 << 10, &out).ok());
  CHECK(packed.empty());
  CHECK(out == "ab");
  // What is little takes little.
  CHECK(out.capacity() < 1'000);
  constexpr int kMembers = 2'000;
  std::string many;
  for (int i = 0; i < kMembers; ++i) many += Gzip("");
  many += Gzip("c");
  packed = many;
  size_t most = 0;
  int calls = 0;
  while (!packed.empty()) {
    const size_t before = packed.size();
    REQUIRE(gunzip.Take(&packed, 64 << 10, &out).ok());
    REQUIRE(packed.size() < before);
    most = std::max(most, before - packed.size());
    ++calls;
  }
  CHECK(out == "abc");
  CHECK(gunzip.whole());
  CHECK(calls > 1);
  CHECK(most <= many.size() / 4);
}

TEST_CASE("content coding: a body is whole before it begins, and where a stream has ended") {
  const std::string gzip = Gzip("one "), brotli = std::string("\x8b\x01\x80", 3) + "four\x03";
  const std::string twice = Gzip(gzip), outer = Gzip(gzip.substr(0, 20));
  struct Row {
    const char* coding;
    std::string bytes;
    std::vector<size_t> ends;  // where it is whole
  };
  for (const Row& row : std::vector<Row>{{"gzip", gzip + Gzip("two"), {gzip.size(), 2 * gzip.size() - 1}},
                                         {"br", brotli, {brotli.size()}},
                                         {"gzip, gzip", twice, {twice.size()}},
                                         {"gzip, gzip", outer, {}}}) {
    std::unique_ptr<ContentDecoder> decoder = ContentDecoder::Create(row.coding);
    std::string out;
    CHECK(decoder->whole());
    CHECK(decoder->Decode("", 100, &out));
    CHECK(decoder->whole());
    for (size_t at = 1; at <= row.bytes.size(); ++at) {
      CAPTURE(row.coding, at);
      REQUIRE(decoder->Decode(std::string_view(row.bytes).substr(at - 1, 1), 100, &out));
      CHECK(decoder->whole() == (std::find(row.ends.begin(), row.ends.end(), at) != row.ends.end()));
    }
  }
}

TEST_CASE("content coding: the members of a gzip are one body, however they come; what is behind them is padding") {
  const auto unpack = [](std::string_view packed, size_t piece, size_t most) {
    std::string out;
    std::unique_ptr<ContentDecoder> decoder = ContentDecoder::Create("gzip");
    for (bool whole = true; whole && !packed.empty(); packed.remove_prefix(std::min(piece, packed.size())))
      whole = decoder->Decode(packed.substr(0, piece), most, &out);
    return out;
  };
  const std::string members = Gzip("one ") + Gzip("") + Gzip("two");
  for (size_t piece : {size_t{1}, size_t{7}, members.size()}) {
    CAPTURE(piece);
    CHECK(unpack(members, piece, 100) == "one two");
    CHECK(unpack(members + std::string(3, '\0'), piece, 100) == "one two");
    CHECK(unpack(members + "\x1fis none", piece, 100) == "one two");
    CHECK(unpack(members, piece, 5) == "one t");
  }
  std::string out;
  std::string spoilt = Gzip("one") + Gzip(std::string(1000, 'x') + "two");
  spoilt[spoilt.size() - 5] ^= 1;  // of the second one's checksum
  CHECK_FALSE(ContentDecoder::Create("gzip")->Decode(spoilt, 10'000, &out));
}

TEST_CASE("content coding: what little bytes make of themselves between two codings is bounded, though they come to nothing") {
  // Empty blocks of deflate (RFC 1951 section 3.2.4), which give nothing however many there are.
  std::string blocks;
  for (size_t i = 0; i < (64 << 20) / 5; ++i) blocks.append("\x00\x00\x00\xff\xff", 5);
  const std::string twice = Gzip(blocks), thrice = Gzip(twice);
  std::string out;
  CHECK_FALSE(ContentDecoder::Create("deflate, gzip")->Decode(twice, 1 << 20, &out));
  CHECK_FALSE(ContentDecoder::Create("deflate, gzip, gzip")->Decode(thrice, 1 << 20, &out));
  CHECK(out.empty());
  // What is as large as it may be, and worth reading, is read.
  std::string random_text;
  Random random(1);
  while (random_text.size() < 3 << 20) random_text += static_cast<char>(random.Below(256));
  const std::string honest = Gzip(Gzip(Gzip(random_text)));
  std::unique_ptr<ContentDecoder> decoder = ContentDecoder::Create("gzip, gzip, gzip");
  for (size_t at = 0; at < honest.size(); at += 16 << 10) REQUIRE(decoder->Decode(std::string_view(honest).substr(at, 16 << 10), 4 << 20, &out));
  CHECK(decoder->whole());
  CHECK(out == random_text);
}
