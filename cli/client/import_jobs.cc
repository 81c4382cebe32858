#include "cli/client/import_jobs.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "cli/client/stop_signal.h"
#include "cli/client/table.h"

namespace notifyd {
namespace {

constexpr const char* kNotify = "notify";
constexpr size_t kBatchJobs = 200, kBatchBytes = 1 << 20, kScanJobs = 500, kLooksBeforeCount = 100;
constexpr std::chrono::seconds kTouch{10};
constexpr size_t kHashDigits = 32;

/// "Q_" and an MD5 in upper case, as NotifyMessage names a queue by default.
bool IsDefaultQueue(const std::string& tube) {
  if (tube.size() != 2 + kHashDigits || !tube.starts_with("Q_")) return false;
  return std::all_of(tube.begin() + 2, tube.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F'); });
}

uint64_t NumberOf(const BeanstalkClient::Figures& figures, const char* name) {
  const auto found = figures.find(name);
  uint64_t number = 0;
  if (found != figures.end()) std::from_chars(found->second.data(), found->second.data() + found->second.size(), number);
  return number;
}

std::string TextOf(const BeanstalkClient::Figures& figures, const char* name) {
  const auto found = figures.find(name);
  return found == figures.end() ? "" : found->second;
}

/// "1 job stays", "2 jobs stay", "2 jobs".
std::string Counted(uint64_t count, const std::string& verb = "") {
  return Grouped(count) + (count == 1 ? " job" : " jobs") + (verb.empty() ? "" : " " + verb + (count == 1 ? "s" : ""));
}

std::string NameOf(const BeanstalkJob& job) {
  return "job " + std::to_string(job.id);
}

}  // namespace

JobImport::JobImport(ImportWork* work) : work_(work), client_(*work->options().beanstalkd) {}

Status JobImport::Connect() {
  if (client_.connected()) return Status::Ok();
  NOTIFYD_TRY(client_.Connect());
  Result<BeanstalkClient::Figures> stats = client_.Stats();
  if (!stats.ok()) return std::move(stats).status();
  server_ = TextOf(*stats, "id");
  if (server_.empty()) server_ = client_.address().Text() + "-" + TextOf(*stats, "pid");  // before version 1.5
  return Status::Ok();
}

ImportEnd JobImport::Open(std::string* consumer) {
  return work_->Reach([&] {
    NOTIFYD_TRY(Connect());
    NOTIFYD_TRY(FindTubes());
    for (const std::string& tube : tubes_) {
      Result<std::optional<BeanstalkClient::Figures>> stats = client_.StatsOfTube(tube);
      if (!stats.ok()) return std::move(stats).status();
      if (*stats && NumberOf(**stats, "current-watching") > 0) *consumer = tube;
    }
    return Status::Ok();
  });
}

Status JobImport::FindTubes() {
  Result<std::vector<std::string>> all = client_.Tubes();
  if (!all.ok()) return std::move(all).status();
  std::vector<std::string> tubes;
  for (const std::string& tube : *all) {
    if (tube == kNotify) continue;
    Result<bool> ours = IsOurs(tube);
    if (!ours.ok()) return std::move(ours).status();
    if (*ours) tubes.push_back(tube);
  }
  tubes.push_back(kNotify);
  tubes_ = std::move(tubes);
  return Status::Ok();
}

Result<bool> JobImport::IsOurs(const std::string& tube) {
  const std::vector<std::string>& named = work_->options().tubes;
  if (IsDefaultQueue(tube) || std::find(named.begin(), named.end(), tube) != named.end()) return true;
  for (const char* state : {"ready", "delayed", "buried"}) {
    Result<std::optional<BeanstalkJob>> job = client_.PeekAt(tube, state);
    if (!job.ok()) return std::move(job).status();
    if (*job) return IsJobOfQueue((*job)->body, tube);
  }
  return false;
}

ImportEnd JobImport::Pass(bool* moved) {
  end_ = ImportEnd::kDone;
  const ImportEnd end = work_->Reach([&] {
    NOTIFYD_TRY(Connect());
    NOTIFYD_TRY(FindTubes());
    if (work_->options().only_looks()) return Scan();
    for (bool more = true; more && end_ == ImportEnd::kDone;) {
      more = false;
      for (const std::string& tube : tubes_) NOTIFYD_TRY(TakeReady(tube, &more));
      for (const std::string& tube : tubes_) NOTIFYD_TRY(TakeDelayed(tube, &more));
      *moved |= more;
    }
    return Status::Ok();
  });
  return end_ != ImportEnd::kDone ? end_ : end;
}

Status JobImport::TakeReady(const std::string& tube, bool* moved) {
  while (end_ == ImportEnd::kDone) {
    if (StopAsked()) {
      end_ = ImportEnd::kStopped;
      break;
    }
    NOTIFYD_TRY(client_.WatchOnly(tube));
    std::vector<BeanstalkJob> jobs;
    for (size_t bytes = 0; jobs.size() < kBatchJobs && bytes < kBatchBytes;) {
      Result<std::optional<BeanstalkJob>> job = client_.Reserve();
      if (!job.ok()) return std::move(job).status();
      if (!*job) break;
      bytes += (*job)->body.size();
      jobs.push_back(*std::move(*job));
    }
    if (jobs.empty()) break;
    NOTIFYD_TRY(Move(jobs, {}, moved));
    work_->ShowProgress(0);
  }
  return Status::Ok();
}

Status JobImport::TakeDelayed(const std::string& tube, bool* moved) {
  while (end_ == ImportEnd::kDone) {
    if (StopAsked()) {
      end_ = ImportEnd::kStopped;
      break;
    }
    Result<std::optional<BeanstalkJob>> job = client_.PeekAt(tube, "delayed");
    if (!job.ok()) return std::move(job).status();
    if (!*job) break;
    Result<std::vector<std::optional<BeanstalkClient::Figures>>> figures = client_.StatsOfJobs({(*job)->id});
    if (!figures.ok()) return std::move(figures).status();
    if (!figures->front() || TextOf(*figures->front(), "state") != "delayed") {
      *moved = true;  // its time has come meanwhile: the next round takes it
      break;
    }
    NOTIFYD_TRY(Move({**job}, {NumberOf(*figures->front(), "time-left")}, moved));
    work_->ShowProgress(0);
  }
  return Status::Ok();
}

Status JobImport::Move(const std::vector<BeanstalkJob>& jobs, const std::vector<uint64_t>& left_s, bool* moved) {
  const bool delayed = !left_s.empty();
  std::vector<BeanstalkJob> chosen;
  std::vector<OldCall> calls;
  for (size_t i = 0; i < jobs.size(); ++i) {
    Result<bool> carried = IsCarried(jobs[i]);
    if (!carried.ok()) return std::move(carried).status();
    if (*carried) {
      NOTIFYD_TRY(DeleteTaken(jobs[i]));
      continue;
    }
    JobTerms terms{server_, jobs[i].id, {}, work_->options().caller};
    if (delayed) terms.left_s = left_s[i];
    Result<OldCall> call =
        aside_.contains(jobs[i].id) ? Result<OldCall>(Status(Code::kUnacceptable, aside_[jobs[i].id])) : CallOfJob(jobs[i].body, terms);
    if (!call.ok()) {
      if (!aside_.contains(jobs[i].id)) ++work_->jobs().read;
      NOTIFYD_TRY(PutAside(jobs[i], delayed, call.status().detail(), moved));
      continue;
    }
    chosen.push_back(jobs[i]);
    calls.push_back(*std::move(call));
  }
  work_->jobs().read += chosen.size();
  if (chosen.empty()) return Status::Ok();
  const Clock::time_point reserved = Clock::now();
  Clock::time_point touched = reserved;
  const auto touch = [&] {
    if (delayed || !client_.connected() || Clock::now() - touched < kTouch) return;
    touched = Clock::now();
    for (const BeanstalkJob& job : chosen)
      if (!client_.Touch(job.id).ok()) return;
  };
  const ImportSubmitter::Batch submitted = work_->submitter().Submit(calls, touch);
  end_ = submitted.end;
  const std::string server = server_;
  for (size_t i = 0; i < chosen.size(); ++i)
    if (const auto& answer = submitted.answers[i]; answer && answer->kind != ImportAnswer::Kind::kRefused) {
      carried_[chosen[i].id] = {chosen[i].body, reserved};
      Accepted(*answer);
      *moved = true;
    }
  for (size_t i = 0; i < chosen.size(); ++i) {
    if (!submitted.answers[i]) continue;
    NOTIFYD_TRY(Connect());
    // It was started anew meanwhile: an id may be another job's now. What it kept comes back, and is known by what is carried.
    if (server_ != server) return Status::Ok();
    const ImportAnswer& answer = *submitted.answers[i];
    const bool refused = answer.kind == ImportAnswer::Kind::kRefused;
    NOTIFYD_TRY(refused ? PutAside(chosen[i], delayed, answer.why, moved) : DeleteTaken(chosen[i]));
  }
  return Status::Ok();
}

void JobImport::Accepted(const ImportAnswer& answer) {
  ++work_->jobs().accepted;
  // A job's key with other fields is the job itself, with another time left: an earlier run has submitted it.
  work_->jobs().before += answer.kind != ImportAnswer::Kind::kNew;
}

Status JobImport::DeleteTaken(const BeanstalkJob& job) {
  Result<bool> deleted = client_.Delete(job.id);
  if (!deleted.ok()) return std::move(deleted).status();
  if (*deleted) ++work_->jobs().removed;
  else work_->Say(NameOf(job) + " was taken by somebody else meanwhile: it may be sent twice");
  carried_.erase(job.id);
  return Status::Ok();
}

/// Accepted already, but still there: the connection was lost before it was deleted. With a beanstalkd that was started anew since, that is known by
/// its body and its age, which is kept with it.
Result<bool> JobImport::IsCarried(const BeanstalkJob& job) {
  const auto found = carried_.find(job.id);
  if (found == carried_.end() || found->second.body != job.body) return false;
  Result<std::vector<std::optional<BeanstalkClient::Figures>>> figures = client_.StatsOfJobs({job.id});
  if (!figures.ok()) return std::move(figures).status();
  if (!figures->front()) return false;
  const auto elapsed_s = std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - found->second.since).count();
  return static_cast<int64_t>(NumberOf(*figures->front(), "age")) >= elapsed_s;
}

/// Out of the way, and not lost: buried. One that is delayed is kicked, and buried once it is reserved.
Status JobImport::PutAside(const BeanstalkJob& job, bool delayed, const std::string& why, bool* moved) {
  if (!aside_.contains(job.id)) {
    // In a tube that is paused none can be reserved, and so buried.
    work_->Stays(NameOf(job), why + (delayed ? " (it is buried once it can be reserved)" : " (it is buried)"));
    ++work_->jobs().stay;
    aside_[job.id] = why;
  }
  Result<bool> done = delayed ? client_.KickJob(job.id) : client_.Bury(job.id);
  if (!done.ok()) return std::move(done).status();
  if (delayed) *moved = true;  // there is something to reserve
  else aside_.erase(job.id);
  return Status::Ok();
}

std::optional<size_t> JobImport::TubeOf(const std::optional<BeanstalkClient::Figures>& figures) const {
  if (!figures) return std::nullopt;
  const std::string state = TextOf(*figures, "state");
  const auto tube = std::find(tubes_.begin(), tubes_.end(), TextOf(*figures, "tube"));
  if ((state != "ready" && state != "delayed") || tube == tubes_.end()) return std::nullopt;
  return static_cast<size_t>(tube - tubes_.begin());
}

/// Looks at those from `from` down to `to`, kScanJobs at most; `from` is the next one then.
Status JobImport::LookAt(uint64_t* from, uint64_t to, std::vector<WaitingJob>* found) {
  std::vector<uint64_t> ids;
  for (; *from >= to && ids.size() < kScanJobs; --*from) ids.push_back(*from);
  Result<std::vector<std::optional<BeanstalkClient::Figures>>> figures = client_.StatsOfJobs(ids);
  if (!figures.ok()) return std::move(figures).status();
  for (size_t i = 0; i < ids.size(); ++i)
    if (const std::optional<size_t> tube = TubeOf((*figures)[i])) found->push_back({*tube, NumberOf(*(*figures)[i], "pri"), ids[i]});
  return Status::Ok();
}

Result<uint64_t> JobImport::CountWaiting() {
  uint64_t waiting = 0;
  for (const std::string& tube : tubes_) {
    Result<std::map<std::string, uint64_t>> counts = CountOf(tube);
    if (!counts.ok()) return std::move(counts).status();
    waiting += (*counts)["ready"] + (*counts)["delayed"];
  }
  return waiting;
}

/// Beside a daemon that works there is less than was expected by now, and other jobs: adds those that came since `newest`, and leaves out of `found`
/// what waits no more. Counted is before it is looked: of what is found then nothing came later.
Status JobImport::Recount(uint64_t* newest, std::vector<WaitingJob>* found, uint64_t* expected) {
  Result<uint64_t> now = client_.NewestId();
  if (!now.ok()) return std::move(now).status();
  Result<uint64_t> counted = CountWaiting();
  if (!counted.ok()) return std::move(counted).status();
  std::vector<WaitingJob> left;
  for (uint64_t id = *now; id > *newest && !StopAsked();) NOTIFYD_TRY(LookAt(&id, *newest + 1, &left));
  for (size_t from = 0; from < found->size(); from += kScanJobs) {
    std::vector<uint64_t> ids;
    for (size_t i = from; i < std::min(found->size(), from + kScanJobs); ++i) ids.push_back((*found)[i].id);
    Result<std::vector<std::optional<BeanstalkClient::Figures>>> figures = client_.StatsOfJobs(ids);
    if (!figures.ok()) return std::move(figures).status();
    for (size_t i = 0; i < ids.size(); ++i)
      if (TubeOf((*figures)[i])) left.push_back((*found)[from + i]);
  }
  *newest = *now;
  *found = std::move(left);
  *expected = *counted;
  return Status::Ok();
}

/// From the newest on, for what waits is young mostly, and once all is found the rest need not be looked at. In the order in which they would be
/// reserved: tube by tube, in each by priority and id.
Status JobImport::FindWaiting(std::vector<uint64_t>* waiting) {
  Result<uint64_t> newest = client_.NewestId();
  if (!newest.ok()) return std::move(newest).status();
  Result<uint64_t> expected = CountWaiting();
  if (!expected.ok()) return std::move(expected).status();
  std::vector<WaitingJob> found;
  size_t looks = 0, count_at = kLooksBeforeCount;
  for (uint64_t next = *newest; next > 0 && found.size() < *expected && !StopAsked();) {
    NOTIFYD_TRY(LookAt(&next, 1, &found));
    if (++looks < count_at) continue;
    NOTIFYD_TRY(Recount(&*newest, &found, &*expected));
    count_at = 2 * looks;  // all that is found is looked at once more each time
  }
  std::sort(found.begin(), found.end());
  for (const WaitingJob& job : found) waiting->push_back(job.id);
  return Status::Ok();
}

Status JobImport::Scan() {
  std::vector<uint64_t> waiting;
  NOTIFYD_TRY(FindWaiting(&waiting));
  work_->jobs() = {};
  for (size_t from = 0; from < waiting.size() && end_ == ImportEnd::kDone; from += kBatchJobs) {
    if (StopAsked()) end_ = ImportEnd::kStopped;
    const auto begin = waiting.begin() + static_cast<std::ptrdiff_t>(from);
    const auto end = waiting.begin() + static_cast<std::ptrdiff_t>(std::min(waiting.size(), from + kBatchJobs));
    NOTIFYD_TRY(ScanSome({begin, end}));
    work_->ShowProgress(0);
  }
  return Status::Ok();
}

Status JobImport::ScanSome(const std::vector<uint64_t>& ids) {
  Result<std::vector<std::optional<BeanstalkClient::Figures>>> figures = client_.StatsOfJobs(ids);
  if (!figures.ok()) return std::move(figures).status();
  std::vector<OldCall> calls;
  std::vector<uint64_t> chosen;
  for (size_t i = 0; i < ids.size(); ++i) {
    if (!TubeOf((*figures)[i])) continue;
    Result<std::optional<BeanstalkJob>> job = client_.Peek(ids[i]);
    if (!job.ok()) return std::move(job).status();
    if (!*job) continue;
    ++work_->jobs().read;
    JobTerms terms{server_, ids[i], {}, work_->options().caller};
    if (TextOf(*(*figures)[i], "state") == "delayed") terms.left_s = NumberOf(*(*figures)[i], "time-left");
    Result<OldCall> call = CallOfJob((*job)->body, terms);
    if (call.ok()) {
      chosen.push_back(ids[i]);
      calls.push_back(*std::move(call));
      continue;
    }
    ++work_->jobs().stay;
    work_->Stays(NameOf(**job), call.status().detail());
  }
  if (work_->options().dry_run) {
    for (const OldCall& call : calls) work_->Show(call);
    work_->jobs().accepted += calls.size();
    return Status::Ok();
  }
  const ImportSubmitter::Batch submitted = work_->submitter().Submit(calls);
  end_ = submitted.end;
  for (size_t i = 0; i < chosen.size(); ++i) {
    if (!submitted.answers[i]) continue;
    const ImportAnswer& answer = *submitted.answers[i];
    if (answer.kind != ImportAnswer::Kind::kRefused) {
      Accepted(answer);
      continue;
    }
    ++work_->jobs().stay;
    work_->Stays("job " + std::to_string(chosen[i]), answer.why);
  }
  return Status::Ok();
}

Result<std::map<std::string, uint64_t>> JobImport::CountOf(const std::string& tube) {
  std::map<std::string, uint64_t> counts;
  Result<std::optional<BeanstalkClient::Figures>> stats = client_.StatsOfTube(tube);
  if (!stats.ok()) return std::move(stats).status();
  if (!*stats) return counts;
  for (const char* state : {"ready", "delayed", "buried", "reserved"})
    counts[state] = NumberOf(**stats, (std::string("current-jobs-") + state).c_str());
  counts["paused"] = NumberOf(**stats, "pause-time-left");
  return counts;
}

ImportEnd JobImport::TellRest() {
  return work_->Reach([&] {
    NOTIFYD_TRY(Connect());
    return TellOfTubes();
  });
}

/// Of a tube that is paused nothing can be reserved.
void JobImport::TellOfLeft(const std::string& tube, uint64_t count, uint64_t paused_s) {
  if (paused_s == 0) return work_->Say("tube " + tube + " is not empty: " + Counted(count, "stay") + " in it that came meanwhile: run it again");
  work_->Say("tube " + tube + " is paused for another " + Grouped(paused_s) + " s: " + Counted(count, "stay") + " in it; `pause-tube " + tube +
             " 0` ends that, then run it again");
}

Status JobImport::TellOfTubes() {
  Result<std::vector<std::string>> all = client_.Tubes();
  if (!all.ok()) return std::move(all).status();
  uint64_t left = 0;  // of what was to be taken
  for (const std::string& tube : *all) {
    Result<std::map<std::string, uint64_t>> counts = CountOf(tube);
    if (!counts.ok()) return std::move(counts).status();
    const bool ours = std::find(tubes_.begin(), tubes_.end(), tube) != tubes_.end();
    const uint64_t waiting = (*counts)["ready"] + (*counts)["delayed"], other = waiting + (*counts)["reserved"];
    if (!ours && other > 0)
      work_->Say("tube " + tube + " is none of NotifyAgent's: " + Counted(other, "stay") + " in it (--tube takes what is there)");
    if (!ours) continue;
    if (!work_->options().only_looks() && waiting > 0) TellOfLeft(tube, waiting, (*counts)["paused"]);
    left += other;
    if ((*counts)["buried"] > 0)
      work_->Say("tube " + tube + " is not empty: " + Counted((*counts)["buried"], "stay") + " buried in it: `kick` makes buried jobs ready again");
    if ((*counts)["reserved"] > 0) work_->Say("tube " + tube + " is not empty: somebody else has reserved " + Counted((*counts)["reserved"]));
  }
  // Those that are refused, and could not be buried yet, are counted already.
  if (!work_->options().only_looks()) work_->jobs().stay += left - std::min<uint64_t>(left, aside_.size());
  return Status::Ok();
}

}  // namespace notifyd
