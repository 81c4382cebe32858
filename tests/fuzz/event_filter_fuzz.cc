// Any text is compiled or refused, never anything else; what is compiled judges any event, and its negation judges the other way.
// Input: size of the filter (2 bytes), filter, data.
#include "base/bytes.h"
#include "base/check.h"
#include "broker/event_filter.h"
#include "broker/topic_patterns.h"

using namespace notifyd;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  Decoder input(std::string_view(reinterpret_cast<const char*>(bytes), size));
  const size_t filter_size = static_cast<size_t>(input.U8()) << 8 | input.U8();
  const std::string text(input.Raw(filter_size));
  if (!input.ok()) return 0;
  const std::string data(input.rest());

  // A topic of the same bytes: the index and the match agree.
  if (IsTopicPattern(text) && IsTopicName(data)) {
    TopicIndex index;
    index.Add(text, 1);
    std::vector<uint64_t> who;
    index.Find(data, &who);
    const bool matches = TopicWords(data).Match(text);
    CHECK(TopicIndex::IsTold(text) ? who.empty() != matches : !who.empty() || !matches);
  }

  Result<EventFilter> filter = EventFilter::Compile(text);
  if (!filter.ok()) {
    CHECK(filter.status().code() == Code::kUnacceptable);
    CHECK(IsJsonPointer(filter.status().field()));
    return 0;
  }
  Result<EventFilter> negated = EventFilter::Compile("{\"$not\":" + text + "}");
  Result<JsonTree> tree = JsonTree::Parse(data);
  const Labels labels{{"a", "b"}, {"env", "prod"}};
  EventFilter::Subject subject{nullptr, &labels, "key-1", "orders.created"};
  const auto judge = [&] {
    const bool matches = filter->Matches(subject);
    if (!negated.ok()) return;
    // Of a raw body it may be that neither is known to hold.
    const bool opposite = negated->Matches(subject);
    CHECK(subject.raw ? !(opposite && matches) : opposite != matches);
  };
  judge();
  subject.raw = true;
  judge();
  subject.raw = false;
  if (!tree.ok()) return 0;
  const JsonTree::Value root = tree->root();
  subject.data = &root;
  judge();
  return 0;
}
