<?php

namespace Notifyd;

/**
 * The API of notifyd: submits calls that the broker makes, looks at them and steers them. Arrays go in and come out, their keys are the API's fields
 * (docs/openapi.yaml; Notifyd\Types has their shapes and words). Within `data` an empty JSON object is a `new \stdClass`, in both directions; where
 * the API knows that it is one (`labels`, `headers`), `[]` will do, and comes.
 *
 * What is submitted bears an idempotency key, which the client makes where there is none, so that it is taken once however often it is sent. Each
 * method throws InvalidArgumentException where the arguments cannot be sent, and an Exception where it was not done: Refused (with a class for
 * each status below Notifyd\Refusal), NoAnswer, BadAnswer.
 */
final class Client
{
    private const MOST_WAIT_MS = 60000;
    private const BYTES_PER_REQUEST = 1 << 20;
    private const SETTLED = ['succeeded', 'failed', 'cancelled', 'expired'];

    /** @var Transport */
    private $transport;

    /**
     * Options, each with its default:
     *
     * - `url`: where the broker is, `http://HOST:PORT`, `https://HOST:PORT/PATH` or `unix:/PATH`; the variable NOTIFYD_URL, else
     *   http://127.0.0.1:7300
     * - `token`: NOTIFYD_TOKEN, else none; `namespace`: NOTIFYD_NAMESPACE, else the token's own
     * - `timeout_ms`: 30000, of one attempt as a whole; `connect_timeout_ms`: 5000 of it
     * - `attempts`: 4 in all; `initial_wait_ms`: 200 before the second one, which doubles up to `max_wait_ms`: 10000, each times a random 0.5 to 1
     * - `max_retry_after_ms`: 60000; who is told to come back later than that throws at once
     * - `idempotency_keys`: true; with false, what has no key is not sent again where it may have been taken
     * - `lines_per_request`: 1000, of submitStream; `ca_file`: authorities to trust in place of the system's
     * - `json_flags`: of json_encode; slashes and Unicode are not escaped, and 1.0 stays 1.0
     * - `user_agent`; `sleep`: what is called with milliseconds in place of waiting, for tests
     */
    public function __construct(array $options = [])
    {
        $this->transport = new Transport($options);
    }

    /**
     * Submits one notify. Once it returns, it is on the broker's disk. Returns `id`, `state`, `due_at`, `lane`, `mode`, perhaps `duplicate` or
     * `kept`.
     */
    public function submit(array $notify): array
    {
        return $this->posted('/v1/notifies', $this->keyed($notify), ['safe' => $this->allKeyed([$notify])])->taken();
    }

    /**
     * Submits one notify and waits, 60,000 ms at most, until it is settled: then every field of it, and what its receiver answered as `response`;
     * else what submit returns.
     */
    public function submitAndWait(array $notify, int $waitMs): array
    {
        return $this->takenAndWatched('/v1/notifies', $notify, $waitMs, static function (array $taken): bool {
            $state = $taken['state'] ?? '';
            // One that was held before, and kept, may be another one by the next time.
            return in_array($state, self::SETTLED, true) || $state === 'removed' || ($taken['kept'] ?? false);
        });
    }

    /** Submits 1 to 10,000 notifies, all of them or none. Returns what submit does for each, in order. */
    public function submitBatch(array $notifies): array
    {
        return $this->posted('/v1/notifies', array_map([$this, 'keyed'], array_values($notifies)),
            ['safe' => $this->allKeyed($notifies)])->items(count($notifies))['items'];
    }

    /**
     * Submits any number of notifies, each accepted or refused by itself, a thousand in a request (`lines_per_request`), or 1 MiB, as results are asked for.
     * Yields for each, in order, `index` and `id` (perhaps `duplicate` or `kept`), or `index` and `error`, its problem document. What a break
     * leaves without an answer is sent again, with the same keys.
     *
     * @param iterable<array> $notifies
     * @return \Generator<int, array>
     */
    public function submitStream(iterable $notifies): \Generator
    {
        $stream = new Stream($this->transport);
        foreach ($this->pieces($notifies) as [$lines, $safe]) {
            yield from $stream->submit($lines, $safe);
        }
    }

    /**
     * Cuts a stream into the lines of one request each, and whether they are safe to repeat. Where the source fails, or gives what cannot be sent,
     * that is thrown behind the lines before it.
     */
    private function pieces(iterable $notifies): \Generator
    {
        $lines = [];
        $bytes = 0;
        $safe = true;
        $failure = null;
        try {
            foreach ($notifies as $notify) {
                $lines[] = $line = $this->encode($this->keyed($notify));
                $bytes += strlen($line) + 1;
                $safe = $safe && $this->allKeyed([$notify]);
                if (count($lines) >= $this->transport->option('lines_per_request') || $bytes >= self::BYTES_PER_REQUEST) {
                    yield [$lines, $safe];
                    $lines = [];
                    $bytes = 0;
                }
            }
        } catch (\Throwable $failure) {
            // Said below.
        }
        if ($lines !== []) {
            yield [$lines, $safe];
        }
        if ($failure !== null) {
            throw $failure;
        }
    }

    /**
     * Makes what is held under the fkey due now. `$with`: `data` (merged over what is held), `delay_ms` or `due_at`, `remember_ms` (how long the
     * trigger waits where nothing is held yet). Returns `id` and `state`, or `remembered`.
     */
    public function trigger(string $fkey, array $with = []): array
    {
        return $this->triggered($fkey, $with, false)->json();
    }

    /** As trigger, with the status of the answer: 202 it was triggered, 200 it had been before; `$counted` as Transport::send says. @internal */
    public function triggered(string $fkey, array $with = [], bool $counted = true): Answer
    {
        $more = ['query' => ['remember_ms' => $with['remember_ms'] ?? null], 'safe' => true, 'counted' => $counted];
        unset($with['remember_ms']);
        if (($with['data'] ?? null) === []) {
            $with['data'] = new \stdClass();  // only an object can be merged
        }
        return $this->posted(Transport::path('/v1/fkeys/', $fkey, '/trigger'), $with ?: null, $more);
    }

    /** The notify that is held under the fkey, or was triggered by it; or the trigger that waits for one. */
    public function getFkey(string $fkey, ?string &$etag = null): array
    {
        return $this->seen('GET', Transport::path('/v1/fkeys/', $fkey), [], $etag);
    }

    /** Cancels what is held under the fkey, or withdraws a trigger that waits. */
    public function cancelFkey(string $fkey): array
    {
        return $this->transport->send('DELETE', Transport::path('/v1/fkeys/', $fkey))->json();
    }

    /** Every field of a notify, and its attempts. `$etag` is filled: it is for change. */
    public function get(string $id, ?string &$etag = null): array
    {
        return $this->seen('GET', Transport::path('/v1/notifies/', $id), [], $etag);
    }

    /** The notify once it is settled, or as it is after so long. */
    public function wait(string $id, int $waitMs): array
    {
        return $this->watched(Transport::path('/v1/notifies/', $id), $waitMs, static function (array $notify): bool {
            return in_array($notify['state'] ?? '', self::SETTLED, true);
        });
    }

    /** What the receiver answered, as far as `keep_response_bytes` has it. */
    public function response(string $id): array
    {
        return $this->seen('GET', Transport::path('/v1/notifies/', $id, '/response'), []);
    }

    /** Why a notify is where it is. */
    public function explain(string $id): array
    {
        return $this->seen('GET', Transport::path('/v1/notifies/', $id, '/explain'), []);
    }

    /**
     * All notifies that match, newest first, asked for page by page. `$filters` are the API's query parameters; `limit` is the size of a page,
     * `state` and `label` may be lists.
     *
     * @return \Generator<int, array>
     */
    public function list(array $filters = []): \Generator
    {
        if (is_array($filters['state'] ?? null)) {
            $filters['state'] = implode(',', $filters['state']);
        }
        return $this->pages('/v1/notifies', $filters);
    }

    /**
     * Changes one that is neither settled nor in flight: a merge patch, null restores a default. With `$ifMatch`, an ETag, only where nobody
     * changed it since; then it is not sent again where it may have been done. `$etag` is filled with the new one.
     */
    public function change(string $id, array $patch, ?string $ifMatch = null, ?string &$etag = null): array
    {
        return $this->patched(Transport::path('/v1/notifies/', $id), $patch, $ifMatch, $etag);
    }

    /** Cancels one that is not settled; with `$ifMatch`, an ETag, only where nobody changed it since. */
    public function cancel(string $id, ?string $ifMatch = null): array
    {
        return $this->transport->send('DELETE', Transport::path('/v1/notifies/', $id), ['if_match' => $ifMatch])->json();
    }

    /** Sends it again now; with `$paused`, also where its lane is paused; `$ifMatch` as of cancel. */
    public function retry(string $id, bool $paused = false, ?string $ifMatch = null): array
    {
        $query = $paused ? ['query' => ['paused' => 'true']] : [];
        return $this->transport->send('POST', Transport::path('/v1/notifies/', $id, '/retry'), $query + ['if_match' => $ifMatch])->json();
    }

    /** Sends all again that match (`state` is needed). `$options`: `limit` a request, `dry_run` counts only. Returns how many. */
    public function retryMatching(array $filter, array $options = []): int
    {
        return $this->matching('/v1/notifies/retry', $filter, $options);
    }

    /** Cancels all that match; as retryMatching. */
    public function cancelMatching(array $filter, array $options = []): int
    {
        return $this->matching('/v1/notifies/cancel', $filter, $options);
    }

    /** Removes all settled ones that match; as retryMatching. */
    public function purgeMatching(array $filter, array $options = []): int
    {
        return $this->matching('/v1/notifies/purge', $filter, $options);
    }

    /** The lanes whose names begin so, page by page. @return \Generator<int, array> */
    public function lanes(?string $prefix = null, ?int $limit = null): \Generator
    {
        return $this->pages('/v1/lanes', ['prefix' => $prefix, 'limit' => $limit]);
    }

    /** One lane. `$mode`: `concurrent` or `fifo`. */
    public function lane(string $mode, string $name): array
    {
        return $this->seen('GET', Transport::path('/v1/lanes/', $mode, '/', $name), []);
    }

    /** Changes how a lane sends; null goes back to the default. */
    public function changeLane(string $mode, string $name, array $patch): array
    {
        return $this->patched(Transport::path('/v1/lanes/', $mode, '/', $name), $patch);
    }

    public function pauseLane(string $mode, string $name): array
    {
        return $this->changeLane($mode, $name, ['paused' => true]);
    }

    public function resumeLane(string $mode, string $name): array
    {
        return $this->changeLane($mode, $name, ['paused' => false]);
    }

    /** Publishes an event: `data` or `body`, perhaps `key`, `labels`. Returns `id`, and how many subscriptions `matched`. */
    public function publish(string $topic, array $event): array
    {
        $more = ['safe' => $this->allKeyed([$event])];
        return $this->posted(Transport::path('/v1/topics/', $topic, '/publish'), $this->keyed($event), $more)->taken();
    }

    /** Publishes several, each with its `topic`, all of them or none. */
    public function publishBatch(array $events): array
    {
        return $this->posted('/v1/publish', array_map([$this, 'keyed'], array_values($events)),
            ['safe' => $this->allKeyed($events)])->items(count($events))['items'];
    }

    /** Submits notifies as a group, all of them or none; with `$waitMs`, as submitAndWait, until all are settled. */
    public function makeGroup(array $group, ?int $waitMs = null): array
    {
        if ($waitMs === null) {
            return $this->posted('/v1/groups', $this->keyed($group), ['safe' => $this->allKeyed([$group])])->taken();
        }
        return $this->takenAndWatched('/v1/groups', $group, $waitMs, static function (array $taken): bool {
            return ($taken['state'] ?? 'pending') !== 'pending';
        });
    }

    /** A group, with what became of each of its notifies; with `$waitMs` once all are settled, or as it is after so long. */
    public function group(string $id, ?int $waitMs = null): array
    {
        $path = Transport::path('/v1/groups/', $id);
        return $waitMs === null ? $this->seen('GET', $path, []) : $this->watched($path, $waitMs, static function (array $group): bool {
            return ($group['state'] ?? 'pending') !== 'pending';
        });
    }

    /** All groups, newest first, page by page. @return \Generator<int, array> */
    public function groups(?int $limit = null): \Generator
    {
        return $this->pages('/v1/groups', ['limit' => $limit]);
    }

    /** Cancels those of a group's notifies that wait. */
    public function cancelGroup(string $id): array
    {
        return $this->transport->send('DELETE', Transport::path('/v1/groups/', $id))->json();
    }

    /**
     * Asks for anything of the API that has no method here. `$path` begins with /v1/, its segments percent-encoded. Null where the answer has no
     * body.
     *
     * @param mixed $json what is sent as JSON; null: no body
     */
    public function request(string $method, string $path, array $query = [], $json = null): ?array
    {
        Transport::checkTarget($method, $path);
        $more = ['query' => $query, 'safe' => in_array($method, ['GET', 'HEAD', 'PUT'], true)];
        if ($method === 'PATCH') {
            $more['type'] = 'application/merge-patch+json';
        }
        if ($json !== null) {
            $more['body'] = $this->encode($json);
        }
        $answer = $this->transport->send($method, $path, $more);
        return $answer->body === '' ? null : $answer->json();
    }

    /** A new idempotency key: 128 random bits. */
    public static function newKey(): string
    {
        return bin2hex(random_bytes(16));
    }

    /** @param mixed $json null: no body */
    private function posted(string $path, $json, array $more): Answer
    {
        return $this->transport->send('POST', $path, $more + ($json === null ? [] : ['body' => $this->encode($json)]));
    }

    private function seen(string $method, string $path, array $more, ?string &$etag = null): array
    {
        $answer = $this->transport->send($method, $path, $more);
        $etag = $answer->etag();
        return $answer->json();
    }

    private function patched(string $path, array $patch, ?string $ifMatch = null, ?string &$etag = null): array
    {
        return $this->seen('PATCH', $path, [
            'body' => $this->encode($patch ?: new \stdClass()),
            'type' => 'application/merge-patch+json',
            'if_match' => $ifMatch,
            'safe' => $ifMatch === null,
        ], $etag);
    }

    /** Waits in slices until it has ended, or so long has passed. A broker that stops or restarts answers earlier: it is asked again. */
    private function watched(string $path, int $waitMs, callable $ended): array
    {
        $end = self::nowMs() + $waitMs;
        for ($failed = $early = 0;; $waitMs = (int) ($end - self::nowMs())) {
            $slice = self::waiting($waitMs);
            $sliceEnd = self::nowMs() + $slice['wait_ms'];
            try {
                $answer = $this->transport->attempt('GET', $path, $slice)->json();
            } catch (Exception $error) {
                ++$failed;
                $this->transport->waitAfter($error->countAttempts($failed), $failed, true);
                continue;
            }
            $failed = 0;
            $now = self::nowMs();
            if ($ended($answer) || $now >= $end) {
                return $answer;
            }
            $early = $now < $sliceEnd ? $early + 1 : 0;
            if ($early > 0) {
                $this->transport->sleep(min($this->transport->pauseAfter($early), (int) ceil($end - $now)));
            }
        }
    }

    /**
     * Submits what is then waited for, until it has ended, or so long has passed. A broker that stops or restarts answers earlier: what has a key is
     * asked again. By then it was taken, which is told whatever comes of that.
     */
    private function takenAndWatched(string $path, array $body, int $waitMs, callable $ended): array
    {
        $safe = $this->allKeyed([$body]);
        $body = $this->keyed($body);
        $slice = self::waiting($waitMs);
        $end = self::nowMs() + $slice['wait_ms'];
        $taken = $this->posted($path, $body, $slice + ['safe' => $safe])->taken();
        for ($early = 1; $safe && $slice['wait_ms'] > 0 && !$ended($taken); ++$early) {
            $left = $end - self::nowMs();
            if ($left > 0) {
                $this->transport->sleep(min($this->transport->pauseAfter($early), (int) ceil($left)));
            }
            $slice = self::waiting((int) ($end - self::nowMs()));
            if ($slice['wait_ms'] < 1) {
                break;
            }
            try {
                $taken = $this->posted($path, $body, $slice + ['safe' => $safe])->taken();
            } catch (Exception $error) {
                break;
            }
        }
        return $taken;
    }

    /** By a clock that does not go back. */
    private static function nowMs(): float
    {
        return hrtime(true) / 1e6;
    }

    private static function waiting(int $waitMs): array
    {
        $waitMs = max(0, min(self::MOST_WAIT_MS, $waitMs));
        return ['query' => ['wait_ms' => $waitMs], 'wait_ms' => $waitMs];
    }

    private function pages(string $path, array $query): \Generator
    {
        do {
            $page = $this->transport->send('GET', $path, ['query' => $query])->items();
            foreach ($page['items'] as $item) {
                yield $item;
            }
            $query['cursor'] = $page['next'] ?? null;
        } while ($query['cursor'] !== null);
    }

    private function matching(string $path, array $filter, array $options): int
    {
        $count = 0;
        do {
            $done = $this->posted($path, ['filter' => $filter] + $options, [])->with('count', 'is_int');
            $count += $done['count'];
            $options['cursor'] = $done['next'] ?? null;
        } while ($options['cursor'] !== null);
        return $count;
    }

    private function keyed(array $item): array
    {
        return $this->allKeyed([$item]) && !isset($item['idempotency_key']) ? ['idempotency_key' => self::newKey()] + $item : $item;
    }

    /** Will each have a key? */
    private function allKeyed(array $items): bool
    {
        foreach ($items as $item) {
            if (!$this->transport->option('idempotency_keys') && !isset($item['idempotency_key'])) {
                return false;
            }
        }
        return true;
    }

    /** @param mixed $value */
    private function encode($value): string
    {
        return Json::encode($value, $this->transport->option('json_flags'));
    }
}
