#include "storage/table_properties.h"

#include <string>
#include <string_view>
#include <utility>

#include "base/bytes.h"

namespace notifyd {
namespace {

constexpr uint64_t kFooterBytes = 53, kTrailerBytes = 5, kMagic = 0x88e241b785f4cff7;
// One that is larger is no list of meta blocks, and no properties.
constexpr uint64_t kMostBytes = 1 << 20;
constexpr uint8_t kXxh3 = 4;  // the type of checksums that RocksDB writes by default

uint64_t Little(std::string_view bytes) {
  uint64_t v = 0;
  for (size_t i = bytes.size(); i-- > 0;) v = v << 8 | static_cast<uint8_t>(bytes[i]);
  return v;
}

/// A block's bytes, where their checksum is right; nothing else.
struct Block {
  bool read = false;  // it could be
  std::optional<std::string> bytes;
};
Block ReadBlock(const TableBlock& at, uint64_t table_bytes, const ReadTable& read) {
  if (at.bytes > kMostBytes || at.offset > table_bytes || at.bytes + kTrailerBytes > table_bytes - at.offset) return {};
  std::optional<std::string> whole = read(at.offset, at.bytes + kTrailerBytes);
  if (!whole || whole->size() != at.bytes + kTrailerBytes) return {};
  // As RocksDB has it (table/format.cc): of the compression, one byte, all bits count.
  constexpr uint32_t kPrime = 0x6b9083d9;
  const auto compression = static_cast<uint8_t>((*whole)[at.bytes]);
  const uint32_t sum = Checksum(std::string_view(*whole).substr(0, at.bytes)) ^ compression * kPrime;
  const bool right = sum == Little(std::string_view(*whole).substr(at.bytes + 1));
  whole->resize(at.bytes);
  return {true, right ? std::move(whole) : std::nullopt};
}

TableBlock ReadPlace(Decoder* in) {
  TableBlock place;
  place.offset = in->Varint();
  place.bytes = in->Varint();
  return place;
}

/// The list of meta blocks; nothing where the footer is none, or of another kind.
std::optional<TableBlock> FindMetaBlocks(uint64_t table_bytes, const ReadTable& read) {
  if (table_bytes < kFooterBytes) return std::nullopt;
  const std::optional<std::string> footer = read(table_bytes - kFooterBytes, kFooterBytes);
  if (!footer || footer->size() != kFooterBytes || Little(std::string_view(*footer).substr(kFooterBytes - 8)) != kMagic) return std::nullopt;
  Decoder in(*footer);
  if (in.U8() != kXxh3) return std::nullopt;
  const TableBlock place = ReadPlace(&in);
  return in.ok() ? std::optional(place) : std::nullopt;
}

/// The place that the list names. Each entry: how much its key shares with the one before (nothing, there), lengths of key and value, both.
std::optional<TableBlock> FindIn(std::string_view list) {
  if (list.size() < 4) return std::nullopt;
  const uint64_t restarts = Little(list.substr(list.size() - 4));
  if (restarts >= list.size() / 4) return std::nullopt;
  Decoder in(list.substr(0, list.size() - 4 * (restarts + 1)));
  while (in.ok() && !in.rest().empty()) {
    const uint64_t shared = in.Varint(), key_bytes = in.Varint(), value_bytes = in.Varint();
    if (!in.ok() || shared != 0 || key_bytes > in.rest().size() || value_bytes > in.rest().size() - key_bytes) return std::nullopt;
    const std::string_view key = in.Raw(key_bytes), value = in.Raw(value_bytes);
    if (key != "rocksdb.properties") continue;
    Decoder place(value);
    const TableBlock at = ReadPlace(&place);
    return place.ok() ? std::optional(at) : std::nullopt;
  }
  return std::nullopt;
}

}  // namespace

std::optional<TableBlock> FindTableProperties(uint64_t table_bytes, const ReadTable& read) {
  const std::optional<TableBlock> list = FindMetaBlocks(table_bytes, read);
  if (!list) return std::nullopt;
  const Block block = ReadBlock(*list, table_bytes, read);
  return block.bytes ? FindIn(*block.bytes) : std::nullopt;
}

Status CheckTableProperties(uint64_t table_bytes, const ReadTable& read) {
  const std::optional<TableBlock> at = FindTableProperties(table_bytes, read);
  if (!at) return Status::Ok();
  const Block block = ReadBlock(*at, table_bytes, read);
  if (!block.read || block.bytes) return Status::Ok();
  return Status(Code::kCorrupt, "the checksum of the block from byte " + std::to_string(at->offset) + " on is wrong");
}

}  // namespace notifyd
