// Stop signals: SIGINT and SIGTERM of commands that say how far they came before they end by them.
#pragma once

namespace notifyd {

/// From the first of them on; a second one ends the program. Begins to hear them at the first call; one that is ignored then stays so.
bool StopAsked();
/// Ends the program by that signal, as whoever sent it expects, once all that was printed is out. Only where StopAsked.
void EndByStopSignal();

}  // namespace notifyd
