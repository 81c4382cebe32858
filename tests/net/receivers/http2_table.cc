// What receivers do over HTTP/2. The first call's stream is 1, and the next one's 3 where it goes over the same connection.
#include "net/receivers/frames.h"
#include "net/receivers/table.h"

namespace notifyd {
namespace {

constexpr uint16_t kMaxCalls = 3, kInitialWindow = 4;
/// gzip's stored form of a text, of whose seven bytes four are there.
const std::string kHalfGzip(
    "\x1f\x8b\x08\0\0\0\0\0\0\x03\x01\x07\0\xf8\xff"
    "need",
    19);

/// Says its settings, and reads the call.
std::vector<Step> Asked(std::vector<Step> then) {
  then.insert(then.begin(), {Send(h2::Settings()), Read()});
  return then;
}
/// As far as its head.
std::vector<Step> HalfAsked(std::vector<Step> then, const std::string& settings = h2::Settings()) {
  then.insert(then.begin(), {Send(settings), ReadSome()});
  return then;
}
std::string Good(uint32_t stream = 1) {
  return h2::Head(stream, "200") + h2::Data(stream, "ok", true);
}
/// Credit of one byte each.
std::string SmallCredits(size_t count) {
  std::string out;
  for (size_t i = 0; i < count; ++i) out += h2::Window(0, 1);
  return out;
}
/// A field of 3,900 bytes that the table remembers (RFC 7541 section 6.2.1), and then so many references to it, of a byte each.
std::string Bomb(size_t references) {
  using namespace h2;
  const std::string field = Some(3'900);
  return Block({{":status", "200"}}) + '\x40' + Length(1) + "x" + Length(field.size()) + field + std::string(references, '\xBE');
}
std::string Continuations(size_t count) {
  using namespace h2;
  std::string out = Frame(kHeaders, 0, 1, Block({{":status", "200"}}));
  for (size_t i = 0; i < count; ++i) out += Frame(kContinuation, 0, 1, Block({{"x", Some(1000)}}));
  return out;
}

}  // namespace

// A row is a line, however long.
// clang-format off
const std::vector<Behaviour>& Http2Behaviours() {
  using namespace h2;
  static const std::vector<Behaviour> rows = {
      // Whole answers.
      {"an answer", Asked({Send(Good())}), Kept()},
      {"settings and the answer in one piece", {ReadSome(), Send(Settings() + Good())}, Kept()},
      {"an answer of a head alone", Asked({Send(Head(1, "200", {}, true))}), Kept()},
      {"its end in a frame of its own", Asked({Send(Head(1, "200") + Data(1, "ok", false) + Data(1, "", true))}), Kept()},
      {"frames byte by byte", Asked({Drip(Good())}), Kept()},
      {"a length", Asked({Send(Head(1, "200", {{"content-length", "2"}}) + Data(1, "ok", true))}), Kept()},
      {"204", Asked({Send(Head(1, "204", {}, true))}), Kept(204)},
      {"500", Asked({Send(Head(1, "500") + Data(1, "no", true))}), AndKept(Bad(kOdd, 500))},
      {"HEAD, and the length of what it has not sent", Asked({Send(Head(1, "200", {{"content-length", "9"}}, true))}), Kept(), Head()},
      {"provisional answers before it", Asked({Send(Head(1, "103", {{"link", "</a>"}}) + Head(1, "103") + Good())}), Kept()},
      {"trailers", Asked({Send(Head(1, "200") + Data(1, "ok", false) + Frame(kHeaders, kEndHeaders | kEndStream, 1, Block({{"x", "y"}})))}), Kept()},
      {"a head in pieces", Asked({Send(Frame(kHeaders, 0, 1, Block({{":status", "200"}})) + Frame(kContinuation, kEndHeaders, 1, Block({{"x", "y"}})) + Data(1, "ok", true))}), Kept()},
      {"pings and frames that nobody knows between", Asked({Send(Frame(kPing, 0, 0, "12345678") + Head(1, "200") + Frame(0x42, 0, 1, "what") + Data(1, "ok", true))}), Kept()},
      {"the text", Asked({Send(Head(1, "200") + Data(1, kNeedle, true))}), Kept(), Contains("needle")},
      {"a large request", Asked({Send(Good())}), Kept(), Sized(1 << 20)},
      {"settings that change while it is asked", HalfAsked({Send(Settings({{kInitialWindow, 1000}})), Read(), Send(Good())}), Kept(), Sized(200'000)},

      // What reached this machine counts.
      {"answer, then it closes", Asked({Send(Good()), Fin()}), Ok()},
      {"answer, then a reset", Asked({Send(Good()), Reset()}), Ok()},
      {"413 before the body, then the call is reset", HalfAsked({Send(Head(1, "413") + Data(1, "no", true) + Rst(1, kNoError))}), AndKept(Bad(kOdd, 413)), Sized(8 << 20)},
      {"200 before the body, and no more is read of it", HalfAsked({Send(Head(1, "200") + Data(1, "ok", true))}), Kept(), Sized(8 << 20)},
      {"a head, then the call is reset", Asked({Send(Head(1, "200") + Rst(1, kInternal))}), AndKept(Short())},
      {"a head, then it closes", Asked({Send(Head(1, "200")), Fin()}), Short()},
      {"all that is recorded of the body, then silence", Asked({Send(Head(1, "200") + Data(1, Some(300), false))}), Kept(), Within(3'600'000)},
      {"some of the body, then silence", Asked({Send(Head(1, "200") + Data(1, Some(10), false))}), AndKept(Short()), Within(3'600'000)},
      {"less than the length says", Asked({Send(Head(1, "200", {{"content-length", "9"}}) + Data(1, "ok", true))}), AndKept(Short())},
      {"it leaves, but answers first", Asked({Send(GoAway(1, kNoError) + Good())}), Ok()},
      {"it leaves behind the answer", Asked({Send(Good() + GoAway(1, kNoError))}), Ok()},
      {"it leaves once the answer was read", Asked({Send(Good()), Ended(), Send(GoAway(1, kNoError)), Gone()}), Ok()},
      {"it closes once the answer was read", Asked({Send(Good()), Ended(), Fin()}), Ok()},
      {"it resets once the answer was read", Asked({Send(Good()), Ended(), Reset()}), Ok()},
      {"a ping once the answer was read", Asked({Send(Good()), Ended(), Send(Frame(kPing, 0, 0, "12345678"))}), Kept()},

      // What did not come does not count.
      {"half a text, then the call is reset", Asked({Send(Head(1, "200") + Data(1, "need", false) + Rst(1, kInternal))}), AndKept(Bad(kLost, 200)), Contains("needle")},
      {"half a text, then it closes", Asked({Send(Head(1, "200") + Data(1, "need", false)), Fin()}), Bad(kLost, 200), Contains("needle")},
      {"half a gzip", Asked({Send(Head(1, "200", {{"content-encoding", "gzip"}}) + Data(1, kHalfGzip, true))}), AndKept(Bad(kLost, 200)), Contains("needle")},
      {"half a gzip, and its end in a frame of its own", Asked({Send(Head(1, "200", {{"content-encoding", "gzip"}}) + Data(1, kHalfGzip, false) + Data(1, "", true))}), AndKept(Bad(kLost, 200)), Contains("needle")},
      {"half a gzip that nobody looks at", Asked({Send(Head(1, "200", {{"content-encoding", "gzip"}}) + Data(1, kHalfGzip, true))}), AndKept(Short())},
      {"the call is reset before an answer", Asked({Send(Rst(1, kInternal))}), AndKept(Bad(kLost))},
      {"the call is refused", Asked({Send(Rst(1, kRefused))}), AndKept(Bad(kLost))},
      {"the call is reset before its body was read", HalfAsked({Send(Rst(1, kCancel))}), AndKept(Bad(kLost)), Sized(8 << 20)},
      {"it leaves before the call", Asked({Send(GoAway(0, kNoError)), Gone()}), Bad(kLost)},
      {"it leaves in anger", Asked({Send(GoAway(1, kCalm)), Fin()}), Bad(kLost)},
      {"it closes without a word", Asked({Fin()}), Bad(kLost)},
      {"it resets without a word", Asked({Reset()}), Bad(kLost)},
      {"it closes before its settings", {Fin()}, Bad(kLost)},
      {"silence", Asked({Gone()}), Bad(kSlow), Within(300)},
      {"silence before its settings", {Gone()}, Bad(kSlow), Within(300)},
      {"100, then silence", Asked({Send(Head(1, "100")), Gone()}), Bad(kSlow), Within(300)},
      {"a window that never opens", HalfAsked({Gone()}, Settings({{kInitialWindow, 0}})), Bad(kSlow), Within(300)},

      // Who contradicts himself, or speaks something else.
      {"less than the length says, where the body counts", Asked({Send(Head(1, "200", {{"content-length", "9"}}) + Data(1, "ok", true))}), AndKept(Bad(kOdd, 200)), Contains("needle")},
      {"more than the length says, where the body counts", Asked({Send(Head(1, "200", {{"content-length", "1"}}) + Data(1, "ok", true))}), AndKept(Bad(kOdd, 200)), Contains("needle")},
      {"two lengths that differ", Asked({Send(Head(1, "200", {{"content-length", "2"}, {"content-length", "3"}}) + Data(1, "ok", true))}), AndKept(Bad(kOdd))},
      {"a length with letters", Asked({Send(Head(1, "200", {{"content-length", "2abc"}}) + Data(1, "ok", true))}), AndKept(Bad(kOdd))},
      {"a body behind a 204", Asked({Send(Head(1, "204") + Data(1, "ok", true))}), AndKept(Bad(kOdd, 204))},
      {"chunks, of which there are none here", Asked({Send(Head(1, "200", {{"transfer-encoding", "chunked"}}) + Data(1, "ok", true))}), AndKept(Bad(kOdd))},
      {"no status", Asked({Send(Frame(kHeaders, kEndHeaders, 1, Block({{"x", "y"}})) + Data(1, "ok", true))}), AndKept(Bad(kOdd))},
      {"a status that is none", Asked({Send(Head(1, "2x0") + Data(1, "ok", true))}), AndKept(Bad(kOdd))},
      {"a body before its head", Asked({Send(Data(1, "ok", true)), Gone()}), Bad(kOdd)},
      {"an answer to nobody", Asked({Send(Good(7)), Gone()}), Bad(kOdd)},
      {"a promise nobody asked for", Asked({Send(Frame(kPush, kEndHeaders, 1, Number(2, 4) + Block({{":method", "GET"}}))), Gone()}), Bad(kOdd)},
      {"a frame larger than agreed", Asked({Send(Head(1, "200") + Data(1, Some(20'000), true)), Gone()}), Bad(kOdd, 200), Contains("needle")},
      {"HTTP/1.1 in spite of all", Asked({Send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"), Gone()}), Bad(kOdd)},
      {"HTTP/1.1 from the start", {Send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"), Gone()}, Bad(kOdd)},

      // What brings nothing forward is left.
      {"credit in small steps while it is asked", HalfAsked({Send(SmallCredits(21'000)), Read(), Send(Good())}), Kept(), Sized(1 << 20)},
      {"a head that inflates to many MiB", Asked({Send(Frame(kHeaders, kEndHeaders | kEndStream, 1, Bomb(12'000)))}), Bad(kOdd)},
      {"a head without end", Asked({Send(Continuations(1)), Flood(Frame(kContinuation, 0, 1, Block({{"x", Some(100)}})))}), Bad(kOdd)},
      {"a head of empty pieces without end", Asked({Send(Continuations(0)), Flood(Frame(kContinuation, 0, 1, ""))}), Bad(kOdd)},
      {"provisional answers without end", Asked({Flood(Head(1, "103", {{"x", "y"}}))}), Bad(kOdd)},
      {"pings without end", Asked({Flood(Frame(kPing, 0, 0, "12345678"))}), Bad(kOdd)},
      {"settings without end", Asked({Flood(Settings())}), Bad(kOdd)},
      {"windows without end", Asked({Flood(Window(0, 1))}), Bad(kOdd)},
      {"a body of empty frames without end, where it counts", Asked({Send(Head(1, "200")), Flood(Data(1, "", false))}), Bad(kOdd, 200), Contains("needle")},
      {"frames that nobody knows without end", Asked({Flood(Frame(0x42, 0, 0, Some(1000)))}), Bad(kOdd)},
      {"a body without end", Asked({Send(Head(1, "200")), Flood(Data(1, Some(1000), false))}), Ok()},
  };
  return rows;
}

// clang-format on

}  // namespace notifyd
