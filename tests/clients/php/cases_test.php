<?php

/** The common cases (clients/cases.md): `php cases_test.php [PART OF A NAME]`. */

namespace Notifyd\Tests;

use Notifyd\Client;
use Notifyd\Exception;

require __DIR__ . '/harness.php';

const CLIENTS = __DIR__ . '/../../../clients';
$only = $argv[1] ?? '';

/** JSON with objects as stdClass, in whose place the client takes arrays too, at the top. */
function decoded(string $text)
{
    return json_decode($text, false, 512, JSON_THROW_ON_ERROR);
}

/** Objects as arrays, all the way down: as answers come. */
function asArrays($value)
{
    return json_decode(json_encode($value), true);
}

/** Calls what a case names. Gives the result, of what iterates the generator; fills the ETag where there is one. */
function called(Client $client, string $call, array $a, ?string &$etag)
{
    switch ($call) {
        case 'submit':
            return $client->submit((array) $a['notify']);
        case 'submit_and_wait':
            return $client->submitAndWait((array) $a['notify'], $a['wait_ms']);
        case 'submit_batch':
            return $client->submitBatch(array_map('Notifyd\Tests\shallow', $a['notifies']));
        case 'submit_stream':
            return $client->submitStream(array_map('Notifyd\Tests\shallow', $a['notifies']));
        case 'trigger':
            return $client->trigger($a['fkey'], array_diff_key($a, ['fkey' => 1]));
        case 'get_fkey':
            return $client->getFkey($a['fkey'], $etag);
        case 'cancel_fkey':
            return $client->cancelFkey($a['fkey']);
        case 'get':
            return $client->get($a['id'], $etag);
        case 'wait':
            return $client->wait($a['id'], $a['wait_ms']);
        case 'response':
            return $client->response($a['id']);
        case 'explain':
            return $client->explain($a['id']);
        case 'list':
            return $client->list((array) $a['filters']);
        case 'change':
            return $client->change($a['id'], (array) $a['patch'], $a['if_match'] ?? null, $etag);
        case 'cancel':
            return $client->cancel($a['id'], $a['if_match'] ?? null);
        case 'retry':
            return $client->retry($a['id'], $a['paused'] ?? false, $a['if_match'] ?? null);
        case 'retry_matching':
        case 'cancel_matching':
        case 'purge_matching':
            return ['count' => $client->{strtok($call, '_') . 'Matching'}((array) $a['filter'], array_diff_key($a, ['filter' => 1]))];
        default:
            return calledOfOthers($client, $call, $a);
    }
}

/** Lanes, topics, groups, and anything else. */
function calledOfOthers(Client $client, string $call, array $a)
{
    switch ($call) {
        case 'lanes':
            return $client->lanes($a['prefix'] ?? null, $a['limit'] ?? null);
        case 'lane':
            return $client->lane($a['mode'], $a['name']);
        case 'change_lane':
            return $client->changeLane($a['mode'], $a['name'], (array) $a['patch']);
        case 'pause_lane':
            return $client->pauseLane($a['mode'], $a['name']);
        case 'resume_lane':
            return $client->resumeLane($a['mode'], $a['name']);
        case 'publish':
            return $client->publish($a['topic'], (array) $a['event']);
        case 'publish_batch':
            return $client->publishBatch(array_map('Notifyd\Tests\shallow', $a['events']));
        case 'make_group':
            return $client->makeGroup((array) $a['group'], $a['wait_ms'] ?? null);
        case 'group':
            return $client->group($a['id'], $a['wait_ms'] ?? null);
        case 'groups':
            return $client->groups($a['limit'] ?? null);
        case 'cancel_group':
            return $client->cancelGroup($a['id']);
        case 'request':
            return $client->request($a['method'], $a['path'], (array) ($a['query'] ?? []), $a['json'] ?? null);
    }
    throw new \Exception("no call $call is known here");
}

function shallow($object): array
{
    return (array) $object;
}

/** The result of a call, what iterates as a list: all of it, or so many. */
function result(Client $client, \stdClass $step, ?int $take, ?string &$etag)
{
    $found = called($client, $step->call, (array) $step->arguments, $etag);
    if (!$found instanceof \Generator) {
        return $found;
    }
    $items = [];
    foreach ($found as $item) {
        $items[] = $item;
        if (count($items) === $take) {
            break;
        }
    }
    return $items;
}

function wrongError(\stdClass $wanted, \Throwable $error): void
{
    if ($wanted->kind === 'argument') {
        check($error instanceof \InvalidArgumentException, get_class($error) . ': ' . $error->getMessage());
        return;
    }
    check($error instanceof Exception, get_class($error) . ': ' . $error->getMessage());
    $seen = ['kind' => $error->getKind(), 'status' => $error->getStatus(), 'problem' => $error->getProblem()];
    if ($error instanceof \Notifyd\Refused) {
        $seen['retry_after_ms'] = $error->getRetryAfterMs();
    }
    foreach (asArrays($wanted) as $name => $value) {
        same($seen[$name] ?? null, $value, $name);
    }
}

/** Plays a case, and fails where something is not as it says. */
function played(\stdClass $case, string $url): void
{
    $waits = [];
    $sleep = static function (int $ms) use (&$waits): void {
        $waits[] = $ms;
    };
    $client = new Client(asArrays($case->options ?? []) + ['timeout_ms' => 10000, 'url' => $url, 'sleep' => $sleep]);
    foreach ($case->steps ?? [$case] as $step) {
        $etag = null;
        try {
            $seen = result($client, $step, $case->take ?? null, $etag);
            check(!isset($case->error), 'it did not fail: ' . shown($seen));
            same(asArrays($seen), asArrays($step->result), 'the result');
            if (isset($case->etag)) {
                same($etag, $case->etag, 'the ETag');
            }
        } catch (Exception | \InvalidArgumentException $error) {
            if (!isset($case->error)) {
                throw $error;
            }
            wrongError($case->error, $error);
        }
    }
    if (isset($case->waits_ms)) {
        same(count($waits), count($case->waits_ms), 'the number of waits');
        foreach ($case->waits_ms as $i => [$least, $most]) {
            check($waits[$i] >= $least && $waits[$i] <= $most, "wait $i is $waits[$i] ms");
        }
    }
}

/** Not among the common cases for its length: lines of half a MiB go two in a request. */
function largeLines(): \stdClass
{
    $lines = $asked = $exchanges = $results = [];
    foreach (['a', 'b', 'c'] as $i => $name) {
        $lines[] = ['url' => 'https://example.com/hook', 'body' => str_repeat($name, 1 << 19)];
        $results[] = ['index' => $i, 'id' => "n000000000000001$i"];
        $asked[] = end($lines) + ['idempotency_key' => "\$key:$name"];
    }
    foreach ([[0, 2], [2, 1]] as [$from, $count]) {
        $answer = array_map(static function (array $result) use ($from): array {
            return ['index' => $result['index'] - $from] + $result;
        }, array_slice($results, $from, $count));
        $exchanges[] = [
            'request' => ['method' => 'POST', 'path' => '/v1/notifies', 'ndjson' => array_slice($asked, $from, $count)],
            'response' => ['status' => 200, 'ndjson' => $answer],
        ];
    }
    return decoded(json_encode(['name' => 'stream/large-lines', 'call' => 'submit_stream', 'arguments' => ['notifies' => $lines],
        'exchanges' => $exchanges, 'result' => $results]));
}

foreach (['NOTIFYD_URL', 'NOTIFYD_TOKEN', 'NOTIFYD_NAMESPACE'] as $variable) {
    putenv($variable);
}
$played = decoded(file_get_contents(CLIENTS . '/cases.json'));
$played->cases[] = largeLines();
$file = temporaryDirectory() . '/cases.json';
file_put_contents($file, json_encode($played));
$server = new Process(['python3', __DIR__ . '/../scripted_server.py', $file]);
$ports = decoded((string) fgets($server->stdout));
$base = "http://127.0.0.1:{$ports->port}";
$cases = [];
foreach ($played->cases as $case) {
    $cases[$case->name] = static function () use ($case, $base, $ports): void {
        $closed = ($case->server ?? '') === 'closed';
        played($case, $closed ? "http://127.0.0.1:{$ports->closed_port}" : "$base/case/{$case->name}");
        $verdict = $closed ? decoded('{"ok":true}') : decoded(file_get_contents("$base/verdict/{$case->name}"));
        check($verdict->ok, 'the server: ' . ($verdict->why ?? ''));
    };
}
run($cases);
