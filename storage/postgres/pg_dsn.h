// Where a store in PostgreSQL is, as libpq reads it: what cannot be used is told before anything is connected to. No look at the disk or the network.
//
// I1 nothing that is said here shows what may be a part of a password.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"
#include "storage/options.h"

namespace notifyd {

/// By its beginning, as libpq has it; else it is written in keywords.
bool IsPgUri(std::string_view dsn);
/// Error: kUnacceptable: libpq cannot read it, in its own words where those say nothing of a password.
Status CheckPgDsn(const std::string& dsn);
/// That of the store and those of its cells. Error: kUnacceptable, with the setting's name and field.
Status CheckPgPlaces(const PostgresOptions& options);
/// One line of what libpq says of a connection, without what a DSN that is written wrongly has it take for something else than a password.
std::string PgWords(std::string_view message);

}  // namespace notifyd
