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

/// A topic's words, to ask many patterns about. What is no name, or no pattern, gives no promise.
class TopicWords {
 public:
  explicit TopicWords(std::string_view topic);
  TopicWords(const TopicWords&) = delete;
  TopicWords& operator=(const TopicWords&) = delete;

  /// Does `pattern` stand for the topic? Costs at most words of the one, and then of the other, whatever they are.
  bool Match(std::string_view pattern) const;

 private:
  const std::string topic_;
  std::vector<std::string_view> known_;  // each once, ascending; in topic_
  std::vector<size_t> at_;               // which of them is where
};

/// Patterns with who wants them, of which a topic's name finds those that may stand for it without looking at each: a tree by their first words, in
/// which a topic's words are followed along the word itself and "*", to some 2^kIndexedWords nodes at most. What lies behind these words, or behind
/// the first "#", is told by its last word alone: rows of wildcards would reach any number of nodes in a tree of whole patterns, in one step of
/// whoever counts them, and such a tree is some hundred times as large as they are.
class TopicIndex {
 public:
  static constexpr size_t kIndexedWords = 6;

  TopicIndex();
  ~TopicIndex();
  TopicIndex(TopicIndex&&) noexcept;
  TopicIndex& operator=(TopicIndex&&) noexcept;

  /// Adds what IsTopicPattern takes. `who` has no other one here. Adding the same pair again changes nothing.
  void Add(std::string_view pattern, uint64_t who);
  /// Takes out what was added so; anything else changes nothing.
  void Remove(std::string_view pattern, uint64_t who);
  /// Replaces `out`, ascending, each once, by all whose pattern stands for `topic`. Of those whose pattern is not told by the index it has some
  /// whose pattern does not, too.
  void Find(std::string_view topic, std::vector<uint64_t>* out) const;
  /// Is the pattern told by the index alone, so that it stands for whatever topic finds it?
  static bool IsTold(std::string_view pattern);

 private:
  struct Node;
  std::unique_ptr<Node> root_;
};

}  // namespace notifyd
