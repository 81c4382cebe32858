// What encoders and decoders of a namespace's records share (broker/stored_record.h). Pure. Layout: docs/storage-format.md.
#pragma once

#include <string>
#include <utility>

#include "base/bytes.h"
#include "base/status.h"
#include "broker/notify.h"

namespace notifyd {

/// `what`: a record in words, with its article.
inline Status UnreadableRecord(const char* what) {
  return Status(Code::kCorrupt, std::string(what) + " that does not parse, or is of an unknown version");
}

/// A byte up to that of `last`; another one fails the decoder.
template <class E>
E TakeEnum(Decoder* in, E last) {
  const uint8_t value = in->U8();
  if (value > static_cast<uint8_t>(last)) return in->Fail(), E{};
  return static_cast<E>(value);
}

inline void PutLabels(const Labels& labels, Encoder* out) {
  out->Varint(labels.size());
  for (const auto& [key, value] : labels) {
    out->Text(key);
    out->Text(value);
  }
}
inline Labels TakeLabels(Decoder* in) {
  Labels labels;
  for (uint64_t left = in->Varint(); left > 0 && in->ok(); --left) {
    std::string key(in->Text());
    labels.emplace_back(std::move(key), in->Text());
  }
  return labels;
}

}  // namespace notifyd
