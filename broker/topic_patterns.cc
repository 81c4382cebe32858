#include "broker/topic_patterns.h"

#include <algorithm>
#include <array>
#include <functional>
#include <unordered_map>
#include <utility>

namespace notifyd {
namespace {

constexpr size_t kMaxTopicBytes = 255;
constexpr size_t kMostWords = (kMaxTopicBytes + 1) / 2;
constexpr std::string_view kOneWord = "*", kAnyWords = "#";

/// Takes the first word off, and the dot behind it. `*rest` must not be empty, and is at the end as `more` says.
std::string_view TakeWord(std::string_view* rest, bool* more) {
  const size_t dot = rest->find('.');
  const std::string_view word = rest->substr(0, dot);
  *more = dot != std::string_view::npos;
  *rest = *more ? rest->substr(dot + 1) : std::string_view();
  return word;
}

bool IsPlainWord(std::string_view word) {
  return !word.empty() && std::all_of(word.begin(), word.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

bool IsJoinedWords(std::string_view text, bool wildcards) {
  if (text.empty() || text.size() > kMaxTopicBytes) return false;
  for (bool more = true; more;) {
    const std::string_view word = TakeWord(&text, &more);
    if (!IsPlainWord(word) && !(wildcards && (word == kOneWord || word == kAnyWords))) return false;
  }
  return true;
}

/// Makes one ascending row of several that stand behind each other. `ends`: where each ends.
void MergeRuns(std::vector<size_t> ends, std::vector<uint64_t>* all) {
  while (ends.size() > 1) {
    std::vector<size_t> merged;
    size_t begin = 0;
    for (size_t i = 0; i < ends.size(); i += 2) {
      const size_t end = i + 1 < ends.size() ? ends[i + 1] : ends[i];
      std::inplace_merge(all->begin() + static_cast<ptrdiff_t>(begin), all->begin() + static_cast<ptrdiff_t>(ends[i]),
                         all->begin() + static_cast<ptrdiff_t>(end));
      merged.push_back(begin = end);
    }
    ends = std::move(merged);
  }
}

struct TextHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};

}  // namespace

bool IsTopicName(std::string_view text) {
  return IsJoinedWords(text, false);
}

bool IsTopicPattern(std::string_view text) {
  return IsJoinedWords(text, true);
}

namespace {

/// A set of words of a pattern, by their places: those that are "#" have none.
struct WordSet {
  std::array<uint64_t, kMostWords / 64> bits{};

  void Put(size_t place) { bits[place / 64] |= uint64_t{1} << place % 64; }
  bool Has(size_t place) const { return bits[place / 64] >> place % 64 & 1; }
  /// Each place one further on; the first one is there where `first` says so.
  WordSet Next(bool first) const { return {{bits[0] << 1 | static_cast<uint64_t>(first), bits[1] << 1 | bits[0] >> 63}}; }
  WordSet operator&(const WordSet& other) const { return {{bits[0] & other.bits[0], bits[1] & other.bits[1]}}; }
  WordSet operator|(const WordSet& other) const { return {{bits[0] | other.bits[0], bits[1] | other.bits[1]}}; }
};

}  // namespace

TopicWords::TopicWords(std::string_view topic) : topic_(topic) {
  std::vector<std::string_view> words;
  std::string_view left = topic_;
  for (bool more = true; more;) words.push_back(TakeWord(&left, &more));
  known_ = words;
  std::sort(known_.begin(), known_.end());
  known_.erase(std::unique(known_.begin(), known_.end()), known_.end());
  for (std::string_view word : words) at_.push_back(static_cast<size_t>(std::lower_bound(known_.begin(), known_.end(), word) - known_.begin()));
}

bool TopicWords::Match(std::string_view pattern) const {
  if (pattern == topic_) return true;
  if (at_.size() > kMostWords) return false;  // no name
  std::array<WordSet, kMostWords> takes;      // by the number of a word of the topic: places that it is wanted at
  WordSet takes_any, stays;                   // "*" is there, "#" follows
  bool begin_stays = false;
  size_t size = 0;
  for (bool more = true; more;) {
    const std::string_view word = TakeWord(&pattern, &more);
    if (word == kAnyWords) {
      if (size == 0) begin_stays = true;
      else stays.Put(size - 1);
      continue;
    }
    if (size == at_.size()) return false;
    if (word == kOneWord) {
      takes_any.Put(size++);
      continue;
    }
    const auto known = std::lower_bound(known_.begin(), known_.end(), word);
    if (known == known_.end() || *known != word) return false;
    takes[static_cast<size_t>(known - known_.begin())].Put(size++);
  }
  if (size == 0) return true;
  // Up to which places of the pattern what was seen of the topic may have come: all ways at once, so that none is gone back to.
  WordSet reached;
  bool at_begin = true;
  for (size_t word : at_) {
    reached = (reached.Next(at_begin) & (takes[word] | takes_any)) | (reached & stays);
    at_begin = at_begin && begin_stays;
  }
  return reached.Has(size - 1);
}

struct TopicIndex::Node {
  using Whos = std::vector<uint64_t>;  // ascending
  template <class Of>
  using ByWord = std::unordered_map<std::string, Of, TextHash, std::equal_to<>>;

  ByWord<std::unique_ptr<Node>> words;
  std::unique_ptr<Node> one_word;
  Whos ends;  // of the patterns that end here
  Whos all;   // of those of which "#" alone follows
  /// Of those of which more follows than is looked at here, by their last words. Few nodes have any.
  std::unique_ptr<ByWord<Whos>> rest;

  bool empty() const { return words.empty() && !one_word && ends.empty() && all.empty() && !rest; }

  Node* Find(std::string_view word) const {
    if (word == kOneWord) return one_word.get();
    auto found = words.find(word);
    return found == words.end() ? nullptr : found->second.get();
  }

  /// As Find, and it is made where it is not there.
  Node* Below(std::string_view word) {
    std::unique_ptr<Node>& child = word == kOneWord ? one_word : words.try_emplace(std::string(word)).first->second;
    if (!child) child = std::make_unique<Node>();
    return child.get();
  }

  void Drop(std::string_view word) {
    if (word == kOneWord) one_word.reset();
    else words.erase(words.find(word));
  }

  static void Insert(uint64_t who, Whos* whos) {
    auto place = std::lower_bound(whos->begin(), whos->end(), who);
    if (place == whos->end() || *place != who) whos->insert(place, who);
  }

  static void Erase(uint64_t who, Whos* whos) {
    auto place = std::lower_bound(whos->begin(), whos->end(), who);
    if (place != whos->end() && *place == who) whos->erase(place);
  }
};

namespace {

std::string_view LastWordOf(std::string_view text) {
  return text.substr(text.rfind('.') + 1);
}

/// What an index looks at of a pattern: its first words, up to the first "#" and `kIndexedWords`, and what is behind them.
struct Indexed {
  std::vector<std::string_view> words;
  std::string_view rest;  // empty: nothing

  explicit Indexed(std::string_view pattern) : rest(pattern) {
    for (bool more = true; more && words.size() < TopicIndex::kIndexedWords;) {
      std::string_view left = rest;
      const std::string_view word = TakeWord(&left, &more);
      if (word == kAnyWords) return;
      words.push_back(word);
      rest = left;
    }
  }
};

}  // namespace

TopicIndex::TopicIndex() : root_(std::make_unique<Node>()) {}
TopicIndex::~TopicIndex() = default;
TopicIndex::TopicIndex(TopicIndex&&) noexcept = default;
TopicIndex& TopicIndex::operator=(TopicIndex&&) noexcept = default;

bool TopicIndex::IsTold(std::string_view pattern) {
  const std::string_view rest = Indexed(pattern).rest;
  return rest.empty() || rest == kAnyWords;
}

void TopicIndex::Add(std::string_view pattern, uint64_t who) {
  const Indexed indexed(pattern);
  Node* node = root_.get();
  for (std::string_view word : indexed.words) node = node->Below(word);
  if (indexed.rest.empty()) {
    Node::Insert(who, &node->ends);
  } else if (indexed.rest == kAnyWords) {
    Node::Insert(who, &node->all);
  } else {
    if (!node->rest) node->rest = std::make_unique<Node::ByWord<Node::Whos>>();
    Node::Insert(who, &(*node->rest)[std::string(LastWordOf(indexed.rest))]);
  }
}

void TopicIndex::Remove(std::string_view pattern, uint64_t who) {
  const Indexed indexed(pattern);
  std::vector<Node*> path{root_.get()};
  for (std::string_view word : indexed.words) {
    Node* node = path.back()->Find(word);
    if (node == nullptr) return;
    path.push_back(node);
  }
  Node* node = path.back();
  if (indexed.rest.empty()) {
    Node::Erase(who, &node->ends);
  } else if (indexed.rest == kAnyWords) {
    Node::Erase(who, &node->all);
  } else if (node->rest) {
    auto found = node->rest->find(LastWordOf(indexed.rest));
    if (found == node->rest->end()) return;
    Node::Erase(who, &found->second);
    if (found->second.empty()) node->rest->erase(found);
    if (node->rest->empty()) node->rest.reset();
  }
  for (size_t i = indexed.words.size(); i > 0 && path[i]->empty(); --i) path[i - 1]->Drop(indexed.words[i - 1]);
}

void TopicIndex::Find(std::string_view topic, std::vector<uint64_t>* out) const {
  out->clear();
  std::vector<size_t> ends;
  const auto take = [&](const Node::Whos& whos) {
    if (whos.empty()) return;
    out->insert(out->end(), whos.begin(), whos.end());
    ends.push_back(out->size());
  };
  const std::string_view last = LastWordOf(topic);
  std::vector<const Node*> reached{root_.get()}, next;
  bool more = true;
  for (size_t depth = 0;; ++depth) {
    for (const Node* node : reached) {
      take(node->all);
      if (!node->rest) continue;
      for (std::string_view word : {last, kOneWord, kAnyWords})
        if (auto found = node->rest->find(word); found != node->rest->end()) take(found->second);
    }
    if (!more || depth == kIndexedWords) break;
    const std::string_view word = TakeWord(&topic, &more);
    next.clear();
    for (const Node* node : reached) {
      if (node->one_word) next.push_back(node->one_word.get());
      if (auto found = node->words.find(word); found != node->words.end()) next.push_back(found->second.get());
    }
    reached.swap(next);
  }
  if (!more)
    for (const Node* node : reached) take(node->ends);
  MergeRuns(std::move(ends), out);
  out->erase(std::unique(out->begin(), out->end()), out->end());
}

}  // namespace notifyd
