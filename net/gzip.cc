#include "net/gzip.h"

#include <zlib.h>

#include <algorithm>

#include "base/check.h"

namespace notifyd {
namespace {

constexpr int kGzip = 16 + 15;  // the format, and the largest window
constexpr size_t kPieceBytes = 64 << 10;
constexpr size_t kMostInBytes = 1 << 30;  // zlib counts by 32 bits
// Members may come to nothing, and cost as much as others: of 20 bytes each, so many take less than to unpack a piece.
constexpr int kMostMembers = 256;

Status NoGzip() {
  return Status(Code::kMalformed, "the body is not gzip, as its Content-Encoding says");
}

}  // namespace

struct Gunzip::Stream {
  z_stream z{};
  char piece[kPieceBytes];  // what one call makes: never cleared, and appended as far as it was filled
};

std::string Gzip(std::string_view bytes) {
  z_stream z{};
  CHECK(deflateInit2(&z, Z_BEST_SPEED, Z_DEFLATED, kGzip, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(deflateBound(&z, static_cast<uLong>(bytes.size())), '\0');
  CHECK(bytes.size() <= kMostInBytes);
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  z.avail_in = static_cast<uInt>(bytes.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  CHECK(deflate(&z, Z_FINISH) == Z_STREAM_END);
  out.resize(out.size() - z.avail_out);
  deflateEnd(&z);
  return out;
}

size_t ClaimedGzipBytes(std::string_view packed) {
  if (packed.size() < 4) return 0;
  size_t claimed = 0;
  for (size_t i = 1; i <= 4; ++i) claimed = claimed << 8 | static_cast<uint8_t>(packed[packed.size() - i]);
  return claimed;
}

Gunzip::Gunzip() : stream_(std::make_unique_for_overwrite<Stream>()) {
  CHECK(inflateInit2(&stream_->z, kGzip) == Z_OK);
}

Gunzip::~Gunzip() {
  inflateEnd(&stream_->z);
}

Status Gunzip::Take(std::string_view* packed, size_t room, std::string* out) {
  return Take(packed, room, kMostMembers, out);
}

Status Gunzip::Take(std::string_view* packed, size_t room, int most_members, std::string* out) {
  z_stream& z = stream_->z;
  int members = 0;
  while (room > 0) {
    // What one call leaves inside of zlib comes without any more input.
    const std::string_view in = packed->substr(0, kMostInBytes);
    if (in.empty() && between_) return Status::Ok();
    begun_ = true;
    between_ = false;
    const size_t piece = std::min(room, kPieceBytes);
    z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
    z.avail_in = static_cast<uInt>(in.size());
    z.next_out = reinterpret_cast<Bytef*>(stream_->piece);
    z.avail_out = static_cast<uInt>(piece);
    const int code = inflate(&z, Z_NO_FLUSH);
    const size_t made = piece - z.avail_out;
    out->append(stream_->piece, made);
    room -= made;
    packed->remove_prefix(in.size() - z.avail_in);
    if (code == Z_STREAM_END) {
      between_ = true;
      CHECK(inflateReset(&z) == Z_OK);
      if (++members == most_members) return Status::Ok();
      continue;
    }
    if (code != Z_OK && code != Z_BUF_ERROR) return NoGzip();
    if (made < piece) return Status::Ok();  // it wants more input
  }
  return Status::Ok();
}

Status GunzipAll(std::string_view packed, size_t most, std::string* out) {
  Gunzip gunzip;
  // One more than may be, so that it shows.
  if (Status status = gunzip.Take(&packed, most + 1, /*most_members=*/1, out); !status.ok()) return status;
  if (out->size() > most) return Status(Code::kTooLarge, "the request's body unpacks to more than " + std::to_string(most) + " bytes");
  if (gunzip.whole() && !packed.empty()) return Status(Code::kMalformed, "there is more behind the gzip: the body must be one gzip member");
  return gunzip.whole() ? Status::Ok() : NoGzip();
}

}  // namespace notifyd
