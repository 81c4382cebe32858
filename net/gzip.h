// gzip (RFC 1952): what is sent, and what comes, in that coding. Pure, any thread.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"

namespace notifyd {

/// Packs fast rather than small.
std::string Gzip(std::string_view bytes);

/// How long what gzip'ed bytes unpack to says that it is, by their last four bytes: somebody's claim. Nothing where they are too few for that.
size_t ClaimedGzipBytes(std::string_view packed);

/// Unpacks what comes in pieces. Several members, one behind the other, are one text. Holds zlib's window, and 64 KiB.
class Gunzip {
 public:
  Gunzip();
  ~Gunzip();
  Gunzip(const Gunzip&) = delete;

  /// Appends to `out` what `*packed` unpacks to, `room` bytes at most, and takes off the front what was used for it. With room left in `out` nothing
  /// more comes of that; and of what is left in `*packed`, which there is then where it has many members, more comes of the next call. Error:
  /// kMalformed.
  Status Take(std::string_view* packed, size_t room, std::string* out);
  /// What came ends where a member ends.
  bool whole() const { return between_ && begun_; }

 private:
  friend Status GunzipAll(std::string_view packed, size_t most, std::string* out);
  struct Stream;

  Status Take(std::string_view* packed, size_t room, int most_members, std::string* out);

  std::unique_ptr<Stream> stream_;
  bool begun_ = false;
  bool between_ = true;  // members
};

/// Unpacks all of it, which is one member. Errors: kMalformed; kTooLarge where that is more than `most` bytes, of which no more is made than that.
Status GunzipAll(std::string_view packed, size_t most, std::string* out);

}  // namespace notifyd
