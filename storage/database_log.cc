#include "storage/database_log.h"

#include <rocksdb/env.h>

#include <cstdarg>
#include <cstdio>

#include "base/log.h"
#include "base/log_limit.h"

namespace notifyd {
namespace {

constexpr int kLinesMost = 20;  // a minute
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
    if (!wanted || !limit_.Admit(&left_out)) return;
    char text[kLineBytes + 1];
    if (std::vsnprintf(text, sizeof text, format, values) < 0) return;
    const LogLevel level = severity == InfoLogLevel::WARN_LEVEL ? LogLevel::kWarn : LogLevel::kError;
    Log(level, "RocksDB reports", {{"detail", text}, {"left_out", left_out}});
  }

 private:
  LogLimit limit_{kLinesMost};
};

}  // namespace

std::shared_ptr<rocksdb::Logger> MakeDatabaseLog() {
  return std::make_shared<DatabaseLog>();
}

}  // namespace notifyd
