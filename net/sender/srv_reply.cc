#include "net/sender/srv_reply.h"

#include <ares.h>
#include <arpa/nameser.h>

#include <algorithm>
#include <limits>

#include "base/ascii.h"

namespace notifyd {
namespace {

constexpr size_t kHeaderBytes = 12, kQuestionBytes = 4, kSrvBytes = 6;

/// A reply that is read from its beginning to its end.
class Reader {
 public:
  explicit Reader(std::string_view reply) : reply_(reply) {}
  bool ok() const { return ok_; }
  size_t at() const { return at_; }
  bool Skip(size_t bytes) {
    ok_ = ok_ && reply_.size() - at_ >= bytes;
    if (ok_) at_ += bytes;
    return ok_;
  }
  uint32_t Big(size_t bytes) {
    const size_t from = at_;
    if (!Skip(bytes)) return 0;
    uint32_t value = 0;
    for (size_t i = 0; i < bytes; ++i) value = value << 8 | static_cast<uint8_t>(reply_[from + i]);
    return value;
  }
  /// A name, whose labels may stand elsewhere in the reply; in lower case.
  std::string Name() {
    char* text = nullptr;
    long took = 0;
    const auto* bytes = reinterpret_cast<const unsigned char*>(reply_.data());
    if (!ok_ || at_ >= reply_.size() || ares_expand_name(bytes + at_, bytes, static_cast<int>(reply_.size()), &text, &took) != ARES_SUCCESS) {
      ok_ = false;
      return {};
    }
    std::string name = LowerAscii(text);
    ares_free_string(text);
    Skip(static_cast<size_t>(took));
    return name;
  }

 private:
  std::string_view reply_;
  size_t at_ = 0;
  bool ok_ = true;
};

bool IsPlain(std::string_view name) {
  return std::all_of(name.begin(), name.end(), [](char c) { return (c >= 'a' && c <= 'z') || IsDigit(c) || c == '.' || c == '_' || c == '-'; });
}

}  // namespace

std::optional<SrvReply> ReadSrvReply(std::string_view reply) {
  if (reply.size() < kHeaderBytes || reply.size() > static_cast<size_t>(std::numeric_limits<int>::max())) return std::nullopt;
  Reader reader(reply);
  reader.Skip(4);  // id and flags
  const uint32_t questions = reader.Big(2), answers = reader.Big(2);
  reader.Skip(4);
  for (uint32_t i = 0; i < questions && reader.ok(); ++i) {
    reader.Name();
    reader.Skip(kQuestionBytes);
  }
  SrvReply out;
  int64_t least_s = std::numeric_limits<uint32_t>::max();
  for (uint32_t i = 0; i < answers && reader.ok(); ++i) {
    reader.Name();
    const uint32_t type = reader.Big(2);
    reader.Skip(2);  // the class
    const uint32_t ttl_s = reader.Big(4);
    const size_t bytes = reader.Big(2), from = reader.at();
    if (type != ns_t_srv && type != ns_t_cname) {
      reader.Skip(bytes);
      continue;
    }
    // A TTL with its highest bit set counts as 0 (RFC 2181 section 8).
    least_s = std::min<int64_t>(least_s, ttl_s > std::numeric_limits<int32_t>::max() ? 0 : ttl_s);
    if (type == ns_t_srv && bytes > kSrvBytes) {
      SrvRecord record;
      record.priority = static_cast<uint16_t>(reader.Big(2));
      record.weight = static_cast<uint16_t>(reader.Big(2));
      record.port = static_cast<uint16_t>(reader.Big(2));
      record.target = reader.Name();
      if (reader.at() != from + bytes) return std::nullopt;
      if (IsPlain(record.target)) out.records.push_back(std::move(record));
    } else {
      reader.Skip(bytes);
    }
  }
  if (!reader.ok()) return std::nullopt;
  out.ttl_ms = out.records.empty() ? 0 : least_s * 1000;
  return out;
}

}  // namespace notifyd
