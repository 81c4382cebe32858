<?php

/**
 * The PHP client against a broker and receivers: `php e2e_test.php NOTIFYD [PART OF A NAME]`. The five examples are those of NotifyAgent's README;
 * what they must bring about stands in old_producer.php, beside what the old producer puts for them.
 */

namespace Notifyd\Tests;

use Notifyd\Client;
use Notifyd\Exception;
use Notifyd\Refusal;
use Walle\Modules\Notify\NotifyAgent;
use Walle\Modules\Notify\NotifyMessage;

require __DIR__ . '/harness.php';
require __DIR__ . '/old_producer.php';

const FORM = NotifyMessage::CONTENT_TYPE_FORM;
$only = $argv[2] ?? '';

/** A broker, two receivers that write down what comes, the client, and the drop-in on it. */
final class Stage
{
    public $url;
    public $client;
    /** @var string the receivers, without a path */
    public $a;
    public $b;
    public $notifyd;
    public $directory;
    private $binary;

    public function __construct(string $binary)
    {
        foreach (['NOTIFYD_URL', 'NOTIFYD_TOKEN', 'NOTIFYD_NAMESPACE'] as $variable) {
            putenv($variable);
        }
        $this->binary = $binary;
        $this->directory = temporaryDirectory();
        putenv("CALLS={$this->directory}/calls");
        file_put_contents("{$this->directory}/notifyd.toml", "[[listener]]\naddress = \"unix:{$this->directory}/api.sock\"\n");
        $this->startBroker('127.0.0.1:0');
        [$this->a, $this->b] = [$this->receiver('a'), $this->receiver('b')];
        $this->client = new Client(['url' => $this->url]);
        NotifyAgent::configure($this->url);
    }

    /** Starts it, and waits until it listens; or starts it so much later, and does not wait. */
    public function startBroker(string $listen, int $laterMs = 0): void
    {
        $log = "{$this->directory}/log-" . bin2hex(random_bytes(4));
        $arguments = ['--config', "{$this->directory}/notifyd.toml", '--listen', $listen, '--data-dir', "{$this->directory}/data"];
        $later = sprintf('sleep %.3f; exec "$0" "$@"', $laterMs / 1000);
        $this->notifyd = new Process(array_merge(['/bin/sh', '-c', $later, $this->binary], $arguments), $log);
        if ($laterMs === 0) {
            $this->url = 'http://' . $this->said($this->notifyd, $log, '/"listening on (127\.0\.0\.1:\d+)"/');
        }
    }

    private function receiver(string $name): string
    {
        // A port of its own: what the kernel gave a socket a moment ago is free for a while.
        for (;;) {
            $probe = stream_socket_server('tcp://127.0.0.1:0');
            $address = stream_socket_get_name($probe, false);
            fclose($probe);
            $log = "{$this->directory}/$name";
            $process = new Process([PHP_BINARY, '-S', $address, __DIR__ . '/receiver.php'], $log);
            if ($this->said($process, $log, '/(started)|(Failed)/') === 'started') {
                return "http://$address";
            }
        }
    }

    private function said(Process $process, string $log, string $pattern): string
    {
        return until(static function () use ($process, $log, $pattern): string {
            if (preg_match($pattern, (string) file_get_contents($log), $found)) {
                return $found[1] === '' ? 'failed' : $found[1];
            }
            check($process->running(), 'it ended: ' . file_get_contents($log));
            return '';
        }, 'the start');
    }

    /** Forgets what came so far. */
    public function clear(): void
    {
        file_put_contents("{$this->directory}/calls", '');
    }

    /** Waits until so many calls came; gives them, sorted. */
    public function calls(int $count): array
    {
        $calls = until(function () use ($count): ?array {
            $calls = array_map('json_decode', file("{$this->directory}/calls", FILE_IGNORE_NEW_LINES));
            return count($calls) >= $count ? $calls : null;
        }, "$count calls");
        sort($calls);
        return $calls;
    }

    /** Are these the calls of an example, and no others? */
    public function calledAs(int $example): void
    {
        $wanted = OldProducer\expectedCalls($this->a, $this->b)[$example];
        sort($wanted);
        same($this->calls(count($wanted)), $wanted, "the calls of example $example");
    }

    public function settled(string $id): array
    {
        return $this->client->wait($id, PATIENCE_S * 1000);
    }
}

function message(string $url, int $id, string $type = NotifyMessage::CONTENT_TYPE_JSON): NotifyMessage
{
    return NotifyMessage::create($url)->setData(['id' => $id, 'name' => "zq$id"])->setMethod('POST')->setContentType($type);
}

$stage = new Stage($argv[1]);
$agent = NotifyAgent::getInstance();
$cases = [];
$cases['example 1: at once'] = static function () use ($stage, $agent): void {
    $stage->clear();
    $ids = [
        $agent->addNotify(message($stage->a, 1)),
        $agent->addNotify(message($stage->a, 2, FORM)),
        $agent->addNotify(message($stage->a, 3, FORM)->setMethod('GET')),
    ];
    $stage->calledAs(1);
    foreach ($ids as $id) {
        check(ctype_digit($id), "$id is a decimal number");
    }
    // The API's own form of it: which the number says.
    $notify = $stage->settled(sprintf('n%016x', (int) $ids[0]));
    same([$notify['state'], $notify['attempts_made'], $notify['mode']], ['succeeded', 1, 'fifo'], 'what became of it');
};
$cases['example 2: delayed'] = static function () use ($stage, $agent): void {
    $stage->clear();
    $due = time() + 2;
    $at = date('Y-m-d H:i:s', $due);
    $agent->addNotify(message($stage->a, 1)->setSendTime($at));
    $agent->addNotify(message($stage->a, 2, FORM)->setSendTime($at));
    $agent->addNotify(message($stage->a, 3, FORM)->setMethod('GET')->setSendTime($at));
    $stage->calledAs(2);
    check(time() >= $due, 'they came at their time');
};
$cases['example 3: held, and triggered with more data'] = static function () use ($stage, $agent): void {
    $stage->clear();
    $agent->addNotify(message($stage->a, 1)->setSendImmediate(false)->setFKey('f1'));
    same(thrown(Exception::class, static function () use ($stage, $agent): void {
        $agent->addNotify(message($stage->a, 1)->setSendImmediate(false)->setFKey('f1'));
    })->getCode(), 23000, 'a second one');
    same($agent->triggerNotify('f1', ['age' => 28]), true, 'the trigger');
    $stage->calledAs(3);
    same($agent->triggerNotify('f1'), false, 'a second trigger');
    same($agent->cancelNotify('f1'), false, 'a cancel behind it');
};
$cases['example 4: two addresses'] = static function () use ($stage, $agent): void {
    $stage->clear();
    $agent->addNotify(message($stage->a, 1));
    $agent->addNotify(message($stage->b, 2, FORM));
    $stage->calledAs(4);
};
$cases['example 5: one address, two groups'] = static function () use ($stage, $agent): void {
    $stage->clear();
    $agent->addNotify(message($stage->a, 1)->setGroup(1));
    $agent->addNotify(message($stage->a, 2, FORM)->setGroup(2));
    $stage->calledAs(5);
};
$cases['agent: cancelled is not sent'] = static function () use ($stage, $agent): void {
    $agent->addNotify(message($stage->a, 1)->setSendImmediate(false)->setFKey('c1'));
    same([$agent->cancelNotify('c1'), $agent->cancelNotify('c1'), $agent->triggerNotify('c1')], [true, false, false], 'cancel, again, trigger');
};
$cases['agent: what is merged is what PHP merges'] = static function () use ($stage, $agent): void {
    $merged = static function (NotifyMessage $message) use ($stage, $agent): array {
        $stage->clear();
        $key = bin2hex(random_bytes(4));
        $agent->addNotify($message->setSendImmediate(false)->setFKey($key));
        same($agent->triggerNotify($key, ['name' => 'a/b Zoë', 'age' => 28]), true, 'the trigger');
        return array_slice($stage->calls(1)[0], 2);
    };
    $json = ['/', 'application/json'];
    same($merged(message($stage->a, 1)), [...$json, '{"id":1,"name":"a\/b Zo\u00eb","age":28}'], 'JSON');
    same($merged(NotifyMessage::create($stage->a)), [...$json, '{"name":"a\/b Zo\u00eb","age":28}'], 'no data');
    same($merged(NotifyMessage::create($stage->a)->setData([5])), [...$json, '{"0":5,"name":"a\/b Zo\u00eb","age":28}'], 'a list');
    same($merged(message($stage->a, 1, FORM)), ['/', FORM, 'id=1&name=a%2Fb+Zo%C3%AB&age=28'], 'a form');
    same($merged(message($stage->a, 1, FORM)->setMethod('GET')), ['/?id=1&name=a%2Fb+Zo%C3%AB&age=28', '', ''], 'a query string');
};
$cases['agent: data goes out byte for byte, held or not'] = static function () use ($stage, $agent): void {
    $data = ['f' => 0.1, 'one' => 1.0, 'big' => PHP_INT_MAX, 'o' => new \stdClass(), 'l' => [], 'n' => null, 't' => true, 's' => "a/b \u{1F600}",
        'a' => ['x.y' => [1, 'k' => 2]]];
    foreach ([NotifyMessage::CONTENT_TYPE_JSON, FORM] as $type) {
        foreach ([false, true] as $held) {
            $stage->clear();
            $message = NotifyMessage::create($stage->a)->setData($data)->setContentType($type);
            $agent->addNotify($held ? $message->setSendImmediate(false)->setFKey('bytes') : $message);
            check(!$held || $agent->triggerNotify('bytes'), 'the trigger');
            same($stage->calls(1)[0][4], NotifyMessage::stringify($data, $type), $type);
        }
    }
    foreach (['application/json' => '[]', FORM => ''] as $type => $body) {
        $stage->clear();
        $agent->addNotify(NotifyMessage::create($stage->a)->setContentType($type));
        same(array_slice($stage->calls(1)[0], 3), [$type, $body], 'no data');
    }
};
$cases['agent: the expected answer decides, not the status; once is once'] = static function () use ($stage, $agent): void {
    $bad = message("{$stage->a}/bad", 1);
    $id = $agent->addNotify($bad);
    $notify = $stage->settled(sprintf('n%016x', (int) $id));
    same([$notify['state'], $notify['attempts_made']], ['failed', 1], 'the answer does not contain success');
    $id = $agent->addNotify($bad->setExpectResponse('DATABASE'));
    same($stage->settled(sprintf('n%016x', (int) $id))['state'], 'succeeded', 'it contains what is expected, whatever the status');
    $id = $agent->addNotify(message("{$stage->a}/bad", 1)->setNeedResponse(NotifyMessage::NEED_RESPONSE_NO));
    same($stage->settled(sprintf('n%016x', (int) $id))['state'], 'succeeded', 'nobody waits for the answer');
};
$cases['agent: what an old daemon takes goes on here'] = static function () use ($stage, $agent): void {
    $stage->clear();
    foreach (OldProducer\examples($stage->a, $stage->b)[1] as $message) {
        same($agent->send(json_decode($message, true)), true, 'the answer');
    }
    $stage->calledAs(1);
};
$cases["agent: its README's example"] = static function () use ($stage): void {
    $stage->clear();
    putenv("ORDERS_URL={$stage->a}");
    putenv("NOTIFYD_URL={$stage->url}");
    (static function (): void {
        require __DIR__ . '/../../../clients/php/notifyagent/example.php';
    })();
    same(array_slice($stage->calls(1)[0], 1), ['POST', '/', 'application/json', '{"order":17,"paid":true}'], 'the call');
};
$cases['client: submit, look, change, cancel, list'] = static function () use ($stage): void {
    $client = $stage->client;
    $made = $client->submit(['url' => $stage->a, 'data' => ['order' => 17], 'delay_ms' => 3600000, 'labels' => ['test' => 'list']]);
    same($made['state'], 'scheduled', 'its state');
    $client->get($made['id'], $etag);
    $changed = $client->change($made['id'], ['priority' => 9], $etag, $newer);
    same([$changed['priority'], $newer !== $etag], [9, true], 'the change');
    thrown(Refusal\PreconditionFailed::class, static function () use ($client, $made, $etag): void {
        $client->change($made['id'], ['priority' => 1], $etag);
    });
    same($client->cancel($made['id'])['state'], 'cancelled', 'the cancel');
    same(thrown(Refusal\Conflict::class, static function () use ($client, $made): void {
        $client->cancel($made['id']);
    })->getStatus(), 409, 'a second cancel');
    $more = $client->submitBatch(array_fill(0, 4, ['url' => $stage->a, 'delay_ms' => 3600000, 'labels' => ['test' => 'list']]));
    $seen = array_column(iterator_to_array($client->list(['label' => 'test:list', 'limit' => 2]), false), 'id');
    same($seen, array_reverse(array_merge([$made['id']], array_column($more, 'id'))), 'the list, over its pages');
    same($client->cancelMatching(['state' => 'scheduled', 'label' => 'test:list']), 4, 'what was cancelled');
    same(thrown(Refusal\Unacceptable::class, static function () use ($client): void {
        $client->submit(['url' => 'http://127.0.0.1', 'urk' => 1]);
    })->getField(), '/urk', 'a field that is none');
    thrown(Refusal\NotFound::class, static function () use ($client): void {
        $client->get('n00000000ffffffff');
    });
};
$cases['client: a stream, some of it refused'] = static function () use ($stage): void {
    $client = new Client(['url' => $stage->url, 'lines_per_request' => 100]);
    $notifies = (static function () use ($stage): \Generator {
        for ($i = 0; $i < 250; ++$i) {
            yield $i === 120 ? ['data' => $i] : ['url' => $stage->a, 'data' => ['n' => $i], 'delay_ms' => 3600000];
        }
    })();
    $lines = iterator_to_array($client->submitStream($notifies));
    same(array_column($lines, 'index'), range(0, 249), 'the indexes');
    same([count(array_unique(array_column($lines, 'id'))), $lines[120]['error']['field']], [249, '/url'], 'ids, and the refusal');
};
$cases['client: lanes, topics, groups, anything else'] = static function () use ($stage): void {
    $client = $stage->client;
    same($client->pauseLane('fifo', 'of/php')['paused'], true, 'the pause');
    same($client->lane('fifo', 'of/php')['name'], 'of/php', 'the lane');
    same(array_column(iterator_to_array($client->lanes('of/'), false), 'name'), ['of/php'], 'the lanes');
    same($client->resumeLane('fifo', 'of/php')['paused'], false, 'the resume');
    $client->request('PUT', '/v1/topics/php.test', [], ['retention_ms' => 60000]);
    same($client->publish('php.test', ['data' => ['id' => 17]])['matched'], 0, 'the event');
    same(count($client->publishBatch([['topic' => 'php.test', 'data' => 1], ['topic' => 'php.test', 'data' => 2]])), 2, 'the events');
    $group = $client->makeGroup(['notifies' => [['url' => $stage->a], ['url' => $stage->b]]], PATIENCE_S * 1000);
    same($client->group($group['id'], PATIENCE_S * 1000)['counts']['succeeded'], 2, 'the group');
    same(iterator_to_array($client->groups(), false)[0]['id'], $group['id'], 'the groups');
    same(is_int($client->request('GET', '/v1/stats')['pid']), true, 'anything else');
};
$cases['client: waits for the answer of the receiver'] = static function () use ($stage): void {
    $settled = $stage->client->submitAndWait(['url' => $stage->a, 'keep_response_bytes' => 100], PATIENCE_S * 1000);
    same([$settled['state'], $settled['response']['body']], ['succeeded', 'a, Success, id = 1'], 'the answer');
    same($stage->client->response($settled['id'])['status'], 200, 'kept');
    same($stage->client->retry($settled['id'])['state'] !== '', true, 'once more');
};
$cases['client: over the socket of the file system'] = static function () use ($stage): void {
    $client = new Client(['url' => "unix:{$stage->directory}/api.sock"]);
    same($client->get($client->submit(['url' => $stage->a, 'delay_ms' => 3600000])['id'])['state'], 'scheduled', 'its state');
};
$cases['client: processes that fork have a connection each'] = static function () use ($stage): void {
    $client = $stage->client;
    $client->lane('fifo', $client->changeLane('fifo', 'forks', ['paused' => true])['name']);
    $children = array_map(static function (int $child) use ($client, $stage): int {
        $pid = pcntl_fork();
        if ($pid === 0) {
            for ($i = 0; $i < 20; ++$i) {
                $client->submit(['url' => $stage->a, 'lane' => 'forks', 'mode' => 'fifo', 'data' => [$child, $i]]);
            }
            posix_kill(getmypid(), SIGKILL);  // nothing that the test registered for its end
        }
        return $pid;
    }, range(1, 3));
    $client->submit(['url' => $stage->a, 'lane' => 'forks', 'mode' => 'fifo']);
    foreach ($children as $pid) {
        pcntl_waitpid($pid, $status);
    }
    same(count(iterator_to_array($client->list(['lane' => 'forks']))), 61, 'what was submitted');
    same($client->cancelMatching(['state' => 'ready', 'lane' => 'forks']), 61, 'what was cancelled');
};
$cases['client: a broker that is killed and comes back: nothing is lost, nothing twice'] = static function () use ($stage): void {
    $client = new Client(['url' => $stage->url, 'attempts' => 100, 'max_wait_ms' => 500]);
    $first = $client->submit(['url' => $stage->a, 'delay_ms' => 3600000, 'idempotency_key' => 'over-a-kill']);
    $stage->notifyd->end(SIGKILL);
    $stage->startBroker(substr($stage->url, 7), 300);
    $again = $client->submit(['url' => $stage->a, 'delay_ms' => 3600000, 'idempotency_key' => 'over-a-kill']);
    same([$again['id'], $again['duplicate'] ?? false], [$first['id'], true], 'the same one');
};
run($cases);
