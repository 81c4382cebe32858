// Topic names and the patterns of subscriptions, matched as AMQP matches routing keys (contract section 12), and an index of patterns. Pure.
//
// A name is 1 to 255 bytes: words of [A-Za-z0-9_-]+ joined by dots. In a pattern a word may also be "*", which stands for one word, or "#", which
// stands for any number of words, none included.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace notifyd {

bool IsTopicName(std::string_view text);
bool IsTopicPattern(std::string_view text);

/// Does `pattern` stand for `topic`? Costs at most words of the one times words of the other. What is no pattern or no name gives no promise.
bool TopicMatches(std::string_view pattern, std::string_view topic);

/// Patterns with who wants them, looked up by a topic's name without looking at each: a tree by words, in which a topic's words are followed all at
/// once along the word itself, "*" and "#". A match costs at most the topic's words times the nodes that they reach, whatever the patterns are.
class TopicIndex {
 public:
  TopicIndex();
  ~TopicIndex();
  TopicIndex(TopicIndex&&) noexcept;
  TopicIndex& operator=(TopicIndex&&) noexcept;

  /// Adds what IsTopicPattern takes. Adding the same pair again changes nothing.
  void Add(std::string_view pattern, uint64_t who);
  /// Takes out what was added so; anything else changes nothing.
  void Remove(std::string_view pattern, uint64_t who);
  /// Replaces `out` by those whose pattern stands for `topic`, ascending, each once.
  void Match(std::string_view topic, std::vector<uint64_t>* out) const;

 private:
  struct Node;
  std::unique_ptr<Node> root_;
};

}  // namespace notifyd
