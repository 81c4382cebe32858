#include "net/tls/tls_files.h"

#include <utility>

#include "base/files.h"

namespace notifyd {
namespace {

constexpr size_t kMostFileBytes = 1 << 20;

Status ReadInto(const std::string& path, std::string* out) {
  if (path.empty()) return Status::Ok();
  Result<std::string> text = ReadFile(path, kMostFileBytes);
  if (!text.ok()) return Status(Code::kUnacceptable, path + " " + text.status().detail());
  *out = std::move(*text);
  return Status::Ok();
}

}  // namespace

Result<std::shared_ptr<const TlsContext>> TlsFiles::Read(std::optional<Fingerprint>* print) const {
  TlsContext::ServerOptions options;
  if (Status status = ReadInto(paths_.certificate, &options.certificate); !status.ok()) return status;
  if (Status status = ReadInto(paths_.key, &options.key); !status.ok()) return status;
  if (Status status = ReadInto(paths_.client_ca, &options.client_ca); !status.ok()) return status;
  if (!paths_.client_ca.empty() && options.client_ca.empty()) return Status(Code::kUnacceptable, paths_.client_ca + " is empty");
  std::string all;
  Encoder encoder(&all);
  for (const std::string* each : {&options.certificate, &options.key, &options.client_ca}) encoder.Text(*each);
  *print = FingerprintOf(all);
  if (*print == print_) return std::shared_ptr<const TlsContext>();
  Result<std::shared_ptr<const TlsContext>> made =
      side_ == Side::kServer ? TlsContext::ForServer(options) : TlsContext::ForClient({options.client_ca, options.certificate, options.key});
  if (made.ok() && !paths_.shown_at.empty()) {
    const Status shown = TlsContext::CheckShown(options.certificate, options.client_ca, paths_.shown_at);
    if (!shown.ok()) return Status(Code::kUnacceptable, paths_.certificate + " " + shown.detail());
  }
  if (made.ok()) return made;
  const std::string& field = made.status().field();
  const std::string& path = field == "/key" ? paths_.key : field == "/ca" ? paths_.client_ca : paths_.certificate;
  return Status(Code::kUnacceptable, path + ": " + made.status().detail());
}

Result<bool> TlsFiles::Load() {
  std::optional<Fingerprint> print;
  Result<std::shared_ptr<const TlsContext>> read = Read(&print);
  const bool same = print && print == print_;
  if (print) print_ = print;
  if (!read.ok()) {
    if (std::exchange(told_, read.status().detail()) == read.status().detail()) return false;
    return std::move(read).status();
  }
  told_.clear();
  if (same) return false;
  std::lock_guard lock(mutex_);
  context_ = std::move(*read);
  return true;
}

std::shared_ptr<const TlsContext> TlsFiles::context() const {
  std::lock_guard lock(mutex_);
  return context_;
}

}  // namespace notifyd
