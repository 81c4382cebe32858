<?php

/**
 * What an unchanged NotifyAgent producer puts into the tube `notify` for the five examples of NotifyAgent's README: the bytes of its messages, as its
 * `json_encode` writes them, for two receivers of the caller's choice. It was recorded from the producer with Pheanstalk 3.2.1
 * (tests/data/notifyagent_puts.wire holds the recording, for the receivers http://a.demo.test and http://b.demo.test), and contains nothing of its
 * code.
 *
 * The examples: 1 at once (JSON, form, query string); 2 delayed (three rows of its MySQL table, which its daemon puts when their time has come); 3
 * held and triggered with more data (a row, put at the trigger); 4 two addresses; 5 one address in two groups.
 */

namespace Notifyd\Tests\OldProducer;

const JSON = 'application/json';
const FORM = 'application/x-www-form-urlencoded';
/** The arguments of each put, as the producer's: priority, delay and time to run. */
const PUT = [2, 0, 60];

/** The name of a queue, as the producer makes it of a URL and a group. */
function queueName(string $url, string $group = ''): string
{
    return 'Q_' . strtoupper(md5($group === '' ? $url : $url . '_' . $group));
}

/** A message of addNotify for what is sent at once. `$data` is encoded already. */
function message(string $url, string $method, string $type, string $data, string $group = ''): string
{
    return json_encode([
        'caller' => 'unknown', 'url' => $url, 'method' => $method, 'contentType' => $type, 'data' => $data, 'timeDelayedSend' => null,
        'needResponse' => 1, 'expectResponse' => 'success', 'runOnce' => 1, 'queueName' => queueName($url, $group), 'fKey' => '',
    ]);
}

/**
 * A row of the table Notify, as the daemon and triggerNotify put it. Numbers are numbers as PHP 8.1 and later reads them from MySQL; strings with
 * `$strings`, as those before did.
 */
function row(int $id, ?string $fKey, string $url, string $method, string $type, string $data, ?string $time, bool $strings = false): string
{
    $number = function (int $value) use ($strings) {
        return $strings ? (string) $value : $value;
    };
    return json_encode([
        'id' => $number($id), 'fKey' => $fKey, 'queueName' => queueName($url), 'caller' => 'unknown', 'url' => $url, 'method' => $method,
        'contentType' => $type, 'data' => $data, 'needResponse' => $number(1), 'expectResponse' => 'success', 'actualResponse' => '',
        'runOnce' => $number(1), 'retryTimes' => $number(0), 'timeStartSend' => null, 'timeDelayedSend' => $time,
        'timeCreated' => '2026-11-27 12:00:00', 'timeModified' => '2026-11-27 12:00:00',
    ]);
}

/**
 * The messages of the five examples, by the example's number. `$a` and `$b` are the receivers (without a path, as in the README); `$time` is what
 * stands in the rows of the second example.
 *
 * @return array<int, string[]>
 */
function examples(string $a, string $b, string $time = '2026-11-27 12:01:00', bool $strings = false): array
{
    return [
        1 => [
            message($a, 'POST', JSON, '{"id":1,"name":"zq1"}'),
            message($a, 'POST', FORM, 'id=2&name=zq2'),
            message($a, 'GET', FORM, 'id=3&name=zq3'),
        ],
        2 => [
            row(1, null, $a, 'POST', JSON, '{"id":1,"name":"zq1"}', $time, $strings),
            row(2, null, $a, 'POST', FORM, 'id=2&name=zq2', $time, $strings),
            row(3, null, $a, 'GET', FORM, 'id=3&name=zq3', $time, $strings),
        ],
        3 => [row(4, 'f1', $a, 'POST', JSON, '{"id":1,"name":"zq1","age":28}', null, $strings)],
        4 => [message($a, 'POST', JSON, '{"id":1,"name":"zq1"}'), message($b, 'POST', FORM, 'id=2&name=zq2')],
        5 => [message($a, 'POST', JSON, '{"id":1,"name":"zq1"}', '1'), message($a, 'POST', FORM, 'id=2&name=zq2', '2')],
    ];
}

/**
 * The calls that a receiver must get for them, by the example's number: host, method, target, Content-Type (empty: none) and body.
 *
 * @return array<int, array<int, array{string, string, string, string, string}>>
 */
function expectedCalls(string $a, string $b): array
{
    $three = [
        [$a, 'POST', '/', JSON, '{"id":1,"name":"zq1"}'],
        [$a, 'POST', '/', FORM, 'id=2&name=zq2'],
        [$a, 'GET', '/?id=3&name=zq3', '', ''],
    ];
    return [
        1 => $three,
        2 => $three,
        3 => [[$a, 'POST', '/', JSON, '{"id":1,"name":"zq1","age":28}']],
        4 => [$three[0], [$b, 'POST', '/', FORM, 'id=2&name=zq2']],
        5 => [$three[0], $three[1]],
    ];
}

/**
 * The bytes that Pheanstalk 3.2.1 writes for a put of `$message` into `$tube`: one write for each element. The first is left out where the tube is
 * in use already.
 */
function wire(string $tube, string $message): array
{
    return [
        "use $tube\r\n",
        vsprintf("put %u %u %u %u\r\n", array_merge(PUT, [strlen($message)])) . $message . "\r\n",
    ];
}
