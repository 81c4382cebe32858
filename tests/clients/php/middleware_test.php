<?php

/** Notifyd\Middleware between requests and a handler, on Debian's php-nyholm-psr7. */

namespace Notifyd\Tests;

use Notifyd\Dedup;
use Notifyd\DirectoryDedup;
use Notifyd\Middleware;
use Notifyd\Remembers;
use Nyholm\Psr7\Factory\Psr17Factory;
use Nyholm\Psr7\Response;
use Nyholm\Psr7\ServerRequest;
use Psr\Http\Message\ResponseInterface;
use Psr\Http\Message\ServerRequestInterface;
use Psr\Http\Server\RequestHandlerInterface;

require __DIR__ . '/harness.php';
require 'Nyholm/Psr7/autoload.php';
require __DIR__ . '/psr15.php';

const KEY = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
$only = $argv[1] ?? '';

/** Answers with the status and the body that it is given, and keeps the bodies that it saw. */
final class Handler implements RequestHandlerInterface
{
    public $bodies = [];
    public $status = 200;
    public $body = '';

    public function handle(ServerRequestInterface $request): ResponseInterface
    {
        $this->bodies[] = $request->getBody()->getContents();
        if ($this->status === 0) {
            throw new \LogicException('the handler broke');
        }
        return new Response($this->status, [], $this->body);
    }
}

/** A call that the broker would make, signed by KEY. */
function request(string $id, string $body, array $headers = []): ServerRequestInterface
{
    $now = time();
    $mac = hash_hmac('sha256', "$id.$now.$body", base64_decode(substr(KEY, 6)), true);
    $headers += ['Notify-Id' => $id, 'webhook-id' => $id, 'webhook-timestamp' => (string) $now, 'webhook-signature' => 'v1,' . base64_encode($mac)];
    return new ServerRequest('POST', 'http://localhost/orders', $headers, $body);
}

function middleware(?Remembers $dedup = null, $keys = KEY, ?callable $done = null, string $scope = ''): Middleware
{
    return new Middleware(new Psr17Factory(), $keys, $dedup, 300, $done, $scope);
}

$cases = [];
foreach (json_decode(file_get_contents(__DIR__ . '/../../../clients/vectors.json'), true, 512, JSON_THROW_ON_ERROR)['receive'] as $vector) {
    foreach (['memory', 'directory'] as $store) {
        $cases["$store: {$vector['name']}"] = static function () use ($vector, $store): void {
            $done = !isset($vector['done_contains']) ? null : static function (int $status, string $body) use ($vector): bool {
                return strpos($body, $vector['done_contains']) !== false;
            };
            $dedup = $store === 'memory' ? new Dedup() : new DirectoryDedup(temporaryDirectory());
            $handler = new Handler();
            $asked = 0;
            foreach ($vector['calls'] as $i => $call) {
                if (isset($call['app'])) {
                    [$handler->status, $handler->body] = [$call['app'][0], str_repeat($call['app'][1], $vector['times'] ?? 1)];
                    ++$asked;
                }
                $answer = middleware($dedup, KEY, $done, $call['scope'] ?? '')->process(request('n1', 'a'), $handler);
                $whole = str_repeat($call['answer'][1], $vector['times'] ?? 1);
                $wanted = [$call['answer'][0], substr($whole, 0, $call['cut_bytes'] ?? strlen($whole))];
                same([$answer->getStatusCode(), (string) $answer->getBody()], $wanted, "call $i");
                same(count($handler->bodies), $asked, "call $i: how often the handler was asked");
            }
        };
    }
}
run($cases + [
    'what is done cannot be told: it comes again' => static function (): void {
        $dedup = new Dedup();
        thrown(\LogicException::class, static function () use ($dedup): void {
            middleware($dedup, KEY, static function (): bool {
                throw new \LogicException('unknown');
            })->process(request('n1', 'a'), new Handler());
        });
        same($dedup->claim('n1'), Remembers::NEW, 'the claim');
    },
    'a body that can be read only once is left as it is' => static function (): void {
        [$middleware, $handler] = [middleware(new Dedup()), new Handler()];
        [$ours, $theirs] = stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, 0);
        fwrite($theirs, 'once');
        fclose($theirs);
        $handler->body = $ours;
        same($middleware->process(request('n1', 'a'), $handler)->getBody()->getContents(), 'once', 'the body');
        same($middleware->process(request('n1', 'a'), $handler)->getStatusCode(), 200, 'the status of the repeat');
    },
    'a signed call goes on, its body whole' => static function (): void {
        $handler = new Handler();
        same(middleware()->process(request('n1', '{"order":17}'), $handler)->getStatusCode(), 200, 'the status');
        same($handler->bodies, ['{"order":17}'], 'the body');
    },
    'what is not signed is answered 401' => static function (): void {
        $handler = new Handler();
        foreach ([['webhook-id' => 'n2'], ['webhook-signature' => 'v1,AAAA'], ['webhook-timestamp' => '1']] as $wrong) {
            same(middleware()->process(request('n1', '{}', $wrong), $handler)->getStatusCode(), 401, shown($wrong));
        }
        $told = (string) middleware()->process(request('n1', '{}', ['webhook-signature' => 'v1,AAAA']), $handler)->getBody();
        same(strpos($told, 'no_match') !== false, true, $told);
        same($handler->bodies, [], 'what the handler saw');
    },
    'a repeat of what was done is answered 200, and not done' => static function (): void {
        [$handler, $middleware] = [new Handler(), middleware(new Dedup())];
        $middleware->process(request('n1', 'a'), $handler);
        same($middleware->process(request('n1', 'a'), $handler)->getStatusCode(), 200, 'the status');
        same($handler->bodies, ['a'], 'what the handler saw');
    },
    'a repeat of what failed is done' => static function (): void {
        [$handler, $middleware] = [new Handler(), middleware(new Dedup())];
        $handler->status = 500;
        same($middleware->process(request('n1', 'a'), $handler)->getStatusCode(), 500, 'the status');
        $handler->status = 0;
        thrown(\LogicException::class, static function () use ($middleware, $handler): void {
            $middleware->process(request('n1', 'a'), $handler);
        });
        $handler->status = 204;
        same($middleware->process(request('n1', 'a'), $handler)->getStatusCode(), 204, 'the status');
        same(count($handler->bodies), 3, 'how often the handler was asked');
    },
    'a repeat of what is being done is answered 503' => static function (): void {
        $dedup = new Dedup();
        $dedup->claim('n1');
        $answer = middleware($dedup)->process(request('n1', 'a'), new Handler());
        same([$answer->getStatusCode(), $answer->getHeaderLine('Retry-After')], [503, '1'], 'the answer');
    },
    'without keys it is told by its Notify-Id' => static function (): void {
        [$handler, $middleware] = [new Handler(), middleware(new Dedup(), null)];
        foreach (['n1', 'n1', '', ''] as $id) {
            $middleware->process(new ServerRequest('POST', '/', $id === '' ? [] : ['Notify-Id' => $id], 'a'), $handler);
        }
        same(count($handler->bodies), 3, 'how often the handler was asked');
    },
]);
