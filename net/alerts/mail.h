// Mail: one message to one address, by SMTP. Blocks; any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "base/status.h"
#include "base/time.h"

namespace notifyd {

/// What the settings say of the server that takes mail.
struct MailOptions {
  std::string server;            // "smtp://host:587", or "smtps://host:465"; empty: there is none
  std::string from;              // an address
  std::string user;              // empty: nobody says who he is
  std::string password_file;     // a line
  std::string ca_file;           // PEM; empty: the system's
  std::string tls = "required";  // of smtp://: STARTTLS, or "none"
  bool operator==(const MailOptions&) const = default;
};

/// Could mail be sent with them? Reads the file of the password. Error: kUnacceptable, its field the setting's ("/mail/password_file").
Status CheckMail(const MailOptions& options);
/// Is it an address, local@domain, without blanks, brackets and control characters?
bool IsMailAddress(std::string_view text);

/// RFC 5322, in UTF-8: `text` is sent as base64, lines and all. `id`: what is before the @ of its Message-ID.
std::string MailText(const std::string& from, const std::string& to, const std::string& subject, const std::string& text, const std::string& id,
                     WallTime at);

struct MailOutcome {
  bool taken = false;
  uint16_t status = 0;  // the server's last answer
  std::string error;    // as AttemptRecord's; empty: it was taken
  std::string detail;   // for people
};
/// `message`: as MailText makes it. Gives up about a second after `stop` is true, too.
MailOutcome SendMail(const MailOptions& options, const std::string& to, const std::string& message, int64_t timeout_ms,
                     const std::atomic<bool>& stop);

}  // namespace notifyd
