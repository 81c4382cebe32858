// gzip and deflate by zlib, br by brotli; several are chained.
#include "net/sender/content_coding.h"

#include <brotli/decode.h>
#include <zlib.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/ascii.h"
#include "base/check.h"

namespace notifyd {
namespace {

/// More in a row than anybody means.
constexpr size_t kMaxCodings = 3;
constexpr size_t kPieceBytes = 16 << 10;

class ZlibDecoder : public ContentDecoder {
 public:
  explicit ZlibDecoder(bool gzip) : gzip_(gzip) {}
  ~ZlibDecoder() override {
    if (started_) inflateEnd(&stream_);
  }

  bool Decode(std::string_view bytes, size_t most, std::string* out) override {
    if (bytes.empty()) return true;
    // "deflate" is zlib's format by the RFC, and bare deflate by many a server: the first byte tells. As it does what is no gzip, of which zlib says
    // nothing before the second.
    if (!started_ && gzip_ && static_cast<Bytef>(bytes[0]) != kMagic) return false;
    if (!started_ && !Start(gzip_ ? 15 + 16 : (bytes[0] & 0x0F) == 8 ? 15 : -15)) return false;
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream_.avail_in = static_cast<uInt>(bytes.size());
    while (!ended_ && out->size() < most) {
      if (between_ && !NextMember()) break;
      const size_t before = out->size(), room = std::min(kPieceBytes, most - before);
      out->resize(before + room);
      stream_.next_out = reinterpret_cast<Bytef*>(out->data() + before);
      stream_.avail_out = static_cast<uInt>(room);
      const int code = inflate(&stream_, Z_NO_FLUSH);
      out->resize(before + room - stream_.avail_out);
      if (code == Z_STREAM_END) {
        between_ = gzip_;
        ended_ = !gzip_;
      } else if (code == Z_DATA_ERROR && later_member_ && stream_.total_out == 0) {
        ended_ = true;  // it only began like one
      } else if (code == Z_BUF_ERROR || (code == Z_OK && stream_.avail_out > 0 && stream_.avail_in == 0)) {
        break;
      } else if (code != Z_OK) {
        return false;
      }
    }
    return true;
  }

  bool whole() const override { return !started_ || between_ || ended_; }

 private:
  static constexpr Bytef kMagic = 0x1F;

  bool Start(int window_bits) {
    stream_ = {};
    started_ = inflateInit2(&stream_, window_bits) == Z_OK;
    return started_;
  }

  /// What gzip makes are members, one behind the other (RFC 1952 section 2.2). Looks behind the end of one: is there another? False too where nothing
  /// has come yet. Anything else that follows is padding, and ends it.
  bool NextMember() {
    if (stream_.avail_in == 0) return false;
    between_ = false;
    later_member_ = true;
    ended_ = *stream_.next_in != kMagic || inflateReset(&stream_) != Z_OK;
    return !ended_;
  }

  bool gzip_;
  bool started_ = false, ended_ = false;
  bool between_ = false, later_member_ = false;
  z_stream stream_{};
};

class BrotliDecoder : public ContentDecoder {
 public:
  BrotliDecoder() : state_(BrotliDecoderCreateInstance(nullptr, nullptr, nullptr)) { CHECK(state_ != nullptr); }
  ~BrotliDecoder() override { BrotliDecoderDestroyInstance(state_); }

  bool Decode(std::string_view bytes, size_t most, std::string* out) override {
    const auto* in = reinterpret_cast<const uint8_t*>(bytes.data());
    size_t in_left = bytes.size();
    started_ |= !bytes.empty();
    while (!ended_ && out->size() < most) {
      const size_t before = out->size(), room = std::min(kPieceBytes, most - before);
      out->resize(before + room);
      auto* next = reinterpret_cast<uint8_t*>(out->data() + before);
      size_t out_left = room;
      const BrotliDecoderResult result = BrotliDecoderDecompressStream(state_, &in_left, &in, &out_left, &next, nullptr);
      out->resize(before + room - out_left);
      if (result == BROTLI_DECODER_RESULT_ERROR) return false;
      ended_ = result == BROTLI_DECODER_RESULT_SUCCESS;
      if (result == BROTLI_DECODER_RESULT_NEEDS_MORE_INPUT) break;
    }
    return true;
  }

  bool whole() const override { return !started_ || ended_; }

 private:
  BrotliDecoderState* state_;
  bool started_ = false, ended_ = false;
};

/// What `outer`, applied last by the receiver, gives is what `inner` is to decode.
class ChainedDecoder : public ContentDecoder {
 public:
  ChainedDecoder(std::unique_ptr<ContentDecoder> outer, std::unique_ptr<ContentDecoder> inner) : outer_(std::move(outer)), inner_(std::move(inner)) {}

  bool Decode(std::string_view bytes, size_t most, std::string* out) override {
    // In pieces, so that the middle is bounded, too: at some thousand to one a piece of 512 bytes is half a megabyte of it.
    while (!bytes.empty() && out->size() < most) {
      const std::string_view piece = bytes.substr(0, kOuterBytes);
      bytes.remove_prefix(piece.size());
      middle_.clear();
      const bool whole = outer_->Decode(piece, kMiddleBytes, &middle_);
      // A coding can take any number of bytes and give none. What is worth reading has about its own size in the middle at most.
      middle_bytes_ += middle_.size();
      if (middle_bytes_ > kMiddleBytes + most + made_bytes_) return false;
      const size_t before = out->size();
      if (!inner_->Decode(middle_, most, out) || !whole || middle_.size() == kMiddleBytes) return false;
      made_bytes_ += out->size() - before;
    }
    return true;
  }

  bool whole() const override { return outer_->whole() && inner_->whole(); }

 private:
  static constexpr size_t kOuterBytes = 512, kMiddleBytes = 1 << 20;
  std::unique_ptr<ContentDecoder> outer_, inner_;
  std::string middle_;
  size_t middle_bytes_ = 0, made_bytes_ = 0;  // in all
};

}  // namespace

std::unique_ptr<ContentDecoder> ContentDecoder::Create(std::string_view codings) {
  std::unique_ptr<ContentDecoder> made;
  size_t count = 0;
  while (!codings.empty()) {
    const size_t comma = std::min(codings.find(','), codings.size());
    std::string_view coding = codings.substr(0, comma);
    codings.remove_prefix(std::min(comma + 1, codings.size()));
    const size_t begin = std::min(coding.find_first_not_of(" \t"), coding.size());
    coding = coding.substr(begin);
    coding = coding.substr(0, coding.find_last_not_of(" \t") + 1);
    if (coding.empty() || EqualsIgnoringCase(coding, "identity")) continue;
    std::unique_ptr<ContentDecoder> decoder;
    if (EqualsIgnoringCase(coding, "gzip") || EqualsIgnoringCase(coding, "x-gzip")) decoder = std::make_unique<ZlibDecoder>(true);
    else if (EqualsIgnoringCase(coding, "deflate")) decoder = std::make_unique<ZlibDecoder>(false);
    else if (EqualsIgnoringCase(coding, "br")) decoder = std::make_unique<BrotliDecoder>();
    if (decoder == nullptr || ++count > kMaxCodings) return nullptr;
    made = made == nullptr ? std::move(decoder) : std::make_unique<ChainedDecoder>(std::move(decoder), std::move(made));
  }
  return made;
}

}  // namespace notifyd
