<?php

/**
 * Puts the five examples' messages with Pheanstalk 4 (Debian's php-pda-pheanstalk): `php put_pheanstalk4.php HOST:PORT URL_A URL_B [EXAMPLE]`.
 * Prints a line for each: the example's number, and the job's id as the server said it. Exits 1 with the exception's class and message where a put
 * fails.
 */

namespace Notifyd\Tests\OldProducer;

use Pheanstalk\Pheanstalk;

require __DIR__ . '/old_producer.php';
require 'Pheanstalk/autoload.php';

[, $server, $a, $b] = $argv;
[$host, $port] = explode(':', $server);
try {
    $queue = Pheanstalk::create($host, (int) $port);
    foreach (examples($a, $b) as $number => $messages) {
        if (isset($argv[4]) && (int) $argv[4] !== $number) {
            continue;
        }
        foreach ($messages as $message) {
            $job = $queue->useTube('notify')->put($message, ...PUT);
            echo $number, ' ', $job->getId(), "\n";
        }
    }
} catch (\Throwable $error) {
    fwrite(STDERR, get_class($error) . ': ' . $error->getMessage() . "\n");
    exit(1);
}
