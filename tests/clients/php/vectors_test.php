<?php

/** The vectors of receivers (clients/vectors.json), and what PHP's receivers have beside them. */

namespace Notifyd\Tests;

use Notifyd\Dedup;
use Notifyd\DirectoryDedup;
use Notifyd\NotVerified;
use Notifyd\Remembers;
use Notifyd\Webhook;

require __DIR__ . '/harness.php';

$only = $argv[1] ?? '';
$vectors = json_decode(file_get_contents(__DIR__ . '/../../../clients/vectors.json'), true, 512, JSON_THROW_ON_ERROR);
$cases = [];
foreach ($vectors['verify'] as $vector) {
    $cases['verify: ' . $vector['name']] = static function () use ($vector): void {
        $body = $vector['body'] ?? base64_decode($vector['body_base64']);
        try {
            $seen = Webhook::verify($vector['headers'], $body, $vector['keys'], $vector['tolerance_s'] ?? Webhook::TOLERANCE_S, $vector['now_s']);
            same($seen, $vector['result'] ?? null, 'the result');
        } catch (NotVerified $error) {
            same($error->getReason(), $vector['error'] ?? null, 'the reason');
        } catch (\InvalidArgumentException $error) {
            same('bad_key', $vector['error'] ?? null, 'the reason');
        }
    };
}

/** Steps over a memory with a clock that they set. */
function remembered(callable $make, array $steps): void
{
    $now = 0;
    $dedup = $make(static function () use (&$now): int {
        return $now;
    });
    foreach ($steps as $i => $step) {
        $now = $step['at_ms'];
        $answer = isset($step['answer']) ? [$step['answer']] : [];
        same($dedup->{$step['do']}($step['id'], ...$answer), $step['result'] ?? null, "step $i");
    }
}

foreach ($vectors['dedup'] as $vector) {
    $cases['dedup: ' . $vector['name']] = static function () use ($vector): void {
        remembered(static function (callable $clock) use ($vector): Remembers {
            return new Dedup($vector['capacity'], $vector['ttl_ms'], $clock, $vector['answer_bytes'] ?? 16 << 20);
        }, $vector['steps']);
    };
    // A directory has room for all.
    if ($vector['capacity'] >= 10 && !isset($vector['answer_bytes'])) {
        $cases['directory: ' . $vector['name']] = static function () use ($vector): void {
            remembered(static function (callable $clock) use ($vector): Remembers {
                return new DirectoryDedup(temporaryDirectory(), $vector['ttl_ms'], $vector['ttl_ms'], $clock);
            }, $vector['steps']);
        };
    }
}

$cases['directory: of several processes one does the work'] = static function (): void {
    $directory = temporaryDirectory();
    $children = [];
    foreach (range(1, 8) as $ignored) {
        $pipes = stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, 0);
        $pid = pcntl_fork();
        if ($pid === 0) {
            $dedup = new DirectoryDedup($directory);
            $new = count(array_filter(range(1, 50), static function (int $id) use ($dedup): bool {
                return $dedup->claim((string) $id) === Remembers::NEW;
            }));
            fwrite($pipes[1], "$new\n");
            posix_kill(getmypid(), SIGKILL);  // nothing that the test registered for its end
        }
        fclose($pipes[1]);
        $children[$pid] = $pipes[0];
    }
    $all = 0;
    foreach ($children as $pid => $pipe) {
        $all += (int) fgets($pipe);
        pcntl_waitpid($pid, $status);
    }
    same($all, 50, 'claims that were new');
};
$cases['directory: what a dead process claimed is given up long before what was done is forgotten'] = static function (): void {
    remembered(static function (callable $clock): Remembers {
        return new DirectoryDedup(temporaryDirectory(), 1000, 100, $clock);
    }, [
        ['at_ms' => 0, 'do' => 'claim', 'id' => 'a', 'result' => Remembers::NEW],
        ['at_ms' => 99, 'do' => 'claim', 'id' => 'a', 'result' => Remembers::BUSY],
        ['at_ms' => 100, 'do' => 'claim', 'id' => 'a', 'result' => Remembers::NEW],
        ['at_ms' => 101, 'do' => 'finish', 'id' => 'a'],
        ['at_ms' => 1100, 'do' => 'claim', 'id' => 'a', 'result' => Remembers::DONE],
        ['at_ms' => 1101, 'do' => 'claim', 'id' => 'a', 'result' => Remembers::NEW],
    ]);
};
$cases['directory: what is forgotten is swept away'] = static function (): void {
    $directory = temporaryDirectory();
    $now = 0;
    $dedup = new DirectoryDedup($directory, 1000, 1000, static function () use (&$now): int {
        return $now;
    });
    foreach (range(1, 200) as $id) {
        $dedup->claim("old-$id");
    }
    $now = 5000;
    // It sweeps one of 256 sub-directories once in some 20 changes, at random: that so many leave one out does not happen.
    $left = static function () use ($directory): int {
        return count(glob("$directory/*/*.id"));
    };
    for ($i = 0; $i < 200000 && ($i % 1000 !== 0 || $left() > 1); ++$i) {
        $dedup->claim('another');
    }
    same($left(), 1, 'files');
};
$cases['directory: a sweep reads nothing of what is remembered for longer'] = static function (): void {
    $directory = temporaryDirectory();
    $now = 1000;
    $dedup = new DirectoryDedup($directory, 1000000, 1000, static function () use (&$now): int {
        return $now;
    });
    $dedup->claim('forgotten');
    $dedup->finish('kept');
    $file = static function (string $id) use ($directory): string {
        [$found] = glob("$directory/*/" . hash('sha256', $id) . '.id') ?: glob("$directory/" . hash('sha256', $id) . '.id');
        return $found;
    };
    [$kept, $forgotten] = [$file('kept'), $file('forgotten')];
    // Whoever read it now would take it for forgotten.
    $time = filemtime($kept);
    file_put_contents($kept, 'busy 0 ');
    touch($kept, $time);
    $now = 5000;
    for ($i = 0; $i < 200000 && file_exists($forgotten); ++$i) {
        $dedup->claim('another');
    }
    same(file_exists($forgotten), false, 'is what was forgotten there?');
    for ($i = 0; $i < 30000; ++$i) {
        $dedup->claim('another');
    }
    clearstatcache();
    same(file_exists($kept), true, 'is what was not read there?');
};
$cases['directory: whoever is at work for one id holds up no other one, nor a sweep'] = static function (): void {
    $directory = temporaryDirectory();
    $dedup = new DirectoryDedup($directory);
    $dedup->claim('one');
    [$lock] = glob("$directory/*/lock") ?: ["$directory/lock"];
    $held = fopen($lock, 'c');
    same(flock($held, LOCK_EX), true, 'the lock of one');
    $pid = pcntl_fork();
    if ($pid === 0) {
        for ($i = 0; $i < 20000; ++$i) {
            $dedup->claim('another');
        }
        posix_kill(getmypid(), SIGKILL);  // nothing that the test registered for its end
    }
    try {
        until(static function () use ($pid, &$status): bool {
            return pcntl_waitpid($pid, $status, WNOHANG) === $pid;
        }, 'the claims of another id');
    } finally {
        fclose($held);
    }
};
$cases['directory: what lies there from before there were sub-directories is remembered'] = static function (): void {
    $directory = temporaryDirectory();
    file_put_contents("$directory/" . hash('sha256', 'a') . '.id', 'done ' . (int) (microtime(true) * 1000) . ' the answer');
    $dedup = new DirectoryDedup($directory);
    same($dedup->claim('a'), Remembers::DONE, 'the claim');
    same($dedup->answer('a'), 'the answer', 'the answer');
};
$cases['directory: what lies there from before there were sub-directories is swept away once it is forgotten'] = static function (): void {
    $directory = temporaryDirectory();
    $now = (int) (microtime(true) * 1000);
    $put = static function (string $id, int $since) use ($directory): string {
        $file = "$directory/" . hash('sha256', $id) . '.id';
        file_put_contents($file, "done $since the answer");
        touch($file, intdiv($since, 1000));
        return $file;
    };
    // More than a sweep looks at.
    for ($i = 0; $i < 1500; ++$i) {
        $put("old-$i", $now - 100000);
    }
    $kept = $put('kept', $now);
    $dedup = new DirectoryDedup($directory, 100000, 1000, static function () use ($now): int {
        return $now;
    });
    $left = static function () use ($directory): int {
        return count(glob("$directory/*.id"));
    };
    // One in some 5,000 changes looks at them.
    for ($i = 0; $i < 200000 && ($i % 1000 !== 0 || $left() > 1); ++$i) {
        $dedup->claim('another');
    }
    same($left(), 1, 'files');
    same(file_exists($kept), true, 'is what is not forgotten there?');
    same($dedup->claim('kept'), Remembers::DONE, 'the claim of what is not forgotten');
    same($dedup->answer('kept'), 'the answer', 'its answer');
};
$cases['dedup: ids that look like numbers'] = static function (): void {
    $dedup = new Dedup();
    same($dedup->claim('17'), Remembers::NEW, 'first');
    same($dedup->claim('017'), Remembers::NEW, 'another');
    same($dedup->claim('17'), Remembers::BUSY, 'again');
};
$cases['verify: headers as PSR-7 has them, a key alone'] = static function () use ($vectors): void {
    $vector = $vectors['verify'][0];
    $headers = array_map(static function (string $value): array {
        return [$value];
    }, $vector['headers']);
    same(Webhook::verify($headers, $vector['body'], $vector['keys'][0], 300, $vector['now_s']), $vector['result'], 'the result');
};
run($cases);
