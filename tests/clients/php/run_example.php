<?php

/**
 * Runs an example of clients/php: `receive` under a web server on PORT until it is told to end, with a STATE_DIRECTORY of its own; the others as
 * they are.
 */

namespace Notifyd\Tests;

require __DIR__ . '/harness.php';

if (basename($argv[1]) !== 'receive.php') {
    require $argv[1];
    exit;
}
$ended = false;
pcntl_async_signals(true);
pcntl_signal(SIGTERM, static function () use (&$ended): void {
    $ended = true;
});
$state = temporaryDirectory();
$server = proc_open([PHP_BINARY, '-S', '127.0.0.1:' . getenv('PORT'), $argv[1]], [2 => ['file', "$state/log", 'w']], $pipes, null,
    ['STATE_DIRECTORY' => $state] + getenv());
while (!$ended && proc_get_status($server)['running']) {
    usleep(20000);
}
proc_terminate($server);
proc_close($server);
