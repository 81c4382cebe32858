<?php

/**
 * NotifyAgent's classes on notifyd: what they take and refuse, and what each option is on the wire. The requests are judged by scripted_server.py,
 * as those of the common cases.
 */

namespace Notifyd\Tests;

use Notifyd\Exception;
use Notifyd\LegacyNotify;
use Walle\Modules\Notify\NotifyAgent;
use Walle\Modules\Notify\NotifyMessage;

require __DIR__ . '/harness.php';

$only = $argv[1] ?? '';
date_default_timezone_set('Europe/Berlin');
foreach (['NOTIFYD_URL', 'NOTIFYD_TOKEN', 'NOTIFYD_NAMESPACE'] as $variable) {
    putenv($variable);
}

const URL = 'http://a.demo.test/hook';
const FORM = NotifyMessage::CONTENT_TYPE_FORM;
const ID = 'n000000000000001f';
const ANY = ['status' => ['1xx', '2xx', '3xx', '4xx', '5xx']];
const WAITS = [18000, 36000, 72000, 144000, 288000, 576000, 1152000, 2304000, 4608000];

function queueName(string $of): string
{
    return 'Q_' . strtoupper(md5($of));
}

/** What a message is by default, some of it otherwise; null takes a field out. */
function notify(array $otherwise = []): array
{
    return array_filter($otherwise + [
        'url' => URL,
        'method' => 'POST',
        'content_type' => 'application/json',
        'body' => '[]',
        'lane' => queueName(URL),
        'mode' => 'fifo',
        'caller' => 'unknown',
        'follow_redirects' => true,
        'timeout_ms' => 3600000,
        'expect' => ANY + ['contains' => 'success'],
        'retry' => ['max_attempts' => 1],
        'idempotency_key' => '$key:a',
    ], static function ($value): bool {
        return $value !== null;
    });
}

function exchange(string $method, string $path, array $response, ?array $body = null): array
{
    return ['request' => ['method' => $method, 'path' => $path] + ($body === null ? [] : ['json' => $body]), 'response' => $response];
}

function submitted(array $otherwise = []): array
{
    return exchange('POST', '/v1/notifies', ['status' => 201, 'json' => ['id' => ID, 'state' => 'ready']], notify($otherwise));
}

function problem(int $status, string $detail, array $more = []): array
{
    return ['problem' => ['type' => 'urn:notifyd:problem:x', 'title' => 'X', 'status' => $status, 'detail' => $detail] + $more];
}

function message(): NotifyMessage
{
    return NotifyMessage::create(URL);
}

function added(NotifyMessage $message): void
{
    same(NotifyAgent::getInstance()->addNotify($message), '31', 'the id in decimal');
}

/** Cases: name => [what is called, the exchanges that it makes]. Here what is sent at once. */
function casesAtOnce(): array
{
    return [
        'add: defaults' => [function () {
            added(message());
        }, [submitted()]],
        'add: JSON goes out as json_encode writes it' => [function () {
            added(message()->setData(['id' => 1, 'path' => 'a/b', 'name' => 'Zoë', 'list' => [], 'half' => 0.5, 'one' => 1.0]));
        }, [submitted(['body' => '{"id":1,"path":"a\/b","name":"Zo\u00eb","list":[],"half":0.5,"one":1}'])]],
        'add: a form' => [function () {
            added(message()->setData(['id' => 2, 'a' => ['b' => 'c d'], 'off' => false, 'no' => null])->setContentType(FORM));
        }, [submitted(['content_type' => FORM, 'body' => 'id=2&a%5Bb%5D=c+d&off=0'])]],
        'add: a form in another encoding' => [function () {
            added(message()->setData(['name' => "Zo\xEB"])->setContentType(FORM));
        }, [submitted(['content_type' => FORM, 'body' => 'name=Zo%EB'])]],
        'add: a query string' => [function () {
            added(message()->setData(['id' => 3, 'name' => 'zq 3'])->setMethod('GET')->setContentType(FORM));
        }, [submitted(['url' => URL . '?id=3&name=zq+3', 'method' => 'GET', 'content_type' => null, 'body' => null])]],
        'add: any other method is a GET, behind what the URL has' => [function () {
            added(NotifyMessage::create(URL . '?a=1#part')->setData(['id' => 3])->setMethod('put'));
        }, [submitted(['url' => URL . '?a=1&%7B%22id%22:3%7D#part', 'method' => 'GET', 'content_type' => null, 'body' => null,
            'lane' => queueName(URL . '?a=1#part')])]],
        'add: a name, a group, a queue, a caller' => [function () {
            added(message()->setCaller(7)->setGroup(1)->setMethod('post'));
            added(message()->setCaller('shop')->setGroup(1)->setQueueName('mine'));
        }, [submitted(['caller' => '7', 'lane' => queueName(URL . '_1')]),
            submitted(['caller' => 'shop', 'lane' => 'mine', 'idempotency_key' => '$key:b'])]],
        'add: a caller that is too long is a label' => [function () {
            added(message()->setCaller(str_repeat('c', 101)));
        }, [submitted(['caller' => null, 'labels' => ['caller' => str_repeat('c', 101)]])]],
        'add: what a URL may not hold is percent-encoded, but for the host' => [function () {
            $url = "http://a.demo.test/\u{4E2D} a\\b?q=\u{4E2D}";
            added(NotifyMessage::create($url));
        }, [submitted(['url' => 'http://a.demo.test/%E4%B8%AD%20a%5Cb?q=%E4%B8%AD', 'lane' => queueName("http://a.demo.test/\u{4E2D} a\\b?q=\u{4E2D}")])]],
        'add: runOnce no' => [function () {
            added(message()->setRunOnce(NotifyMessage::RUN_ONCE_NO));
        }, [submitted(['retry' => ['max_attempts' => 10, 'schedule_ms' => WAITS, 'jitter' => 0]])]],
        'add: needResponse no, as a string too' => [function () {
            $message = message()->setNeedResponse('2')->setRunOnce(NotifyMessage::RUN_ONCE_NO);
            added($message);
            same($message->getRunOnce(), NotifyMessage::RUN_ONCE_YES, 'it is sent once');
        }, [submitted(['reply' => 'none', 'timeout_ms' => 1000, 'expect' => null, 'retry' => null])]],
        'add: expectResponse' => [function () {
            added(message()->setExpectResponse('Ok'));
            added(message()->setExpectResponse(''));
        }, [submitted(['expect' => ANY + ['contains' => 'Ok']]), submitted(['expect' => ANY, 'idempotency_key' => '$key:b'])]],
        'add: an fKey holds nothing that is sent at once' => [function () {
            added(message()->setFKey('f1'));
        }, [submitted(['labels' => ['fKey' => 'f1']])]],
        'add: a label that is too long is left out' => [function () {
            added(message()->setFKey(str_repeat('f', 257)));
        }, [submitted()]],
        'add: a time that has passed is now, and so is one that is none' => [function () {
            added(message()->setSendTime('2001-01-01 00:00:00'));
            added(message()->setSendTime('soon'));
        }, [submitted(['labels' => ['timeDelayedSend' => '2001-01-01 00:00:00']]),
            submitted(['labels' => ['timeDelayedSend' => 'soon'], 'idempotency_key' => '$key:b'])]],
    ];
}

/** What waits for its time or its fKey. */
function casesOfLater(): array
{
    $later = date('Y-m-d H:i:s', time() + 3600);
    $due = date(DATE_RFC3339, strtotime($later));
    $data = ['id' => 1, 'path' => 'a/b', 'name' => 'Zoë'];
    $held = ['fkey' => 'f1', 'body' => null, 'data' => $data];
    return [
        'add: a time' => [function () use ($later) {
            $message = message()->setSendTime($later);
            added($message);
            same($message->getSendImmediate(), false, 'it is not sent at once');
        }, [submitted(['due_at' => $due])]],
        'add: not at once, with a time that has passed' => [function () {
            added(message()->setSendImmediate(false)->setSendTime('2001-01-01 00:00:00'));
        }, [submitted(['due_at' => '2001-01-01T00:00:00+01:00'])]],
        'add: held' => [function () use ($data) {
            added(message()->setData($data)->setSendImmediate(false)->setFKey('f1'));
        }, [submitted($held)]],
        'add: held, with a time' => [function () use ($later, $data) {
            added(message()->setData($data)->setSendTime($later)->setFKey('f1'));
        }, [submitted($held + ['due_at' => $due])]],
        'add: held, a form' => [function () {
            added(message()->setData(['a.b' => true, 'c' => null])->setSendImmediate(false)->setFKey('f1')->setContentType(FORM));
        }, [submitted(['fkey' => 'f1', 'body' => null, 'content_type' => FORM, 'data' => ['a.b' => true, 'c' => null]])]],
        'add: held, a form in another encoding' => [function () {
            added(message()->setData(['name' => "Zo\xEB"])->setSendImmediate(false)->setFKey('f1')->setContentType(FORM));
        }, [submitted(['fkey' => 'f1', 'content_type' => FORM, 'body' => 'name=Zo%EB'])]],
        'add: held, a query string' => [function () {
            added(message()->setData(['id' => 3])->setMethod('GET')->setSendImmediate(false)->setFKey('f1'));
        }, [submitted(['fkey' => 'f1', 'body' => null, 'method' => 'GET', 'content_type' => null, 'data' => ['id' => 3]])]],
        'add: held, nothing and a list' => [function () {
            added(message()->setSendImmediate(false)->setFKey('f1'));
            added(message()->setData([1, 2])->setSendImmediate(false)->setFKey('f1'));
        }, [submitted(['fkey' => 'f1']), submitted(['fkey' => 'f1', 'body' => '[1,2]', 'idempotency_key' => '$key:b'])]],
    ];
}

/** Refusals and lost answers, triggers and cancels. */
function casesOfAnswers(): array
{
    $agent = NotifyAgent::getInstance();
    $trigger = '/v1/fkeys/f1/trigger';
    return [
        'add: an fKey that is held' => [function () {
            $error = thrown(Exception::class, function () {
                NotifyAgent::getInstance()->addNotify(message()->setSendImmediate(false)->setFKey('f1'));
            });
            same($error->getCode(), 23000, 'the code');
            check($error instanceof \RuntimeException, 'it is a RuntimeException');
            same($error->getPrevious()->getId(), ID, 'the notify that is held');
        }, [exchange('POST', '/v1/notifies', problem(409, 'the fkey is held already', ['id' => ID]), notify(['fkey' => 'f1']))]],
        'add: refused' => [function () {
            $error = thrown(Exception::class, function () {
                NotifyAgent::getInstance()->addNotify(message());
            });
            same([$error->getCode(), $error->getKind()], [422, 'unacceptable'], 'the error');
        }, [exchange('POST', '/v1/notifies', problem(422, 'no', ['field' => '/url']), notify())]],
        'add: an answer that is lost is asked for again, with the same key' => [function () {
            added(message());
        }, [exchange('POST', '/v1/notifies', ['close' => 'before'], notify()), submitted()]],
        'trigger' => [function () use ($agent) {
            same($agent->triggerNotify('f1'), true, 'the first');
            same($agent->triggerNotify('f1', ['age' => 28]), false, 'the second');
        }, [exchange('POST', $trigger, ['status' => 202, 'json' => ['id' => ID, 'state' => 'ready']]),
            exchange('POST', $trigger, ['status' => 200, 'json' => ['id' => ID, 'state' => 'succeeded']], ['data' => ['age' => 28]])]],
        'trigger: never held' => [function () use ($agent) {
            same($agent->triggerNotify('f1'), false, 'the answer');
            same($agent->triggerNotify(''), false, 'no fKey');
        }, [exchange('POST', $trigger, problem(404, 'nothing is held'))]],
        'trigger: never held here' => [function () use ($agent) {
            $asked = [];
            NotifyAgent::otherwise(function ($fKey, array $mergeData) use (&$asked): bool {
                $asked[] = [$fKey, $mergeData];
                return true;
            });
            try {
                same($agent->triggerNotify('f1', ['age' => 28]), true, 'the answer of the table');
                same($agent->triggerNotify('f1'), false, 'the second, here');
            } finally {
                NotifyAgent::otherwise(null);
            }
            same($asked, [['f1', ['age' => 28]]], 'what was asked there');
        }, [exchange('POST', $trigger, problem(404, 'nothing is held'), ['data' => ['age' => 28]]),
            exchange('POST', $trigger, ['status' => 200, 'json' => ['id' => ID, 'state' => 'ready']])]],
        'trigger: the answer was lost' => [function () use ($agent) {
            same($agent->triggerNotify('f1'), true, 'the answer');
        }, [exchange('POST', $trigger, ['close' => 'before']),
            exchange('POST', $trigger, ['status' => 200, 'json' => ['id' => ID, 'state' => 'ready']])]],
        'trigger: what the broker did not take at first is no repeat of our own' => [function () use ($agent) {
            same($agent->triggerNotify('f1'), false, 'the answer: somebody else had triggered it');
        }, [exchange('POST', $trigger, problem(503, 'the broker restarts')),
            exchange('POST', $trigger, ['status' => 200, 'json' => ['id' => ID, 'state' => 'ready']])]],
        'trigger: a kept connection that was lost' => [function () use ($agent) {
            same($agent->triggerNotify('f2'), true, 'the first');
            same($agent->triggerNotify('f1'), true, 'the second');
        }, [exchange('POST', '/v1/fkeys/f2/trigger', ['status' => 202, 'json' => ['id' => ID, 'state' => 'ready']]),
            exchange('POST', $trigger, ['close' => 'before']),
            exchange('POST', $trigger, ['status' => 200, 'json' => ['id' => ID, 'state' => 'ready']])]],
        'cancel' => [function () use ($agent) {
            same($agent->cancelNotify('f1'), true, 'held');
            same($agent->cancelNotify('f1'), false, 'triggered');
            same($agent->cancelNotify('f1'), false, 'never held');
            same($agent->cancelNotify(''), false, 'no fKey');
        }, [exchange('DELETE', '/v1/fkeys/f1', ['status' => 200, 'json' => ['id' => ID, 'state' => 'cancelled']]),
            exchange('DELETE', '/v1/fkeys/f1', problem(409, 'it was triggered', ['id' => ID])),
            exchange('DELETE', '/v1/fkeys/f1', problem(404, 'nothing'))]],
    ];
}

/** Merges that the broker leaves to the client; and what comes from an old daemon. */
function casesOfMerging(): array
{
    $agent = NotifyAgent::getInstance();
    return [
        'trigger: what the broker cannot merge is merged here' => [function () use ($agent) {
            same($agent->triggerNotify('f1', ['age' => 28]), true, 'the answer');
        }, merging(['body' => '{"id":1}', 'data' => null, 'content_type' => 'application/json'], '{"id":1,"age":28}')],
        'trigger: into a list' => [function () use ($agent) {
            same($agent->triggerNotify('f1', ['age' => 28]), true, 'the answer');
        }, merging(['body' => null, 'data' => [5], 'content_type' => 'application/json'], '{"0":5,"age":28}')],
        'trigger: into a form' => [function () use ($agent) {
            same($agent->triggerNotify('f1', ['age' => 28]), true, 'the answer');
        }, merging(['body' => 'id=1', 'data' => null, 'content_type' => FORM], 'id=1&age=28')],
        'trigger: what was triggered by somebody else while it was merged here' => [function () use ($agent) {
            same($agent->triggerNotify('f1', ['age' => 28]), false, 'the answer');
        }, mergingTooLate(exchange('GET', '/v1/fkeys/f1', ['status' => 200, 'json' => ['id' => ID, 'state' => 'sending', 'data' => [5]]]))],
        'trigger: what is not there any more once it was merged here' => [function () use ($agent) {
            same($agent->triggerNotify('f1', ['age' => 28]), false, 'the answer');
        }, mergingTooLate(exchange('GET', '/v1/fkeys/f1', problem(404, 'nothing is held')))],
        'trigger: what is not there any more as it is changed here' => [function () use ($agent) {
            same($agent->triggerNotify('f1', ['age' => 28]), false, 'the answer');
        }, array_slice(mergingAnd(2, problem(404, 'there is no such notify')), 0, 3)],
        'trigger: what is not held any more once it was changed here' => [function () use ($agent) {
            same($agent->triggerNotify('f1', ['age' => 28]), false, 'the answer');
        }, mergingAnd(3, problem(404, 'nothing is held'))],
        'trigger: data that is not shown is not merged' => [function () use ($agent) {
            same(thrown(Exception::class, function () use ($agent) {
                $agent->triggerNotify('f1', ['age' => 28]);
            })->getCode(), 422, 'the code');
        }, array_slice(merging(['content_type' => 'application/json'], ''), 0, 2)],
        'send: what the old daemon took goes on here' => [function () use ($agent) {
            $row = [
                'id' => '5', 'fKey' => null, 'queueName' => 'Q', 'caller' => 'shop', 'url' => URL, 'method' => 'POST',
                'contentType' => 'application/json', 'data' => '{"id":1}', 'needResponse' => '1', 'expectResponse' => 'ok',
                'actualResponse' => 'no', 'runOnce' => '2', 'retryTimes' => '7', 'status' => 2,
            ];
            same($agent->send($row), true, 'the answer');
        }, [submitted(['body' => '{"id":1}', 'lane' => 'Q', 'caller' => 'shop', 'expect' => ANY + ['contains' => 'ok'],
            'retry' => ['max_attempts' => 3, 'schedule_ms' => [2304000, 4608000], 'jitter' => 0]])]],
    ];
}

/** The requests of a merge that the broker refuses. */
function merging(array $held, string $body): array
{
    $answer = ['status' => 202, 'json' => ['id' => ID, 'state' => 'ready']];
    $change = exchange('PATCH', '/v1/notifies/' . ID, ['status' => 200, 'json' => ['id' => ID, 'state' => 'held']], ['body' => $body]);
    $change['request']['headers'] = ['If-Match' => '"e"'];
    return [
        exchange('POST', '/v1/fkeys/f1/trigger', problem(422, 'a raw body', ['field' => '/data']), ['data' => ['age' => 28]]),
        exchange('GET', '/v1/fkeys/f1', ['status' => 200, 'headers' => ['ETag' => '"e"'], 'json' => ['id' => ID, 'state' => 'held'] + $held]),
        $change,
        exchange('POST', '/v1/fkeys/f1/trigger', $answer),
    ];
}

/** A merge whose change is refused, since the notify is held no more; it looks again. */
function mergingTooLate(array $look): array
{
    $exchanges = mergingAnd(2, problem(409, 'it is in flight', ['id' => ID]));
    $exchanges[3] = $look;
    return $exchanges;
}

/** A merge whose request at that place is answered so. */
function mergingAnd(int $place, array $response): array
{
    $exchanges = merging(['body' => null, 'data' => [5], 'content_type' => 'application/json'], '{"0":5,"age":28}');
    $exchanges[$place]['response'] = $response;
    return $exchanges;
}

$wire = casesAtOnce() + casesOfLater() + casesOfAnswers() + casesOfMerging();
$file = temporaryDirectory() . '/cases.json';
$scripted = [];
foreach ($wire as $name => [, $exchanges]) {
    $scripted[] = ['name' => rawurlencode($name), 'exchanges' => $exchanges];
}
file_put_contents($file, json_encode(['cases' => $scripted], JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE));
$server = new Process(['python3', __DIR__ . '/../scripted_server.py', $file]);
$port = json_decode((string) fgets($server->stdout))->port;
$cases = [];
foreach ($wire as $name => [$work]) {
    $cases[$name] = static function () use ($work, $name, $port): void {
        $name = rawurlencode($name);
        NotifyAgent::configure(['url' => "http://127.0.0.1:$port/case/$name", 'sleep' => static function (): void {
        }]);
        $work();
        $verdict = json_decode(file_get_contents("http://127.0.0.1:$port/verdict/$name"));
        check($verdict->ok, 'the server: ' . ($verdict->why ?? ''));
    };
}

$cases['message: getters, defaults, chaining'] = static function (): void {
    $message = message();
    same([$message->getUrl(), $message->getMethod(), $message->getContentType(), $message->getData()], [URL, 'POST', 'application/json', []], 'what');
    same([$message->getSendImmediate(), $message->getSendTime(), $message->getFkey(), $message->getCaller()], [true, null, '', 'unknown'], 'when');
    same([$message->getNeedResponse(), $message->getExpectResponse(), $message->getRunOnce()], [1, 'success', 1], 'the answer');
    same([$message->getQueueName(), $message->getGroup(), $message->setGroup(0)->getGroup(), $message->setGroup(5)->getGroup()],
        [null, null, '', '5'], 'the queue');
    same($message->setUrl('u')->setMethod('GET')->setData(['a' => 1])->setQueueName('q')->setFKey('k')->setSendTime('t')->getNotify(), [
        'caller' => 'unknown', 'url' => 'u', 'method' => 'GET', 'contentType' => 'application/json', 'data' => '{"a":1}', 'timeDelayedSend' => 't',
        'needResponse' => 1, 'expectResponse' => 'success', 'runOnce' => 1, 'queueName' => 'q', 'fKey' => 'k',
    ], 'the row');
};
$cases['message: constants'] = static function (): void {
    same([NotifyMessage::NEED_RESPONSE_YES, NotifyMessage::NEED_RESPONSE_NO, NotifyMessage::RUN_ONCE_YES, NotifyMessage::RUN_ONCE_NO],
        [1, 2, 1, 2], 'numbers');
    same([NotifyMessage::STATUS_SUCCESS, NotifyMessage::STATUS_FAILURE, NotifyAgent::MAX_RETRY_TIMES], [1, 2, 9], 'more numbers');
    same([NotifyMessage::CONTENT_TYPE_FORM, NotifyMessage::CONTENT_TYPE_JSON], ['application/x-www-form-urlencoded', 'application/json'], 'types');
};
foreach ([['setCaller', ''], ['setCaller', 1.5], ['setContentType', 'text/plain'], ['setSendImmediate', 1],
    ['setExpectResponse', null]] as [$setter, $value]) {
    $cases["message: $setter refuses " . shown($value)] = static function () use ($setter, $value): void {
        thrown(\InvalidArgumentException::class, static function () use ($setter, $value): void {
            message()->$setter($value);
        });
    };
}
foreach (['setNeedResponse', 'setRunOnce'] as $setter) {
    $cases["message: $setter refuses 3"] = static function () use ($setter): void {
        thrown(\UnexpectedValueException::class, static function () use ($setter): void {
            message()->$setter(3);
        });
    };
}
$cases['message: neither a time nor an fKey'] = static function (): void {
    thrown(\LogicException::class, static function (): void {
        NotifyAgent::getInstance()->addNotify(message()->setSendImmediate(false));
    });
};
$cases['message: stringify and parse'] = static function (): void {
    same(NotifyMessage::stringify(['a' => 1], NotifyMessage::CONTENT_TYPE_JSON), '{"a":1}', 'JSON');
    same(NotifyMessage::parse('{"a":1}', NotifyMessage::CONTENT_TYPE_JSON), ['a' => 1], 'JSON');
    same(NotifyMessage::parse('a=1&b[c]=d', FORM), ['a' => '1', 'b' => ['c' => 'd']], 'a form');
    thrown(\InvalidArgumentException::class, static function (): void {
        NotifyMessage::parse('a', 'text/plain');
    });
};
$cases['message: a class of the application below it'] = static function (): void {
    $own = new class () {
        public function make(): NotifyMessage
        {
            return OwnMessage::create(URL);
        }
    };
    check($own->make() instanceof OwnMessage, 'create makes what it is called on');
};
$cases['data that is no JSON'] = static function (): void {
    thrown(Exception::class, static function (): void {
        NotifyAgent::getInstance()->addNotify(message()->setData(['name' => "Zo\xEB"]));
    });
};
$cases['an fKey that is not UTF-8'] = static function (): void {
    foreach (['triggerNotify', 'cancelNotify'] as $call) {
        $error = thrown(Exception::class, static function () use ($call): void {
            NotifyAgent::getInstance()->$call("f\xff");
        });
        same($error->getKind(), 'unacceptable', $call);
    }
};
$cases['a time that is none, not at once'] = static function (): void {
    same(thrown(Exception::class, static function (): void {
        NotifyAgent::getInstance()->addNotify(message()->setSendImmediate(false)->setSendTime('soon'));
    })->getCode(), 22007, 'the code, as that of MySQL');
};
$cases['a broker that is not there'] = static function (): void {
    NotifyAgent::configure(['url' => 'http://127.0.0.1:1', 'attempts' => 1]);
    same(thrown(Exception::class, static function (): void {
        NotifyAgent::getInstance()->addNotify(message());
    })->getKind(), 'connection', 'the kind');
};
$cases['the address: the constant, what is configured, the environment'] = static function (): void {
    $ask = static function (): string {
        return thrown(Exception::class, static function (): void {
            NotifyAgent::getInstance()->addNotify(message());
        })->getMessage();
    };
    putenv('NOTIFYD_URL=http://127.0.0.1:1/environment');
    NotifyAgent::configure(['attempts' => 1]);
    check(strpos($ask(), '/environment') !== false, 'the environment');
    NotifyAgent::configure(['url' => 'http://127.0.0.1:1/configured', 'attempts' => 1]);
    check(strpos($ask(), '/configured') !== false, 'what is configured');
    NotifyAgent::configure('ftp://nowhere');
    check(strpos($ask(), 'ftp://nowhere') !== false, 'what is none is said');
    define('NOTIFYD_URL', 'http://127.0.0.1:1/constant');
    NotifyAgent::configure(['url' => 'http://127.0.0.1:1/configured', 'attempts' => 1]);
    check(strpos($ask(), '/constant') !== false, 'the constant');
    putenv('NOTIFYD_URL');
};
$cases['one agent a process'] = static function (): void {
    check(NotifyAgent::getInstance() === NotifyAgent::getInstance(), 'it is the same');
    thrown(\Error::class, static function (): void {
        clone NotifyAgent::getInstance();
    });
    thrown(\LogicException::class, static function (): void {
        unserialize('O:32:"Walle\Modules\Notify\NotifyAgent":0:{}');
    });
};
$cases['ids in decimal'] = static function (): void {
    same([LegacyNotify::decimalId('n7fffffffffffffff'), LegacyNotify::decimalId(ID)], ['9223372036854775807', '31'], 'as the broker writes them');
};
$cases['what the old producer put: the same message'] = static function (): void {
    require_once __DIR__ . '/old_producer.php';
    $row = NotifyMessage::create('http://a.demo.test')->setData(['id' => 1, 'name' => 'zq1'])->setGroup(1)->getNotify();
    same(json_encode($row), OldProducer\examples('http://a.demo.test', 'http://b.demo.test')[5][0], 'the JSON');
};
$cases['what the old producer put: as it was recorded'] = static function (): void {
    $bytes = "use notify\r\n";
    foreach (OldProducer\examples('http://a.demo.test', 'http://b.demo.test') as $messages) {
        foreach ($messages as $message) {
            $bytes .= OldProducer\wire('notify', $message)[1];
        }
    }
    same($bytes, file_get_contents(__DIR__ . '/../../data/notifyagent_puts.wire'), 'the wire');
};

class OwnMessage extends NotifyMessage
{
}

run($cases);
