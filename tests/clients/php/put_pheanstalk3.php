<?php

/**
 * Puts the five examples' messages as Pheanstalk 3.2.1 does, byte for byte and write for write, over a socket with its time limit of a second for
 * a read: `php put_pheanstalk3.php HOST:PORT URL_A URL_B [EXAMPLE]`. Prints a line for each: the example's number, and the answer to the put.
 * Exits 1 at any other answer than INSERTED. With `--strings` behind it, rows are put as PHP before 8.1 reads them from MySQL.
 */

namespace Notifyd\Tests\OldProducer;

require __DIR__ . '/old_producer.php';

/** Writes `$bytes` at once, and gives the line of the answer without its CRLF. */
function exchange($socket, string $bytes): string
{
    if (fwrite($socket, $bytes) !== strlen($bytes)) {
        fwrite(STDERR, "the server did not take all of the command\n");
        exit(1);
    }
    $line = '';
    for ($tries = 0; $tries < 60 && substr($line, -2) !== "\r\n"; ++$tries) {
        $part = fgets($socket, 8192);
        if ($part === false && feof($socket)) {
            fwrite(STDERR, "the server closed the connection\n");
            exit(1);
        }
        $line .= (string) $part;
    }
    return rtrim($line, "\r\n");
}

$strings = in_array('--strings', $argv, true);
[$server, $a, $b, $only] = array_pad(array_values(array_diff(array_slice($argv, 1), ['--strings'])), 4, null);
[$host, $port] = explode(':', $server);
$socket = fsockopen($host, (int) $port, $code, $why, 10);
if (!$socket) {
    fwrite(STDERR, "$why\n");
    exit(1);
}
stream_set_timeout($socket, 1);
$used = 'default';
foreach (examples($a, $b, '2026-11-27 12:01:00', $strings) as $number => $messages) {
    if ($only !== null && (int) $only !== $number) {
        continue;
    }
    foreach ($messages as $message) {
        [$use, $put] = wire('notify', $message);
        if ($used !== 'notify' && exchange($socket, $use) !== 'USING notify') {
            fwrite(STDERR, "the tube was refused\n");
            exit(1);
        }
        $used = 'notify';
        $answer = exchange($socket, $put);
        echo $number, ' ', $answer, "\n";
        if (!preg_match('/^INSERTED \d+$/', $answer)) {
            exit(1);
        }
    }
}
