#include "net/receivers/table.h"

#include <zlib.h>

#include "support/tiny_receiver.h"

namespace notifyd {
namespace {

const std::string kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const std::string kLong = "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n";
const std::string kChunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
const std::string kClose = "HTTP/1.1 200 OK\r\n\r\n";

std::string Line(const std::string& line) {
  return line + "\r\nContent-Length: 0\r\n\r\n";
}
std::string Field(const std::string& line) {
  return "HTTP/1.1 200 OK\r\n" + line + "\r\nContent-Length: 0\r\n\r\n";
}

/// `bits`: of the window, and with 16 more gzip's frame around it, negative none at all.
std::string Deflated(std::string_view text, int bits) {
  z_stream stream{};
  Must(deflateInit2(&stream, 6, Z_DEFLATED, bits, 8, Z_DEFAULT_STRATEGY) == Z_OK, "deflateInit2");
  std::string out(text.size() + 1000, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  Must(deflate(&stream, Z_FINISH) == Z_STREAM_END, "deflate");
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}
std::string Coded(const std::string& coding, const std::string& body, size_t short_of = 0) {
  return "HTTP/1.1 200 OK\r\nContent-Encoding: " + coding + "\r\nContent-Length: " + std::to_string(body.size() + short_of) + "\r\n\r\n" + body;
}
/// brotli's stored form of it.
const std::string kBrotli = std::string("\x8b\x0a\x80", 3) + kNeedle + "\x03";

/// Three bytes, then a block of a kind that there is none of.
const std::string kSpoiltGzip(
    "\x1f\x8b\x08\0\0\0\0\0\0\x03\0\x03\0\xfc\xff"
    "abc\x07",
    19);

}  // namespace

// A row is a line, however long.
// clang-format off
const std::vector<Behaviour>& Behaviours() {
  static const std::vector<Behaviour> rows = {
      // Whole answers, in every dress.
      {"a length", {Read(), Send(kOk)}, Kept()},
      {"no body, and it says so", {Read(), Send(Line("HTTP/1.1 200 OK"))}, Kept()},
      {"204", {Read(), Send("HTTP/1.1 204 No Content\r\n\r\n")}, Kept(204)},
      {"304, and the length of what it has not sent", {Read(), Send("HTTP/1.1 304 X\r\nContent-Length: 9\r\n\r\n")}, Kept(304), Expect(304)},
      {"HEAD, and the length of what it has not sent", {Read(), Send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n")}, Kept(), Head()},
      {"chunks", {Read(), Send(kChunked + "2\r\nok\r\n0\r\n\r\n")}, Kept()},
      {"chunks with extensions, odd sizes and trailers", {Read(), Send(kChunked + "002 ; a=b\r\nok\r\nA;x\r\n0123456789\r\n0\r\nX: y\r\n\r\n")}, Kept()},
      {"a body to the end of the connection", {Read(), Send(kClose + "ok"), Fin()}, Ok()},
      {"HTTP/1.0", {Read(), Send("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok")}, Ok()},
      {"HTTP/1.0 that stays", {Read(), Send("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok")}, Kept()},
      {"Connection: close", {Read(), Send("HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 2\r\n\r\nok")}, Ok()},
      {"Connection: close, then chunks", {Read(), Send("HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")}, Ok()},
      {"chunks, then Connection: close", {Read(), Send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n2\r\nok\r\n0\r\n\r\n")}, Ok()},
      {"provisional answers before it", {Read(), Send("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nX: y\r\n\r\n" + kOk)}, Kept()},
      {"lines that end with LF alone", {Read(), Send("HTTP/1.1 200 OK\nContent-Length: 2\n\nok")}, Kept()},
      {"no phrase, and no space for it", {Read(), Send(Line("HTTP/1.1 200"))}, Kept()},
      {"a folded header", {Read(), Send(Field("X: a\r\n b"))}, Kept()},
      {"one length twice", {Read(), Send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok")}, Kept()},
      {"one length in a list", {Read(), Send("HTTP/1.1 200 OK\r\ncontent-length: 2, 2\r\n\r\nok")}, Kept()},
      {"byte by byte", {Read(), Drip(kOk)}, Kept()},
      {"chunks byte by byte", {Read(), Drip(kChunked + "2\r\nok\r\n0\r\nX: y\r\n\r\n")}, Kept()},

      // What reached this machine counts, whatever happens to the connection then.
      {"answer, then it closes", {Read(), Send(kOk), Fin()}, Ok()},
      {"answer, then a reset", {Read(), Send(kOk), Reset()}, Ok()},
      {"answer, then it closes over an unread request", {ReadSome(), Send(kOk), Reset()}, Ok(), Sized(20'000)},
      {"answer, then it closes over 8 MiB of unread request", {ReadSome(), Send(kOk), Ended(), Reset()}, Ok(), Sized(8 << 20)},
      {"413 before the body, then a reset", {ReadSome(), Send("HTTP/1.1 413 X\r\nContent-Length: 2\r\n\r\nno"), Reset()}, Bad(kOdd, 413), Sized(20'000)},
      {"413 before the body, and it stays", {ReadSome(), Send("HTTP/1.1 413 X\r\nContent-Length: 2\r\n\r\nno"), Ended(), Gone()}, Bad(kOdd, 413), Sized(8 << 20)},
      {"500, then a reset", {Read(), Send("HTTP/1.1 500 X\r\nContent-Length: 2\r\n\r\nno"), Reset()}, Bad(kOdd, 500)},
      {"a tenth of the body, then it closes", {Read(), Send(kLong + Some(10)), Fin()}, Short()},
      {"a tenth of the body, then a cut", {Read(), Send(kLong + Some(10)), Cut()}, Short()},
      {"a tenth of the body, then a reset", {Read(), Send(kLong + Some(10)), Reset()}, Short()},
      {"all that is recorded of the body, then it closes", {Read(), Send(kLong + Some(300)), Fin()}, Ok()},
      {"all that is recorded of the body, then a reset", {Read(), Send(kLong + Some(300)), Reset()}, Ok()},
      {"all that is recorded of the body, then silence", {Read(), Send(kLong + Some(300)), Gone()}, Ok(), Within(3'600'000)},
      {"some of the body, then silence", {Read(), Send(kLong + Some(10)), Gone()}, Short(), Within(3'600'000)},
      {"the head, then silence", {Read(), Send(kLong), Gone()}, Short(), Within(3'600'000)},
      {"within a chunk it closes", {Read(), Send(kChunked + "5\r\nab"), Fin()}, Short()},
      {"within a chunk's size it resets", {Read(), Send(kChunked + "5"), Reset()}, Short()},
      {"a body to the end of the connection, which is a reset", {Read(), Send(kClose + "ok"), Reset()}, Short()},
      {"the text, then silence", {Read(), Send(kLong + kNeedle + Some(300)), Gone()}, Ok(), {.expect = {{2}, "needle", {}}, .timeout_ms = 3'600'000}},
      {"the text, then it closes", {Read(), Send(kLong + kNeedle), Fin()}, Short(), Contains("needle")},
      {"another status than the pattern's, then silence", {Read(), Send("HTTP/1.1 500 X\r\nContent-Length: 9000\r\n\r\n" + Some(4100)), Gone()}, Bad(kOdd, 500), {.expect = {{2}, "needle", {}}, .timeout_ms = 3'600'000}},
      {"the whole text", {Read(), Send("HTTP/1.1 200 OK\r\nContent-Length: 22\r\n\r\n" + kNeedle)}, Kept(), Contains("needle")},

      // What did not come does not count.
      {"half a text, then it closes", {Read(), Send(kLong + "need"), Fin()}, Bad(kLost, 200), Contains("needle")},
      {"half a text, then a reset", {Read(), Send(kLong + "need"), Reset()}, Bad(kLost, 200), Contains("needle")},
      {"JSON that breaks off where it could end", {Read(), Send(kLong + "{\"ok\":true}"), Fin()}, Bad(kLost, 200), JsonOk()},
      {"half a text, then silence", {Read(), Send(kLong + "need"), Gone()}, Bad(kSlow, 200), {.expect = {{2}, "needle", {}}, .timeout_ms = 300}},
      {"it closes without a word", {Read(), Fin()}, Bad(kLost)},
      {"it resets without a word", {Read(), Reset()}, Bad(kLost)},
      {"half a status line, then it closes", {Read(), Send("HTTP/1.1 2"), Fin()}, Bad(kLost)},
      {"half a head, then a reset", {Read(), Send("HTTP/1.1 200 OK\r\nContent-L"), Reset()}, Bad(kLost)},
      {"100 and no more", {Read(), Send("HTTP/1.1 100 Continue\r\n\r\n"), Fin()}, Bad(kLost)},
      {"silence", {Read(), Gone()}, Bad(kSlow), Within(300)},
      {"half a head, then silence", {Read(), Send("HTTP/1.1 200 OK\r\nX: "), Gone()}, Bad(kSlow), Within(300)},
      {"100, then silence", {Read(), Send("HTTP/1.1 100 Continue\r\n\r\n"), Gone()}, Bad(kSlow), Within(300)},

      // Who contradicts himself, or speaks something else.
      {"two lengths that differ", {Read(), Send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok!")}, Bad(kOdd)},
      {"two lengths that differ, in a list", {Read(), Send("HTTP/1.1 200 OK\r\nContent-Length: 2, 3\r\n\r\nok!")}, Bad(kOdd)},
      {"a length and chunks", {Read(), Send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")}, Bad(kOdd)},
      {"a length with letters", {Read(), Send("HTTP/1.1 200 OK\r\nContent-Length: 2abc\r\n\r\nok")}, Bad(kOdd)},
      {"a negative length", {Read(), Send("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nok")}, Bad(kOdd)},
      {"no length after its name", {Read(), Send("HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\nok")}, Bad(kOdd)},
      {"a length beyond all numbers", {Read(), Send("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nok")}, Bad(kOdd)},
      {"a transfer coding nobody asked for", {Read(), Send("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n")}, Bad(kOdd)},
      {"a chunk's size that is none, where the body counts", {Read(), Send(kChunked + "2xyz\r\nok\r\n0\r\n\r\n"), Gone()}, Bad(kOdd, 200), Contains("needle")},
      {"a chunk's size that is none, where it does not", {Read(), Send(kChunked + "xyz\r\nok\r\n0\r\n\r\n"), Gone()}, Short()},
      {"a chunk longer than it says", {Read(), Send(kChunked + "2\r\nokay\r\n0\r\n\r\n"), Gone()}, Bad(kOdd, 200), Contains("needle")},
      {"HTTP/2 in clear text", {Read(), Send("HTTP/2 200\r\ncontent-length: 0\r\n\r\n"), Gone()}, Bad(kOdd)},
      {"a frame of HTTP/2", {Read(), Send(std::string("\0\0\x12\x04\0\0\0\0\0", 9)), Gone()}, Bad(kOdd)},
      {"a version that is none", {Read(), Send("HTTP/1.x 200 OK\r\n\r\n"), Gone()}, Bad(kOdd)},
      {"a status of two digits", {Read(), Send("HTTP/1.1 20 OK\r\n\r\n"), Gone()}, Bad(kOdd)},
      {"a status of four digits", {Read(), Send("HTTP/1.1 2000 OK\r\n\r\n"), Gone()}, Bad(kOdd)},
      {"a status with a letter", {Read(), Send("HTTP/1.1 2x0 OK\r\n\r\n"), Gone()}, Bad(kOdd)},
      {"another protocol", {Read(), Send("SSH-2.0-OpenSSH_9.2\r\n"), Gone()}, Bad(kOdd)},
      {"a body without a head", {Read(), Send("{\"ok\":true}"), Gone()}, Bad(kOdd)},
      {"a space before the colon", {Read(), Send(Field("X : y"))}, Bad(kOdd)},
      {"a header without a colon", {Read(), Send(Field("nonsense"))}, Bad(kOdd)},
      {"a header without a name", {Read(), Send(Field(": y"))}, Bad(kOdd)},
      {"a zero byte in a header", {Read(), Send(Field(std::string("X: a\0b", 6)))}, Bad(kOdd)},
      {"a body behind a 204", {Read(), Send("HTTP/1.1 204 X\r\nContent-Length: 2\r\n\r\nok"), Gone()}, Bad(kOdd, 204)},
      {"101", {Read(), Send("HTTP/1.1 101 X\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n"), Gone()}, Bad(kOdd, 101)},

      // What is left over belongs to nobody: the next call does not take it for its answer.
      {"HEAD, and a body all the same", {Read(), Send("HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\nHTTP/1.1 500 X\r\nContent-Length: 2\r\n\r\nno"), Gone()}, Ok(), Head()},
      {"more than the length says", {Read(), Send(kOk + "HTTP/1.1 500 X\r\nContent-Length: 2\r\n\r\nno"), Gone()}, Ok()},
      {"more behind the last chunk", {Read(), Send(kChunked + "2\r\nok\r\n0\r\n\r\nHTTP/1.1 500 X\r\nContent-Length: 2\r\n\r\nno"), Gone()}, Ok()},
      {"a second answer once the first was read", {Read(), Send(kOk), Ended(), Send("HTTP/1.1 500 X\r\nContent-Length: 2\r\n\r\nno"), Gone()}, Ok()},
      {"a farewell once the answer was read", {Read(), Send(kOk), Ended(), Send("HTTP/1.1 408 X\r\nConnection: close\r\n\r\n"), Fin()}, Ok()},
      {"it closes once the answer was read", {Read(), Send(kOk), Ended(), Fin()}, Ok()},
      {"it resets once the answer was read", {Read(), Send(kOk), Ended(), Reset()}, Ok()},

      // What brings nothing forward is left.
      {"a chunk extension without end", {Read(), Send(kChunked + "2;"), Flood(Some(1000))}, Short()},
      {"a chunk extension without end, where the body counts", {Read(), Send(kChunked + "2;"), Flood(Some(1000))}, Bad(kOdd, 200), Contains("needle")},
      {"chunks that are all extension", {Read(), Send(kChunked), Flood("1;" + Some(3000) + "\r\nx\r\n")}, Bad(kOdd, 200), Contains("needle")},
      {"zeros before a chunk's size without end", {Read(), Send(kChunked), Flood("00000000")}, Bad(kOdd, 200), Contains("needle")},
      {"a head without end", {Read(), Send("HTTP/1.1 200 OK\r\n"), Flood("X: y\r\n")}, Bad(kOdd)},
      {"a header without end", {Read(), Send("HTTP/1.1 200 OK\r\nX: "), Flood(Some(1000))}, Bad(kOdd)},
      {"a phrase without end", {Read(), Send("HTTP/1.1 200 "), Flood(Some(1000))}, Bad(kOdd)},
      {"provisional answers without end", {Read(), Flood("HTTP/1.1 100 Continue\r\n\r\n")}, Bad(kOdd)},
      {"trailers without end", {Read(), Send(kChunked + "2\r\nok\r\n0\r\n"), Flood("X: y\r\n")}, Ok()},
      {"a body without end", {Read(), Send(kClose), Flood(Some(1000))}, Ok()},
      {"a body without end, where it counts", {Read(), Send(kClose), Flood(Some(10'000))}, Bad("response_too_large", 200), Contains("needle")},

      // TLS that does not come about.
      {"a certificate of the client is required, TLS 1.2", {}, Bad("tls"), {}, Dress::kAsking12},
      {"a certificate of the client is required, TLS 1.3", {}, Bad("tls"), {}, Dress::kAsking13},
      {"clear text where TLS is expected", {ReadSome(), Send(Line("HTTP/1.1 400 X")), Gone()}, Bad("tls"), {}, Dress::kClear},
      {"it closes where TLS is expected", {ReadSome(), Fin()}, Bad("tls"), {}, Dress::kClear},
      {"it resets where TLS is expected", {ReadSome(), Reset()}, Bad("tls"), {}, Dress::kClear},
      {"silence where TLS is expected", {ReadSome(), Gone()}, Bad(kSlow), Within(300), Dress::kClear},

      // Content codings, which nobody asked for.
      {"gzip", {Read(), Send(Coded("gzip", Deflated(kNeedle, 15 + 16)))}, Kept(), Contains("needle")},
      {"gzip, under its old name", {Read(), Send(Coded("X-GZip", Deflated(kNeedle, 15 + 16)))}, Kept(), Contains("needle")},
      {"gzip of two members", {Read(), Send(Coded("gzip", Deflated("hay", 15 + 16) + Deflated(kNeedle, 15 + 16)))}, Kept(), Contains("needle")},
      {"deflate", {Read(), Send(Coded("deflate", Deflated(kNeedle, 15)))}, Kept(), Contains("needle")},
      {"deflate without its frame", {Read(), Send(Coded("deflate", Deflated(kNeedle, -15)))}, Kept(), Contains("needle")},
      {"br", {Read(), Send(Coded("br", kBrotli))}, Kept(), Contains("needle")},
      {"gzip in deflate", {Read(), Send(Coded("gzip, deflate", Deflated(Deflated(kNeedle, 15 + 16), 15)))}, Kept(), Contains("needle")},
      {"gzip of more than is read", {Read(), Send(Coded("gzip", Deflated(Some(20 << 20), 15 + 16)))}, Spent("response_too_large", 200), Contains("needle")},
      {"gzip that is none", {Read(), Send(Coded("gzip", kNeedle))}, Kept(), Contains("needle")},
      {"gzip that goes wrong", {Read(), Send(Coded("gzip", kSpoiltGzip))}, Bad(kOdd, 200), Contains("needle")},
      {"gzip that breaks off", {Read(), Send(Coded("gzip", Deflated(kNeedle, 15 + 16), 9)), Fin()}, Short(), Contains("needle")},
      // The length is right, and what is coded breaks off, as from a proxy that cuts: not whole.
      {"a gzip cut short", {Read(), Send(Coded("gzip", Deflated(kNeedle, 15 + 16).substr(0, 18)))}, Bad(kLost, 200), Contains("needle")},
      {"a gzip cut short, byte by byte", {Read(), Drip(Coded("gzip", Deflated(kNeedle, 15 + 16).substr(0, 18)))}, Bad(kLost, 200), Contains("needle")},
      {"a gzip cut within its frame", {Read(), Send(Coded("gzip", Deflated(kNeedle, 15 + 16).substr(0, 4)))}, Bad(kLost, 200), Contains("needle")},
      {"a gzip cut within its second member", {Read(), Send(Coded("gzip", Deflated("hay", 15 + 16) + Deflated(kNeedle, 15 + 16).substr(0, 18)))}, Bad(kLost, 200), Contains("needle")},
      {"a gzip cut behind a number that goes on", {Read(), Send(Coded("gzip", Deflated("123456", 15 + 16).substr(0, 14)))}, Bad(kLost, 200), {.expect = {{2}, std::nullopt, {{"", "123"}}}}},
      {"a gzip without its sum", {Read(), Send(Coded("gzip", Deflated("{\"ok\":true}", 15 + 16).substr(0, 24)))}, Bad(kLost, 200), JsonOk()},
      {"a deflate cut short", {Read(), Send(Coded("deflate", Deflated(kNeedle, 15).substr(0, 10)))}, Bad(kLost, 200), Contains("needle")},
      {"a deflate without its frame, cut short", {Read(), Send(Coded("deflate", Deflated(kNeedle, -15).substr(0, 8)))}, Bad(kLost, 200), Contains("needle")},
      {"a br cut short", {Read(), Send(Coded("br", kBrotli.substr(0, 10)))}, Bad(kLost, 200), Contains("needle")},
      {"a whole gzip in a deflate cut short", {Read(), Send(Coded("gzip, deflate", Deflated(Deflated(kNeedle, 15 + 16), 15).substr(0, 20)))}, Bad(kLost, 200), Contains("needle")},
      {"a gzip cut short in a whole deflate", {Read(), Send(Coded("gzip, deflate", Deflated(Deflated(kNeedle, 15 + 16).substr(0, 18), 15)))}, Bad(kLost, 200), Contains("needle")},
      {"a gzip cut short in chunks", {Read(), Send("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n12\r\n" + Deflated(kNeedle, 15 + 16).substr(0, 18) + "\r\n0\r\n\r\n")}, Bad(kLost, 200), Contains("needle")},
      {"a gzip cut short, to the end of the connection", {Read(), Send("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + Deflated(kNeedle, 15 + 16).substr(0, 18)), Fin()}, Bad(kLost, 200), Contains("needle")},
      {"a gzip cut behind the text", {Read(), Send(Coded("gzip", Deflated(kNeedle + " in hay", 15 + 16).substr(0, 36)))}, Short(), Contains("needle")},
      {"a gzip cut short that nobody looks at", {Read(), Send(Coded("gzip", Deflated(kNeedle, 15 + 16).substr(0, 18)))}, Short()},
      {"gzip, and no body", {Read(), Send(Coded("gzip", ""))}, Kept()},
      {"gzip, and a 204", {Read(), Send("HTTP/1.1 204 No Content\r\nContent-Encoding: gzip\r\n\r\n")}, Kept(204)},
      {"gzip, and a HEAD", {Read(), Send("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 9\r\n\r\n")}, Kept(), Head()},
      {"gzip, and no chunk", {Read(), Send("HTTP/1.1 200 OK\r\nContent-Encoding: br, gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")}, Kept()},
      {"gzip that is a byte of something else", {Read(), Send(Coded("gzip", "7"))}, Kept(), Contains("7")},
      {"a coding that nobody knows", {Read(), Send(Coded("x-unknown", kNeedle))}, Kept(), Contains("needle")},
  };
  return rows;
}

// clang-format on

}  // namespace notifyd
