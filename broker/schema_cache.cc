#include "broker/schema_cache.h"

#include <utility>

namespace notifyd {

std::shared_ptr<const Schema> SchemaCache::Find(std::string_view topic) {
  auto found = by_topic_.find(topic);
  if (found == by_topic_.end()) return nullptr;
  kept_.splice(kept_.begin(), kept_, found->second);
  return kept_.front().schema;
}

Result<std::shared_ptr<const Schema>> SchemaCache::Compile(std::string_view topic, std::string_view text) {
  Result<std::shared_ptr<const Schema>> compiled = Schema::Compile(text);
  if (!compiled.ok()) return compiled;
  Forget(topic);
  kept_.push_front({std::string(topic), *compiled});
  by_topic_.emplace(topic, kept_.begin());
  bytes_ += (*compiled)->bytes();
  while (bytes_ > kMaxBytes && kept_.size() > 1) Forget(std::string(kept_.back().topic));
  return compiled;
}

void SchemaCache::Forget(std::string_view topic) {
  auto found = by_topic_.find(topic);
  if (found == by_topic_.end()) return;
  bytes_ -= found->second->schema->bytes();
  kept_.erase(found->second);
  by_topic_.erase(found);
}

}  // namespace notifyd
