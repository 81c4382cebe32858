#include "net/beanstalkd/beanstalkd_parser.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>
#include <utility>

#include "base/ascii.h"
#include "base/check.h"
#include "net/notify_agent/notify_agent.h"

namespace notifyd {
namespace {

/// Takes a number off the front, as beanstalkd's read_u32 does: blanks before it are skipped, and nothing need stand behind it.
std::optional<uint64_t> TakeNumber(std::string_view* text, uint64_t most = std::numeric_limits<uint32_t>::max()) {
  text->remove_prefix(std::min(text->find_first_not_of(' '), text->size()));
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (error != std::errc() || end == text->data() || number > most) return std::nullopt;
  text->remove_prefix(static_cast<size_t>(end - text->data()));
  return number;
}

/// What beanstalkd takes of a name in the middle of a line.
std::string_view TakeName(std::string_view* text) {
  text->remove_prefix(std::min(text->find_first_not_of(' '), text->size()));
  const std::string_view name = text->substr(0, text->find(' '));
  text->remove_prefix(name.size());
  return name;
}

/// Does it begin a request of HTTP? A browser may be led here by a page, with a body that reads as commands: no client of beanstalkd's says such.
bool IsHttp(std::string_view line) {
  constexpr std::string_view kMethods[] = {"GET ", "HEAD ", "POST ", "OPTIONS "};
  return std::any_of(std::begin(kMethods), std::end(kMethods), [&](std::string_view method) { return line.starts_with(method); });
}

}  // namespace

/// By their beginnings, in the order in which they are looked at: where one begins like another, the longer one comes first. As beanstalkd does, what
/// stands behind the name belongs to the arguments, whether it is a blank or not.
struct BeanstalkdParser::Command {
  std::string_view name;
  Step (BeanstalkdParser::*take)(std::string_view rest) = nullptr;
  Step (BeanstalkdParser::*as)(std::string_view method, std::string_view rest) = nullptr;  // in place of `take`
};
const BeanstalkdParser::Command BeanstalkdParser::kCommands[] = {
    {"put ", &BeanstalkdParser::Put},
    {"peek ", nullptr, &BeanstalkdParser::OfId},
    {"peek-ready", nullptr, &BeanstalkdParser::Plain},
    {"peek-delayed", nullptr, &BeanstalkdParser::Plain},
    {"peek-buried", nullptr, &BeanstalkdParser::Plain},
    {"reserve", &BeanstalkdParser::OfConsumers},
    {"delete ", nullptr, &BeanstalkdParser::OfId},
    {"release ", &BeanstalkdParser::OfConsumers},
    {"bury ", &BeanstalkdParser::OfConsumers},
    {"kick ", &BeanstalkdParser::Kick},
    {"kick-job ", nullptr, &BeanstalkdParser::OfId},
    {"touch ", &BeanstalkdParser::OfConsumers},
    {"stats-job ", nullptr, &BeanstalkdParser::OfId},
    {"stats-tube ", &BeanstalkdParser::StatsTube},
    {"stats", nullptr, &BeanstalkdParser::Plain},
    {"use ", &BeanstalkdParser::Use},
    {"watch ", &BeanstalkdParser::Watch},
    {"ignore ", &BeanstalkdParser::Ignore},
    {"list-tubes-watched", &BeanstalkdParser::ListWatched},
    {"list-tube-used", &BeanstalkdParser::ListUsed},
    {"list-tubes", nullptr, &BeanstalkdParser::Plain},
    {"quit", &BeanstalkdParser::Quit},
    {"pause-tube", &BeanstalkdParser::PauseTube},
};

BeanstalkdParser::BeanstalkdParser(size_t max_job_bytes) : max_job_bytes_(max_job_bytes) {
  keep_alive_ = true;
}

RequestParser::Step BeanstalkdParser::Feed(std::string_view in, size_t* used) {
  CHECK(phase_ != Phase::kComplete);
  const size_t all = in.size();
  Step step = Step::kMore;
  while (!in.empty() && step == Step::kMore) {
    switch (phase_) {
      case Phase::kLine:
        step = FeedLine(&in);
        break;
      case Phase::kSkipLine:
        step = SkipLine(&in);
        break;
      case Phase::kJob:
        step = FeedJob(&in);
        break;
      case Phase::kSkipJob:
        step = SkipJob(&in);
        break;
      case Phase::kComplete:
        break;
    }
  }
  *used = all - in.size();
  return step;
}

HttpRequest BeanstalkdParser::Take() {
  CHECK(phase_ == Phase::kComplete);
  phase_ = Phase::kLine;
  request_.peer = peer_;
  return std::exchange(request_, HttpRequest());
}

void BeanstalkdParser::Drop() {
  line_ = std::string();
  request_ = HttpRequest();
}

std::string_view BeanstalkdParser::RefusalOf(int status) const {
  if (status == 429) return kOutOfMemory;
  return status == 503 ? kDraining : std::string_view();
}

// ---- lines

RequestParser::Step BeanstalkdParser::FeedLine(std::string_view* in) {
  const size_t before = line_.size();
  line_.append(in->substr(0, kMostLineBytes - before));
  const size_t end = line_.find("\r\n", before > 0 ? before - 1 : 0);
  in->remove_prefix((end == std::string::npos ? line_.size() : end + 2) - before);
  if (end != std::string::npos) {
    line_.resize(end);
    const std::string line = std::exchange(line_, std::string());
    return EndLine(line);
  }
  if (line_.size() == kMostLineBytes) {
    if (IsHttp(line_)) return RefuseHttp();
    after_cr_ = line_.back() == '\r';
    line_ = std::string();
    phase_ = Phase::kSkipLine;
  }
  return Step::kMore;
}

RequestParser::Step BeanstalkdParser::SkipLine(std::string_view* in) {
  for (size_t i = 0; i < in->size(); ++i) {
    const char c = (*in)[i];
    if (after_cr_ && c == '\n') {
      in->remove_prefix(i + 1);
      return Say(std::string(kBadFormat));
    }
    after_cr_ = c == '\r';
  }
  in->remove_prefix(in->size());
  return Step::kMore;
}

RequestParser::Step BeanstalkdParser::EndLine(std::string_view line) {
  if (line.find('\0') != std::string_view::npos) return Say(std::string(kBadFormat));
  const Command* command = std::find_if(std::begin(kCommands), std::end(kCommands), [&](const Command& each) { return line.starts_with(each.name); });
  if (command == std::end(kCommands)) return IsHttp(line) ? RefuseHttp() : Say("UNKNOWN_COMMAND\r\n");
  const std::string_view rest = line.substr(command->name.size());
  if (command->take) return (this->*command->take)(rest);
  return (this->*command->as)(TrimBlanks(command->name), rest);
}

RequestParser::Step BeanstalkdParser::RefuseHttp() {
  refusal_status_ = 400;
  refusal_detail_ = "HTTP is not spoken here";
  return Step::kRefused;
}

RequestParser::Step BeanstalkdParser::Say(std::string answer) {
  return Complete("say", std::move(answer));
}

RequestParser::Step BeanstalkdParser::Complete(std::string_view method, std::string target) {
  phase_ = Phase::kComplete;
  request_.method = method;
  request_.target = std::move(target);
  return Step::kRequest;
}

// ---- jobs

RequestParser::Step BeanstalkdParser::Put(std::string_view rest) {
  const std::optional<uint64_t> pri = TakeNumber(&rest);
  const std::optional<uint64_t> delay = pri ? TakeNumber(&rest) : std::nullopt;
  const std::optional<uint64_t> ttr = delay ? TakeNumber(&rest) : std::nullopt;
  const std::optional<uint64_t> bytes = ttr ? TakeNumber(&rest) : std::nullopt;
  if (!bytes) return Say(std::string(kBadFormat));
  left_ = *bytes + 2;
  if (*bytes > max_job_bytes_) {
    phase_ = Phase::kSkipJob;
    return Step::kMore;
  }
  if (!rest.empty()) return Say(std::string(kBadFormat));
  request_.headers = {{"pri", std::to_string(*pri)}, {"delay", std::to_string(*delay)}};
  phase_ = Phase::kJob;
  return Step::kMore;
}

RequestParser::Step BeanstalkdParser::FeedJob(std::string_view* in) {
  const std::string_view piece = in->substr(0, static_cast<size_t>(std::min<uint64_t>(left_, in->size())));
  request_.body.append(piece);
  in->remove_prefix(piece.size());
  left_ -= piece.size();
  return left_ == 0 ? EndJob() : Step::kMore;
}

RequestParser::Step BeanstalkdParser::EndJob() {
  std::string& body = request_.body;
  if (!body.ends_with("\r\n")) {
    request_ = HttpRequest();
    return Say("EXPECTED_CRLF\r\n");
  }
  body.resize(body.size() - 2);
  return Complete("put", used_);
}

RequestParser::Step BeanstalkdParser::SkipJob(std::string_view* in) {
  const size_t piece = static_cast<size_t>(std::min<uint64_t>(left_, in->size()));
  in->remove_prefix(piece);
  left_ -= piece;
  return left_ == 0 ? Say("JOB_TOO_BIG\r\n") : Step::kMore;
}

RequestParser::Step BeanstalkdParser::OfId(std::string_view method, std::string_view rest) {
  const std::optional<uint64_t> id = TakeNumber(&rest, std::numeric_limits<uint64_t>::max());
  if (!id || !rest.empty()) return Say(std::string(kBadFormat));
  return Complete(method, std::to_string(*id));
}

// ---- tubes

RequestParser::Step BeanstalkdParser::Use(std::string_view tube) {
  if (!IsTubeName(tube)) return Say(std::string(kBadFormat));
  used_ = tube;
  return Say("USING " + used_ + "\r\n");
}

RequestParser::Step BeanstalkdParser::Watch(std::string_view tube) {
  if (!IsTubeName(tube)) return Say(std::string(kBadFormat));
  if (std::find(watched_.begin(), watched_.end(), tube) == watched_.end()) {
    size_t bytes = tube.size() + sizeof(std::string);
    for (const std::string& watched : watched_) bytes += watched.size() + sizeof(std::string);
    if (bytes > kMostWatchedBytes) return Say(std::string(kOutOfMemory));
    watched_.emplace_back(tube);
  }
  return Say("WATCHING " + std::to_string(watched_.size()) + "\r\n");
}

RequestParser::Step BeanstalkdParser::Ignore(std::string_view tube) {
  if (!IsTubeName(tube)) return Say(std::string(kBadFormat));
  const auto found = std::find(watched_.begin(), watched_.end(), tube);
  if (found != watched_.end() && watched_.size() == 1) return Say("NOT_IGNORED\r\n");
  if (found != watched_.end()) watched_.erase(found);
  return Say("WATCHING " + std::to_string(watched_.size()) + "\r\n");
}

RequestParser::Step BeanstalkdParser::PauseTube(std::string_view rest) {
  const std::string_view tube = TakeName(&rest);
  const std::optional<uint64_t> delay = TakeNumber(&rest);
  if (!IsTubeName(tube) || !delay || !rest.empty()) return Say(std::string(kBadFormat));
  request_.headers = {{"delay", std::to_string(*delay)}};
  TellTubes();
  return Complete("pause-tube", std::string(tube));
}

RequestParser::Step BeanstalkdParser::Kick(std::string_view rest) {
  // What stands behind the number is nobody's.
  const std::optional<uint64_t> bound = TakeNumber(&rest, std::numeric_limits<uint64_t>::max());
  if (!bound) return Say(std::string(kBadFormat));
  request_.headers = {{"bound", std::to_string(std::min<uint64_t>(*bound, std::numeric_limits<uint32_t>::max()))}};
  return Complete("kick", used_);
}

/// A tube that a connection uses or watches is there, whatever is in it.
void BeanstalkdParser::TellTubes() {
  request_.headers.emplace_back("used", used_);
  for (const std::string& watched : watched_) request_.headers.emplace_back("watched", watched);
}

RequestParser::Step BeanstalkdParser::StatsTube(std::string_view tube) {
  if (!IsTubeName(tube)) return Say(std::string(kBadFormat));
  TellTubes();
  return Complete("stats-tube", std::string(tube));
}

RequestParser::Step BeanstalkdParser::ListUsed(std::string_view rest) {
  return Say(rest.empty() ? "USING " + used_ + "\r\n" : std::string(kBadFormat));
}

RequestParser::Step BeanstalkdParser::ListWatched(std::string_view rest) {
  return Say(rest.empty() ? BeanstalkdList(watched_) : std::string(kBadFormat));
}

RequestParser::Step BeanstalkdParser::Quit(std::string_view) {
  return Complete("quit", std::string());
}

/// The broker makes the calls: there is nobody else to hand a job to.
RequestParser::Step BeanstalkdParser::OfConsumers(std::string_view) {
  return Say("UNKNOWN_COMMAND\r\n");
}

RequestParser::Step BeanstalkdParser::Plain(std::string_view method, std::string_view rest) {
  if (!rest.empty()) return Say(std::string(kBadFormat));
  if (method == "list-tubes") TellTubes();
  return Complete(method, used_);
}

// ---- answers

std::string BeanstalkdData(std::string_view yaml) {
  return "OK " + std::to_string(yaml.size()) + "\r\n" + std::string(yaml) + "\r\n";
}

std::string BeanstalkdList(const std::vector<std::string>& names) {
  std::string yaml = "---\n";
  for (const std::string& name : names) yaml.append("- ").append(name).append("\n");
  return BeanstalkdData(yaml);
}

}  // namespace notifyd
