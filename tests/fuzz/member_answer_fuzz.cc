// What another member answers to what was passed on to it: any bytes, cut into reads at any place, come to the same answers, and no head is kept that
// is longer than it may be.
// Input: a byte that says how many requests there are and which of them are HEAD, one that says how long a read is, then what came.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ascii.h"
#include "base/check.h"
#include "net/cluster/answer_parser.h"

using namespace notifyd;

namespace {

struct Answer {
  bool headed = false, ended = false, keeps = false;
  int continued = 0;
  int status = 0;
  std::string type, body;
  std::vector<std::pair<std::string, std::string>> headers;
  std::optional<uint64_t> length;
  bool operator==(const Answer&) const = default;
};

class Taker : public AnswerParser::Reader {
 public:
  explicit Taker(uint8_t choice) : left_(size_t{1} + choice % 4), heads_(choice >> 2), stops_at_((choice & 64) != 0 ? 3 : 0) {}

  /// What came of it: answers, and whether the connection was good to its end.
  std::pair<std::vector<Answer>, bool> Take(std::string_view bytes, size_t step) {
    Next();
    bool good = true;
    while (good && !bytes.empty() && !stopped_) {
      const std::string_view read = bytes.substr(0, step);
      bytes.remove_prefix(read.size());
      good = parser_.Take(read);
      if (good && !answers_.empty() && answers_.back().ended && !bytes.empty()) {
        // A member answers what it is asked: the next request goes out behind the answer, and what came with that, or where it does not keep, is
        // none.
        good = answers_.back().keeps && left_ > 0;
        if (good) Next();
      }
    }
    if (good && bytes.empty() && !stopped_ && !answers_.back().ended) good = parser_.TakeEof();
    return {answers_, good};
  }

 private:
  void Next() {
    --left_;
    answers_.emplace_back();
    parser_.Begin((heads_ & 1) != 0);
    heads_ = static_cast<uint8_t>(heads_ >> 1);
  }
  Answer& last() { return answers_.back(); }
  void OnContinue() override {
    CHECK(!last().headed && !last().ended);
    ++last().continued;
  }
  void OnAnswerHead(HttpResponse head, std::optional<uint64_t> length) override {
    CHECK(!last().headed && head.status >= 200 && head.body.empty());
    size_t bytes = head.content_type.size();
    for (const auto& [name, value] : head.headers) {
      bytes += name.size() + value.size();
      for (std::string_view framing : {"Transfer-Encoding", "Content-Length", "Connection", "Content-Type"})
        CHECK(!EqualsIgnoringCase(name, framing));
    }
    CHECK(bytes <= 2 * AnswerParser::kMaxHeadBytes);
    last().headed = true;
    last().status = head.status;
    last().type = head.content_type;
    last().headers = std::move(head.headers);
    last().length = length;
    if (stops_at_ == 1) Stop();
  }
  void OnAnswerBody(std::string_view piece) override {
    CHECK(last().headed && !last().ended && !piece.empty() && !stopped_);
    last().body.append(piece);
    CHECK(!last().length || last().body.size() <= *last().length);
    if (stops_at_ > 0 && last().body.size() >= stops_at_) Stop();
  }
  void OnAnswerEnd(bool keeps) override {
    CHECK(last().headed && !last().ended && !stopped_);
    last().ended = true;
    last().keeps = keeps;
  }
  void Stop() {
    stopped_ = true;
    parser_.Stop();
  }

  AnswerParser parser_{this};
  std::vector<Answer> answers_;
  size_t left_;
  uint8_t heads_;
  const size_t stops_at_;
  bool stopped_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  const auto [whole, good] = Taker(data[0]).Take(bytes, bytes.size() + 1);
  const auto [cut, cut_good] = Taker(data[0]).Take(bytes, size_t{1} + data[1] % 16);
  CHECK(!whole.empty() && !cut.empty());
  // What follows an answer breaks the connection where it came with it, and may be the next one's where it came later: only the first is the same.
  if ((data[0] & 64) != 0) return 0;
  CHECK(whole.front().headed == cut.front().headed);
  CHECK(whole.front().status == cut.front().status);
  CHECK(whole.front().headers == cut.front().headers);
  CHECK(whole.front().length == cut.front().length);
  CHECK(whole.front().continued == cut.front().continued);
  CHECK(whole.front().ended == cut.front().ended);
  CHECK(whole.front().body == cut.front().body);
  if (!whole.front().ended) CHECK(good == cut_good);
  return 0;
}
