// AnswerFraming: cuts what comes over a connection of HTTP/1.1 into the lines of a head and the bytes of a body (RFC 9112), and hands them to an
// AnswerReader. Parses in place: only a line that a read cut is copied. One connection, one thread.
//
// I1  Bytes that bring nothing forward are bounded, whatever the receiver sends: heads, provisional ones and trailers included, by kMaxHeadBytes, the
//     line of a chunk's size by kMaxChunkLineBytes, and all lines of chunks by a multiple of the body that they carry.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "net/sender/answer.h"

namespace notifyd {

/// The most that a response's head may hold, provisional responses and trailers included.
inline constexpr size_t kMaxHeadBytes = 64 << 10;
inline constexpr const char* kHeadTooLarge = "the head of the response is over 65536 bytes";

class AnswerFraming {
 public:
  static constexpr size_t kMaxChunkLineBytes = 4 << 10;
  static constexpr uint64_t kFreeChunkLineBytes = 64 << 10;
  static constexpr uint64_t kChunkLineBytesAByte = 16;

  /// `reader` is borrowed and has begun anew; to be replaced, or let go of, with SetReader before it goes.
  void Begin(AnswerReader* reader);
  /// Who is told from now on; null, once the head is there: the rest is only counted off.
  void SetReader(AnswerReader* reader) { reader_ = reader; }

  /// Takes what was read; whatever it says of the answer goes to the reader. False: the answer is over, whole or broken, and the connection is of no
  /// more use for it: bytes follow behind it, or it is none.
  bool Take(std::string_view bytes);
  /// The peer sends no more, and said so. True: that was the body's end.
  bool TakeEof();
  /// Whole, to its last byte.
  bool ended() const { return part_ == Part::kEnded; }
  /// Of it something came.
  bool begun() const { return begun_; }
  /// How much is to come at least; UINT64_MAX where nobody can tell.
  uint64_t left() const;

 private:
  enum class Part : uint8_t { kHead, kLength, kUntilClose, kChunkLine, kChunk, kChunkEnd, kTrailers, kEnded };

  bool TakeHead(std::string_view* bytes);
  bool TakeChunkLine(std::string_view* bytes);
  bool TakeChunkEnd(std::string_view* bytes);
  bool TakeTrailers(std::string_view* bytes);
  /// One whole line off the front of `bytes`, without its end; null data: none is whole yet, and all was taken. False: it is too long.
  bool NextLine(std::string_view* bytes, size_t* counted, size_t most, std::string_view* line, bool* whole);
  void TakeBody(std::string_view* bytes, uint64_t most);
  void EndBody();
  bool Fail(const char* why);

  AnswerReader* reader_ = nullptr;
  Part part_ = Part::kEnded;
  bool begun_ = false;
  bool bodiless_ = false;  // by its status
  std::string partial_;    // of a line
  size_t head_bytes_ = 0;
  uint64_t left_ = 0;      // of the body, or of the chunk
  size_t chunk_line_ = 0;  // bytes of it
  bool chunk_digits_ = false, chunk_size_done_ = false, chunk_cr_ = false;
  uint64_t chunk_lines_ = 0, body_bytes_ = 0;
};

}  // namespace notifyd
