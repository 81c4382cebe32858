#include "storage/database_log.h"

#include <rocksdb/env.h>

#include <chrono>
#include <cstdarg>
#include <cstdio>
#include <mutex>
#include <utility>

#include "base/log.h"

namespace notifyd {
namespace {

constexpr int kLinesMost = 20;
constexpr std::chrono::minutes kCountingSpan{1};
constexpr size_t kLineBytes = 1000;

class DatabaseLog : public rocksdb::Logger {
 public:
  DatabaseLog() : rocksdb::Logger(rocksdb::InfoLogLevel::WARN_LEVEL) {}

  void Logv(const char*, va_list) override {}  // without a level: what every database says about itself
  void Logv(const rocksdb::InfoLogLevel severity, const char* format, va_list values) override {
    using rocksdb::InfoLogLevel;
    // HEADER_LEVEL stands above all others.
    bool wanted = severity == InfoLogLevel::WARN_LEVEL || severity == InfoLogLevel::ERROR_LEVEL || severity == InfoLogLevel::FATAL_LEVEL;
    uint64_t left_out = 0;
    if (!wanted || !Admit(&left_out)) return;
    char text[kLineBytes + 1];
    if (std::vsnprintf(text, sizeof text, format, values) < 0) return;
    const LogLevel level = severity == InfoLogLevel::WARN_LEVEL ? LogLevel::kWarn : LogLevel::kError;
    Log(level, "RocksDB reports", {{"detail", text}, {"left_out", left_out}});
  }

 private:
  /// Is there room for one more line? `left_out`: how many had none since the last one that had.
  bool Admit(uint64_t* left_out) {
    auto now = std::chrono::steady_clock::now();
    std::lock_guard lock(mutex_);
    if (lines_ == 0 || now - began_ >= kCountingSpan) {
      began_ = now;
      lines_ = 0;
    }
    if (lines_ == kLinesMost) {
      ++left_out_;
      return false;
    }
    ++lines_;
    *left_out = std::exchange(left_out_, 0);
    return true;
  }

  std::mutex mutex_;
  std::chrono::steady_clock::time_point began_;
  int lines_ = 0;  // since began_
  uint64_t left_out_ = 0;
};

}  // namespace

std::shared_ptr<rocksdb::Logger> MakeDatabaseLog() {
  return std::make_shared<DatabaseLog>();
}

}  // namespace notifyd
