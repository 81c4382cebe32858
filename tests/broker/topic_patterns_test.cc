#include "broker/topic_patterns.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"

using namespace notifyd;

namespace {

/// Does `pattern` stand for `topic`?
bool TopicMatches(std::string_view pattern, std::string_view topic) {
  return TopicWords(topic).Match(pattern);
}

/// An index, and what whoever asks it knows: the pattern of each.
class KnownIndex {
 public:
  void Add(const std::string& pattern, uint64_t who) {
    index_.Add(pattern, who);
    there_[who] = pattern;
  }
  void Remove(const std::string& pattern, uint64_t who) {
    index_.Remove(pattern, who);
    if (auto found = there_.find(who); found != there_.end() && found->second == pattern) there_.erase(found);
  }
  std::vector<uint64_t> Found(std::string_view topic) const {
    std::vector<uint64_t> who{99};  // what stood in it before does not matter
    index_.Find(topic, &who);
    return who;
  }
  /// Those it finds, and of them those who have the topic, where the index does not tell.
  std::vector<uint64_t> MatchesOf(std::string_view topic) const {
    std::vector<uint64_t> matches;
    const TopicWords words(topic);
    for (const uint64_t who : Found(topic))
      if (TopicIndex::IsTold(there_.at(who)) || words.Match(there_.at(who))) matches.push_back(who);
    return matches;
  }
  const std::map<uint64_t, std::string>& there() const { return there_; }

 private:
  TopicIndex index_;
  std::map<uint64_t, std::string> there_;
};

/// The definition, told by recursion: slow, and plain.
bool Defined(const std::vector<std::string>& pattern, size_t p, const std::vector<std::string>& topic, size_t t) {
  if (p == pattern.size()) return t == topic.size();
  if (pattern[p] == "#") return Defined(pattern, p + 1, topic, t) || (t < topic.size() && Defined(pattern, p, topic, t + 1));
  return t < topic.size() && (pattern[p] == "*" || pattern[p] == topic[t]) && Defined(pattern, p + 1, topic, t + 1);
}

std::string Joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ".") + word;
  return text;
}

std::vector<std::string> AnyWords(Random* random, const std::vector<std::string>& from, size_t most) {
  std::vector<std::string> words;
  for (size_t count = 1 + random->Below(most); words.size() < count;) words.push_back(from[random->Below(from.size())]);
  return words;
}

}  // namespace

TEST_CASE("topic names: words of letters, digits, '_' and '-' joined by dots, 1 to 255 bytes") {
  for (const char* name : {"a", "order.created", "A-1_b.2", "-", "_._"}) {
    INFO(name);
    CHECK(IsTopicName(name));
    CHECK(IsTopicPattern(name));
  }
  for (const char* name : {"", ".", "a.", ".a", "a..b", "a b", "a/b", "a.\xC3\xA4", "a:b", "a*", "*a", "a.b#", "##"}) {
    INFO(name);
    CHECK_FALSE(IsTopicName(name));
    CHECK_FALSE(IsTopicPattern(name));
  }
  for (const char* pattern : {"*", "#", "a.*", "*.a", "#.a.#", "#.#", "*.*"}) {
    INFO(pattern);
    CHECK_FALSE(IsTopicName(pattern));
    CHECK(IsTopicPattern(pattern));
  }
  CHECK(IsTopicName(std::string(255, 'a')));
  CHECK_FALSE(IsTopicName(std::string(256, 'a')));
  CHECK_FALSE(IsTopicPattern(std::string(256, 'a')));
  CHECK_FALSE(IsTopicName(std::string_view("a\0b", 3)));
}

TEST_CASE("topic patterns: '*' is one word, '#' any number of them") {
  struct Row {
    const char* pattern;
    const char* topic;
    bool matches;
  };
  for (const Row& row : {
           Row{"a", "a", true},          Row{"a", "b", false},
           Row{"a", "a.b", false},       Row{"a.b", "a", false},
           Row{"a", "A", false},         Row{"*", "a", true},
           Row{"*", "a.b", false},       Row{"a.*", "a", false},
           Row{"a.*", "a.b", true},      Row{"a.*", "a.b.c", false},
           Row{"*.b", "a.b", true},      Row{"*.*", "a", false},
           Row{"#", "a", true},          Row{"#", "a.b.c", true},
           Row{"a.#", "a", true},        Row{"a.#", "a.b.c", true},
           Row{"a.#", "b.a", false},     Row{"#.a", "a", true},
           Row{"#.a", "a.a", true},      Row{"#.a", "a.b", false},
           Row{"a.#.b", "a.b", true},    Row{"a.#.b", "a.c.d.b", true},
           Row{"a.#.b", "a.b.c", false}, Row{"#.#", "a", true},
           Row{"#.*", "a", true},        Row{"*.#", "a", true},
           Row{"#.*.#", "a", true},      Row{"*.#.*", "a", false},
           Row{"*.#.*", "a.b", true},    Row{"#.b.#.b", "b", false},
           Row{"#.b.#.b", "b.b", true},  Row{"a.#.b.*", "a.b.b.c", true},
           Row{"#.a.b", "a.a.b", true},  Row{"#.a.*.c", "a.a.b.c", true},
           Row{"ab", "a", false},        Row{"a", "ab", false},
       }) {
    INFO(row.pattern << " for " << row.topic);
    CHECK(TopicMatches(row.pattern, row.topic) == row.matches);
    KnownIndex index;
    index.Add(row.pattern, 7);
    CHECK(index.MatchesOf(row.topic) == (row.matches ? std::vector<uint64_t>{7} : std::vector<uint64_t>{}));
  }
}

TEST_CASE("topic patterns: match and index agree with the definition, also while patterns come and go") {
  Random random(GENERATE(1, 2, 3));
  const std::vector<std::string> words = {"a", "b", "c"}, wanted = {"a", "b", "*", "#"};
  KnownIndex index;
  for (int step = 0; step < 3000; ++step) {
    const std::vector<std::string> pattern = AnyWords(&random, wanted, 9);
    const uint64_t who = random.Below(50);
    if (auto before = index.there().find(who); before != index.there().end()) index.Remove(std::string(before->second), who);
    if (random.Below(3) > 0) index.Add(Joined(pattern), who);
    const std::vector<std::string> topic = AnyWords(&random, words, 9);
    INFO(Joined(pattern) << " for " << Joined(topic));
    REQUIRE(TopicMatches(Joined(pattern), Joined(topic)) == Defined(pattern, 0, topic, 0));
    std::set<uint64_t> expected;
    for (const auto& [its, each] : index.there())
      if (TopicMatches(each, Joined(topic))) expected.insert(its);
    REQUIRE(index.MatchesOf(Joined(topic)) == std::vector<uint64_t>(expected.begin(), expected.end()));
  }
}

TEST_CASE("topic index: removing what is not there changes nothing") {
  KnownIndex index;
  index.Add("a.#", 1);
  index.Add("a.#", 1);
  index.Remove("a.#", 2);
  index.Remove("a", 1);
  index.Remove("a.#.b", 1);
  CHECK(index.MatchesOf("a.b") == std::vector<uint64_t>{1});
  index.Remove("a.#", 1);
  CHECK(index.MatchesOf("a.b").empty());
}

TEST_CASE("topic patterns: rows of wildcards cost no more than words times words") {
  // By trying each way, 60 "#" over 120 words would never end.
  std::string pattern = "#", topic = "a";
  for (int i = 0; i < 59; ++i) pattern += ".a.#";
  for (int i = 0; i < 126; ++i) topic += ".a";
  REQUIRE(IsTopicPattern(pattern));
  REQUIRE(IsTopicName(topic));
  CHECK(TopicMatches(pattern, topic));
  CHECK_FALSE(TopicMatches(pattern + ".b", topic));
  KnownIndex index;
  index.Add(pattern, 1);
  index.Add(pattern + ".b", 2);
  std::string rows = "#";
  for (int i = 0; i < 120; ++i) rows += ".#";
  index.Add(rows, 3);
  CHECK(index.MatchesOf(topic) == std::vector<uint64_t>{1, 3});
}

TEST_CASE("topic index: who wants the same topic under many patterns comes in order") {
  KnownIndex index;
  std::vector<uint64_t> all;
  const char* const patterns[] = {"orders.created", "orders.*", "orders.#", "#", "*.created", "#.created", "*.*"};
  for (uint64_t who = 0; who < 10'000; ++who) {
    index.Add(patterns[who * 2654435761 % 7], who);
    index.Add("orders.other." + std::to_string(who), who);
    all.push_back(who);
  }
  CHECK(index.Found("orders.created") == all);
}

TEST_CASE("topic patterns: as many words as a name may have, also around the places where sets of them are cut") {
  for (size_t words : {1, 2, 62, 63, 64, 65, 66, 126, 127, 128}) {
    std::string topic = "a";
    for (size_t i = 1; i < words; ++i) topic += ".a";
    REQUIRE(IsTopicName(topic));
    INFO(words);
    CHECK(TopicMatches(topic, topic));
    for (size_t at = 0; at < words; ++at) {
      std::string any = topic, other = topic;
      any[2 * at] = '*';
      other[2 * at] = 'b';
      CHECK(TopicMatches(any, topic));
      CHECK_FALSE(TopicMatches(other, topic));
      CHECK(TopicMatches(any, other));
      if (at == 0) continue;
      std::string rest = topic.substr(0, 2 * at) + "#";
      CHECK(TopicMatches(rest, topic));
      CHECK(TopicMatches(rest, topic.substr(0, 2 * at - 1)));
      if (at > 1) CHECK_FALSE(TopicMatches(rest, topic.substr(0, 2 * at - 3)));
    }
    CHECK_FALSE(TopicMatches(topic.substr(2 * (words > 1)), words > 1 ? topic : "b"));
    CHECK(TopicMatches("#." + topic.substr(2 * (words / 2)), topic));
  }
}

TEST_CASE("topic index: it finds few beside those that want a topic, by their first words and by their last one") {
  KnownIndex index;
  for (uint64_t i = 0; i < 1'000; ++i) {
    index.Add("orders." + std::to_string(i) + ".#.created", 4 * i);
    index.Add("#.user-" + std::to_string(i), 4 * i + 1);
    index.Add("a.b.c.d.e.f.g.h.user-" + std::to_string(i), 4 * i + 2);
    index.Add("stock." + std::to_string(i) + ".*.#", 4 * i + 3);
  }
  CHECK(index.Found("orders.7.eu.created") == std::vector<uint64_t>{28});
  CHECK(index.Found("orders.7.eu.gone").empty());
  CHECK(index.Found("a.b.user-9") == std::vector<uint64_t>{37});
  CHECK(index.Found("a.b.c.d.e.f.g.h.user-9") == std::vector<uint64_t>{37, 38});
  CHECK(index.Found("stock.11.x.y.z") == std::vector<uint64_t>{47});
  CHECK(index.MatchesOf("stock.11").empty());
}
