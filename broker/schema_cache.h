// SchemaCache: the compiled schemas of topics that were asked for last. A compiled schema takes some fifty times the memory of its text, and the
// texts are what the quota of a namespace counts. Pure; one thread.
#pragma once

#include <cstddef>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"
#include "broker/schema.h"

namespace notifyd {

class SchemaCache {
 public:
  static constexpr size_t kMaxBytes = 64 << 20;  // of all; the last one is kept, however large

  /// Returns the topic's; null: it is not here.
  std::shared_ptr<const Schema> Find(std::string_view topic);
  /// Compiles the text and keeps what comes of it as the topic's, in the place of what is there. Error: as Schema::Compile has it; nothing was done.
  Result<std::shared_ptr<const Schema>> Compile(std::string_view topic, std::string_view text);
  /// The topic has no schema any more, or another one.
  void Forget(std::string_view topic);

  size_t bytes() const { return bytes_; }

 private:
  struct Kept {
    std::string topic;
    std::shared_ptr<const Schema> schema;
  };

  std::list<Kept> kept_;  // those asked for last come first
  std::map<std::string, std::list<Kept>::iterator, std::less<>> by_topic_;
  size_t bytes_ = 0;
};

}  // namespace notifyd
