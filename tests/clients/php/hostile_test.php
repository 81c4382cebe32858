<?php

/** What is no common case (clients/cases.md): what a header cannot hold, what must not be shown, answers that are wrong behind good lines. */

namespace Notifyd\Tests;

use Notifyd\BadAnswer;
use Notifyd\Client;

require __DIR__ . '/harness.php';

foreach (['NOTIFYD_URL', 'NOTIFYD_TOKEN', 'NOTIFYD_NAMESPACE'] as $variable) {
    putenv($variable);
}

/** Makes a call of a client whose server, a process, answers one request so. */
function answered(string $answer, callable $call)
{
    $listener = stream_socket_server('tcp://127.0.0.1:0');
    $port = explode(':', stream_socket_get_name($listener, false))[1];
    fclose($listener);
    $code = '$l = stream_socket_server("tcp://127.0.0.1:" . $argv[1]); echo "there\n"; $c = stream_socket_accept($l, 60);'
        . ' while (trim(fgets($c)) !== "") {} fwrite($c, base64_decode($argv[2])); stream_socket_shutdown($c, STREAM_SHUT_WR);'
        . ' while (fread($c, 8192) !== "" && !feof($c)) {}';
    $server = new Process([PHP_BINARY, '-r', $code, '--', $port, base64_encode($answer)]);
    same(fgets($server->stdout), "there\n", 'the server');
    try {
        return $call(new Client(['url' => "http://127.0.0.1:$port", 'attempts' => 1]));
    } finally {
        $server->end();
    }
}

$cases = [];
$cases['what a header cannot hold is refused and not told'] = static function (): void {
    foreach (['token', 'user_agent'] as $option) {
        foreach (["secret\r\nX-Other: 1", "secret\n", "s\u{e9}cret"] as $value) {
            $error = thrown(\InvalidArgumentException::class, static function () use ($option, $value): void {
                new Client([$option => $value]);
            });
            check(strpos($error->getMessage(), 'cret') === false, $error->getMessage());
        }
    }
};
$cases['a password in the URL is refused and not told'] = static function (): void {
    foreach (['http://user:secret@127.0.0.1:1', 'ftp://user:secret@x'] as $url) {
        $error = thrown(\InvalidArgumentException::class, static function () use ($url): void {
            new Client(['url' => $url]);
        });
        check(strpos($error->getMessage(), 'secret') === false, $error->getMessage());
    }
};
$cases['what shows a client shows no token'] = static function (): void {
    $client = new Client(['token' => 'secret']);
    ob_start();
    var_dump($client);
    print_r($client);
    $shown = (string) ob_get_clean();
    check(strpos($shown, 'secret') === false, $shown);
    check(strpos($shown, '127.0.0.1:7300') !== false, $shown);
};
$cases['a text that is not UTF-8 is a wrong argument, wherever it stands'] = static function (): void {
    $client = new Client(['url' => 'http://127.0.0.1:1', 'attempts' => 1]);
    $bad = "a\xffb";
    foreach ([['idempotency_key' => $bad], ['body' => $bad], ['headers' => ['X' => $bad]], ['labels' => [$bad => 'x']],
        ['data' => [['x' => $bad]]]] as $fields) {
        $notify = ['url' => 'http://a'] + $fields;
        thrown(\InvalidArgumentException::class, static function () use ($client, $notify): void {
            $client->submit($notify);
        });
        thrown(\InvalidArgumentException::class, static function () use ($client, $notify): void {
            $client->submitStream([$notify])->current();
        });
    }
    foreach (['trigger' => [$bad], 'list' => [['caller' => $bad]], 'request' => ['GET', '/v1/stats', [$bad => 'x']]] as $call => $arguments) {
        thrown(\InvalidArgumentException::class, static function () use ($client, $call, $arguments): void {
            $made = $client->$call(...$arguments);
            $made instanceof \Generator && $made->current();
        });
    }
};
$cases['lines before a wrong one are given'] = static function (): void {
    $body = "{\"index\":0,\"id\":\"n1\"}\noh\n";
    answered("HTTP/1.1 200 OK\r\nContent-Length: " . strlen($body) . "\r\n\r\n$body", static function (Client $client): void {
        $lines = $client->submitStream([['url' => 'http://a'], ['url' => 'http://b']]);
        same($lines->current(), ['index' => 0, 'id' => 'n1'], 'the first line');
        thrown(BadAnswer::class, [$lines, 'next']);
    });
};
$cases['what a source gave before it failed is sent'] = static function (): void {
    $lasts = [
        static function (): array {
            throw new \RuntimeException('the source failed');
        },
        static function (): array {
            return ['url' => 'http://c', 'data' => NAN];
        },
    ];
    foreach ($lasts as $last) {
        $source = (static function () use ($last): \Generator {
            yield ['url' => 'http://a'];
            yield ['url' => 'http://b'];
            yield $last();
        })();
        $text = "{\"index\":0,\"id\":\"n1\"}\n{\"index\":1,\"id\":\"n2\"}\n";
        $seen = [];
        answered("HTTP/1.1 200 OK\r\nContent-Length: " . strlen($text) . "\r\n\r\n$text", static function (Client $client) use ($source, &$seen): void {
            thrown(\Exception::class, static function () use ($client, $source, &$seen): void {
                foreach ($client->submitStream($source) as $line) {
                    $seen[] = $line['id'];
                }
            });
        });
        same($seen, ['n1', 'n2'], 'what was sent');
    }
};
$cases['an empty object stays one, and an empty list a list'] = static function (): void {
    $body = '{"id":"n1","headers":{},"labels":{},"data":{"o":{},"l":[],"deep":[{"labels":{}}]},"expect":{"json":{ }}}';
    $answer = "HTTP/1.1 200 OK\r\nContent-Length: " . strlen($body) . "\r\n\r\n$body";
    $seen = answered($answer, static function (Client $client): array {
        return $client->get('n1');
    });
    same([$seen['headers'], $seen['labels'], $seen['data']['l']], [[], [], []], 'what is an array');
    same(json_encode($seen['data']), '{"o":{},"l":[],"deep":[{"labels":{}}]}', 'data');
    same(\Notifyd\Json::encode($seen, 0), str_replace('{ }', '{}', $body), 'all of it');
    same(\Notifyd\Json::encode(['notifies' => [['labels' => [], 'retry' => [], 'data' => ['labels' => []]]]], 0),
        '{"notifies":[{"labels":{},"retry":{},"data":{"labels":[]}}]}', 'what is given');
    // A name that no object of PHP has.
    same(\Notifyd\Json::object('{"data":{"\u0000a":{}}}'), ['data' => ["\0a" => []]], 'NUL');
};
$cases['dedup: a directory whose name is a pattern is swept'] = static function (): void {
    $directory = temporaryDirectory() . '/[a]*';
    $now = 1000;
    $dedup = new \Notifyd\DirectoryDedup($directory, 100, 100, static function () use (&$now): int {
        return $now;
    });
    $dedup->claim('old');
    $now = 5000;
    until(static function () use ($dedup, $directory): bool {
        for ($i = 0; $i < 2000; ++$i) {
            $dedup->claim('another');
        }
        $files = 0;
        foreach (preg_grep('/^[0-9a-f]{2}$/', scandir($directory)) as $each) {
            $files += count(preg_grep('/\.id$/', scandir("$directory/$each")));
        }
        return $files === 1;
    }, 'the sweep');
};
$cases['verify: thousands of signatures cost no more than one'] = static function (): void {
    $headers = ['webhook-id' => 'n1', 'webhook-timestamp' => '1', 'webhook-signature' => 'v1,x'];
    $key = 'whsec_' . base64_encode('key');
    $seconds = static function (array $headers) use ($key): float {
        $begin = microtime(true);
        thrown(\Notifyd\NotVerified::class, static function () use ($headers, $key): void {
            \Notifyd\Webhook::verify($headers, str_repeat('x', 1 << 20), [$key], 300, 1);
        });
        return microtime(true) - $begin;
    };
    $one = $seconds($headers);
    $many = $seconds(['webhook-signature' => str_repeat('v1,x ', 2000)] + $headers);
    check($many < 200 * $one, "$many s, where one costs $one s");
};
run($cases);
