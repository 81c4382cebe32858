#include "broker/topic_patterns.h"

#include <algorithm>
#include <functional>
#include <unordered_map>
#include <utility>

namespace notifyd {
namespace {

constexpr size_t kMaxTopicBytes = 255;
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

std::vector<std::string_view> WordsOf(std::string_view text) {
  std::vector<std::string_view> words;
  for (bool more = true; more;) words.push_back(TakeWord(&text, &more));
  return words;
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

bool TopicMatches(std::string_view pattern, std::string_view topic) {
  const std::vector<std::string_view> wanted = WordsOf(pattern), words = WordsOf(topic);
  // A "#" takes nothing at first, and a word more each time that what follows it fails. Only the last one seen need be gone back to: what an earlier
  // one could still take, that one can too.
  constexpr size_t kNone = static_cast<size_t>(-1);
  size_t at = 0, word = 0, any_words_at = kNone, taken_to = 0;
  while (word < words.size()) {
    if (at < wanted.size() && wanted[at] == kAnyWords) {
      any_words_at = at++;
      taken_to = word;
    } else if (at < wanted.size() && (wanted[at] == kOneWord || wanted[at] == words[word])) {
      ++at;
      ++word;
    } else if (any_words_at != kNone) {
      at = any_words_at + 1;
      word = ++taken_to;
    } else {
      return false;
    }
  }
  while (at < wanted.size() && wanted[at] == kAnyWords) ++at;
  return at == wanted.size();
}

struct TopicIndex::Node {
  std::unordered_map<std::string, std::unique_ptr<Node>, TextHash, std::equal_to<>> words;
  std::unique_ptr<Node> one_word, any_words;
  std::vector<uint64_t> who;  // of the patterns that end here, ascending
  bool stays = false;         // reached by "#": a further word leads here again

  bool empty() const { return words.empty() && !one_word && !any_words && who.empty(); }

  /// Where a word of a pattern leads, made where it is not there.
  Node* Below(std::string_view word) {
    if (word == kOneWord || word == kAnyWords) {
      std::unique_ptr<Node>& child = word == kOneWord ? one_word : any_words;
      if (!child) child = std::make_unique<Node>();
      child->stays = word == kAnyWords;
      return child.get();
    }
    auto found = words.find(word);
    if (found == words.end()) found = words.emplace(std::string(word), std::make_unique<Node>()).first;
    return found->second.get();
  }

  Node* Find(std::string_view word) const {
    if (word == kOneWord) return one_word.get();
    if (word == kAnyWords) return any_words.get();
    auto found = words.find(word);
    return found == words.end() ? nullptr : found->second.get();
  }

  void Drop(std::string_view word) {
    if (word == kOneWord) one_word.reset();
    else if (word == kAnyWords) any_words.reset();
    else words.erase(words.find(word));
  }
};

TopicIndex::TopicIndex() : root_(std::make_unique<Node>()) {}
TopicIndex::~TopicIndex() = default;
TopicIndex::TopicIndex(TopicIndex&&) noexcept = default;
TopicIndex& TopicIndex::operator=(TopicIndex&&) noexcept = default;

void TopicIndex::Add(std::string_view pattern, uint64_t who) {
  Node* node = root_.get();
  for (bool more = true; more;) node = node->Below(TakeWord(&pattern, &more));
  auto place = std::lower_bound(node->who.begin(), node->who.end(), who);
  if (place == node->who.end() || *place != who) node->who.insert(place, who);
}

void TopicIndex::Remove(std::string_view pattern, uint64_t who) {
  std::vector<std::pair<Node*, std::string_view>> path;  // each node, with the word that leads on from it
  Node* node = root_.get();
  for (bool more = true; more && node != nullptr;) {
    const std::string_view word = TakeWord(&pattern, &more);
    path.emplace_back(node, word);
    node = node->Find(word);
  }
  if (node == nullptr) return;
  auto place = std::lower_bound(node->who.begin(), node->who.end(), who);
  if (place == node->who.end() || *place != who) return;
  node->who.erase(place);
  for (; !path.empty() && node->empty(); path.pop_back()) {
    node = path.back().first;
    node->Drop(path.back().second);
  }
}

void TopicIndex::Match(std::string_view topic, std::vector<uint64_t>* out) const {
  out->clear();
  std::vector<const Node*> reached, next;
  // Each node with those that "#" leads to from it without a word; each once, so that rows of "#" do not multiply.
  const auto reach = [](const Node* node, std::vector<const Node*>* nodes) {
    for (; node != nullptr; node = node->any_words.get()) nodes->push_back(node);
  };
  reach(root_.get(), &reached);
  for (bool more = true; more;) {
    const std::string_view word = TakeWord(&topic, &more);
    next.clear();
    for (const Node* node : reached) {
      if (node->stays) reach(node, &next);
      reach(node->one_word.get(), &next);
      if (auto found = node->words.find(word); found != node->words.end()) reach(found->second.get(), &next);
    }
    std::sort(next.begin(), next.end(), std::less<>());
    next.erase(std::unique(next.begin(), next.end()), next.end());
    reached.swap(next);
  }
  std::vector<size_t> ends;
  for (const Node* node : reached) {
    if (node->who.empty()) continue;
    out->insert(out->end(), node->who.begin(), node->who.end());
    ends.push_back(out->size());
  }
  MergeRuns(std::move(ends), out);
  out->erase(std::unique(out->begin(), out->end()), out->end());
}

}  // namespace notifyd
