// ContentDecoder: undoes the content codings of a response's body as it comes in (RFC 9110 section 8.4). One body, one thread.
// Receivers are asked for none; those that code all the same are understood, so that patterns and record see what was meant.
// I1: no more is decoded than its caller asks for, however little it came in as.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace notifyd {

class ContentDecoder {
 public:
  virtual ~ContentDecoder() = default;
  /// Appends to `out` what `bytes` decode to, until `out` has `most` bytes: then the rest of `bytes` is dropped. False: they are not in the coding;
  /// what was decoded before stands in `out`, and no more may be given.
  [[nodiscard]] virtual bool Decode(std::string_view bytes, size_t most, std::string* out) = 0;
  /// Could a body end here: what began has ended. Without meaning once some was dropped, or was not in the coding.
  virtual bool whole() const = 0;

  /// For the value of a Content-Encoding header: gzip (x-gzip), deflate, br, several with commas, "identity" among them. Null where there is
  /// nothing to undo, or where it names a coding that is not known: the body is taken as it comes then.
  static std::unique_ptr<ContentDecoder> Create(std::string_view codings);
};

}  // namespace notifyd
