#include "bench/sync_probe.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <string.h>
#include <unistd.h>

namespace notifyd::bench {

Status SyncProbe::Open(const std::string& dir) {
  path_ = dir + "/sync-probe";
  fd_ = Fd(open(path_.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (fd_.get() < 0) return Failed();
  const std::string zeros(kThere, 0);
  if (pwrite(fd_.get(), zeros.data(), zeros.size(), 0) != static_cast<ssize_t>(zeros.size()) || fsync(fd_.get()) != 0) return Failed();
  end_ = kThere;
  return Status::Ok();
}

Status SyncProbe::Over(Distribution* took) {
  over_ = (over_ + kBlock) % kThere;
  return At(over_, took);
}

Status SyncProbe::Behind(Distribution* took) {
  Status synced = At(end_, took);
  end_ += kBlock;
  return synced;
}

Status SyncProbe::At(int64_t offset, Distribution* took) {
  static const std::string block(kBlock, 'x');
  const int64_t begin_ns = MonoNanos();
  if (pwrite(fd_.get(), block.data(), block.size(), offset) != kBlock || fdatasync(fd_.get()) != 0) return Failed();
  took->Add((MonoNanos() - begin_ns) / 1000);
  return Status::Ok();
}

Status SyncProbe::Failed() const {
  return Status(Code::kIo, fmt::format("{}: {}", path_, strerror(errno)));
}

}  // namespace notifyd::bench
