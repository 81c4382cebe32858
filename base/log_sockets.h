// Sinks that hand each event to a daemon of this machine, as a datagram on its socket: the journal, with fields of their own, and syslog.
//
// A queue and a thread of their own send (base/batch_queue.h): a daemon that is slow, or is being started again, holds nobody up and costs no line
// until 4 MiB wait.
#pragma once

#include <memory>
#include <string>

#include "base/log_sink.h"

namespace notifyd {

inline constexpr const char* kJournalSocket = "/run/systemd/journal/socket";

/// The journal's native protocol: MESSAGE, PRIORITY, SYSLOG_IDENTIFIER, NOTIFYD_EVENT, and each field of the event as NOTIFYD_NAME. Error: kIo, where
/// there is no such socket.
Result<std::unique_ptr<LogSink>> OpenJournalSink(const std::string& socket);

/// As syslog(3) sends it, with facility daemon, which every local daemon reads. Error: as above.
Result<std::unique_ptr<LogSink>> OpenSyslogSink(const std::string& socket);

/// Is the descriptor connected to the journal? By the variable JOURNAL_STREAM, which systemd sets for services. Who logs there, too, would say
/// everything twice.
bool IsJournalStream(int fd);

}  // namespace notifyd
