// Lines, chunks and trailers. A line ends with LF, a CR before it belongs to the end (RFC 9112 section 2.2).
#include "net/sender/answer_framing.h"

#include <algorithm>
#include <limits>

#include "base/ascii.h"

namespace notifyd {
namespace {

static_assert(kMaxHeadBytes == 65536);

}  // namespace

void AnswerFraming::Begin(AnswerReader* reader) {
  reader_ = reader;
  part_ = Part::kHead;
  begun_ = bodiless_ = false;
  partial_.clear();
  head_bytes_ = 0;
  left_ = 0;
  chunk_line_ = 0;
  chunk_lines_ = body_bytes_ = 0;
}

bool AnswerFraming::Fail(const char* why) {
  if (reader_ != nullptr) reader_->Fail(why);
  return false;
}

uint64_t AnswerFraming::left() const {
  if (part_ == Part::kEnded) return 0;
  return part_ == Part::kLength ? left_ : std::numeric_limits<uint64_t>::max();
}

bool AnswerFraming::Take(std::string_view bytes) {
  begun_ |= !bytes.empty();
  while (!bytes.empty()) {
    bool goes_on = true;
    switch (part_) {
      case Part::kHead:
        goes_on = TakeHead(&bytes);
        break;
      case Part::kLength:
        TakeBody(&bytes, left_);
        if (left_ == 0) EndBody();
        break;
      case Part::kUntilClose:
        TakeBody(&bytes, std::numeric_limits<uint64_t>::max());
        break;
      case Part::kChunkLine:
        goes_on = TakeChunkLine(&bytes);
        break;
      case Part::kChunk:
        TakeBody(&bytes, left_);
        if (left_ == 0) part_ = Part::kChunkEnd;
        break;
      case Part::kChunkEnd:
        goes_on = TakeChunkEnd(&bytes);
        break;
      case Part::kTrailers:
        goes_on = TakeTrailers(&bytes);
        break;
      case Part::kEnded:
        // Behind an answer that says itself that it has no body this is one; elsewhere it is no part of the answer.
        if (bodiless_ && reader_ != nullptr) reader_->Contradict("bytes follow an answer whose status says that it has no body");
        return false;
    }
    if (!goes_on) return false;
  }
  return true;
}

bool AnswerFraming::TakeEof() {
  if (part_ != Part::kUntilClose) return false;
  EndBody();
  return true;
}

bool AnswerFraming::NextLine(std::string_view* bytes, size_t* counted, size_t most, std::string_view* line, bool* whole) {
  const size_t end = bytes->find('\n');
  *whole = end != bytes->npos;
  *line = bytes->substr(0, end);
  const size_t taken = *whole ? end + 1 : bytes->size();
  bytes->remove_prefix(taken);
  *counted += taken;
  if (*counted > most) return false;
  if (!*whole || !partial_.empty()) {
    partial_.append(*line);
    *line = partial_;
  }
  if (*whole && line->ends_with('\r')) line->remove_suffix(1);
  return true;
}

bool AnswerFraming::TakeHead(std::string_view* bytes) {
  std::string_view line;
  bool whole;
  if (!NextLine(bytes, &head_bytes_, kMaxHeadBytes, &line, &whole)) return Fail(kHeadTooLarge);
  if (!whole) {
    // What cannot become an answer any more is not waited for.
    constexpr std::string_view kStart = "HTTP/1.";
    const bool first = head_bytes_ == partial_.size();
    if (first && line.substr(0, kStart.size()) != kStart.substr(0, line.size())) return reader_->TakeLine(line);
    return true;
  }
  const bool taken = reader_->TakeLine(line);
  partial_.clear();
  if (!taken) return false;
  if (!reader_->head_done()) return true;
  const uint16_t status = reader_->status();
  switch (reader_->framing()) {
    case BodyFraming::kNone:
      bodiless_ = status == 204 || status == 304;
      part_ = Part::kEnded;
      break;
    case BodyFraming::kLength:
      left_ = reader_->content_length();
      part_ = left_ == 0 ? Part::kEnded : Part::kLength;
      break;
    case BodyFraming::kUntilClose:
      part_ = Part::kUntilClose;
      break;
    case BodyFraming::kChunked:
      part_ = Part::kChunkLine;
      chunk_line_ = 0;
      chunk_digits_ = chunk_size_done_ = chunk_cr_ = false;
      break;
  }
  return true;
}

void AnswerFraming::TakeBody(std::string_view* bytes, uint64_t most) {
  const std::string_view piece = bytes->substr(0, static_cast<size_t>(std::min<uint64_t>(bytes->size(), most)));
  bytes->remove_prefix(piece.size());
  body_bytes_ += piece.size();
  if (part_ != Part::kUntilClose) left_ -= piece.size();
  if (reader_ != nullptr) reader_->TakeBody(piece, part_ == Part::kLength && left_ == 0);
}

void AnswerFraming::EndBody() {
  part_ = part_ == Part::kChunkLine ? Part::kTrailers : Part::kEnded;
  if (reader_ != nullptr) reader_->TakeBodyEnd();
}

/// Size in hexadecimal digits, and extensions that say nothing to us.
bool AnswerFraming::TakeChunkLine(std::string_view* bytes) {
  while (!bytes->empty()) {
    const char c = bytes->front();
    bytes->remove_prefix(1);
    ++chunk_lines_;
    if (++chunk_line_ > kMaxChunkLineBytes) return Fail("the line of a chunk's size has no end");
    if (chunk_lines_ > kFreeChunkLineBytes + kChunkLineBytesAByte * body_bytes_) return Fail("the chunks of the answer carry next to nothing");
    const int digit = HexDigit(c);
    if (digit >= 0 && !chunk_size_done_) {
      if (left_ >> 56 != 0) return Fail("the size of a chunk is not valid");
      left_ = left_ << 4 | static_cast<uint64_t>(digit);
      chunk_digits_ = true;
      continue;
    }
    if (chunk_cr_ && c != '\n') return Fail("the line of a chunk's size is not valid");
    if (!chunk_digits_ || (!chunk_size_done_ && c != ';' && c != ' ' && c != '\t' && c != '\r' && c != '\n'))
      return Fail("the size of a chunk is not valid");
    chunk_size_done_ = true;
    if (c == '\0') return Fail("the line of a chunk's size is not valid");
    chunk_cr_ = c == '\r';
    if (c != '\n') continue;
    if (left_ == 0) {
      EndBody();
    } else {
      part_ = Part::kChunk;
    }
    return true;
  }
  return true;
}

bool AnswerFraming::TakeChunkEnd(std::string_view* bytes) {
  const char c = bytes->front();
  bytes->remove_prefix(1);
  // As long as the CR was not there it may come, or the LF alone.
  if (c == '\r' && !chunk_cr_) {
    chunk_cr_ = true;
    return true;
  }
  if (c != '\n') return Fail("a chunk of the answer does not end where it says");
  part_ = Part::kChunkLine;
  chunk_line_ = 0;
  chunk_digits_ = chunk_size_done_ = chunk_cr_ = false;
  return true;
}

/// They come after the last of the body and mean nothing here.
bool AnswerFraming::TakeTrailers(std::string_view* bytes) {
  std::string_view line;
  bool whole;
  if (!NextLine(bytes, &head_bytes_, kMaxHeadBytes, &line, &whole)) return false;
  if (!whole) return true;
  partial_.clear();
  if (line.empty()) part_ = Part::kEnded;
  return true;
}

}  // namespace notifyd
