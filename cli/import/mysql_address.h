// MysqlAddress: where a MySQL or MariaDB server is, as whom it is asked, and for which table, read from a URL. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"

namespace notifyd {

struct MysqlAddress {
  /// How its certificate is looked at.
  enum class Tls : uint8_t {
    kOff,       // no TLS
    kRequired,  // TLS, whoever answers
    kVerified,  // the certificate's authority and its name are checked
  };

  std::string host;       // a name or an address, without brackets; always over TCP, "localhost" too
  uint16_t port = 3306;   // of the host
  std::string socket;     // a path: in place of host and port
  std::string user;       // empty: the name of whoever runs it
  std::string password;   // empty: none
  std::string database;   // never empty
  std::string table;      // 1 to 64 of A-Z, a-z, 0-9, "_" and "$"
  std::string time_zone;  // of its times, an IANA name; empty: not said
  Tls tls = Tls::kOff;
  std::string ca_file;              // PEM; empty: the system's
  std::string cert_file, key_file;  // PEM, of the client; empty: none

  /// For people: without the password.
  std::string Text() const;
};

/// Reads "mysql://USER:PASSWORD@HOST:PORT/DATABASE?table=NAME&socket=PATH&ssl-mode=WORD&ssl-ca=FILE&ssl-cert=FILE&ssl-key=FILE&time-zone=NAME", of
/// which the host (or the socket) and the database must be there. What a URL may not contain is percent-encoded. ssl-mode is disabled, required or
/// verify_identity; without it verify_identity where ssl-ca is given, else disabled. Error: kUnacceptable; its detail never holds the password.
Result<MysqlAddress> ParseMysqlAddress(std::string_view url);

}  // namespace notifyd
