<?php

namespace Notifyd;

use Walle\Modules\Notify\NotifyMessage;

/**
 * NotifyAgent's rows as notifies: what NotifyMessage::getNotify() gives, a job of its queues, or a row of its table. The broker's own doors for
 * NotifyAgent make the same of them. Numbers count by their value. @internal
 */
final class LegacyNotify
{
    /** NotifyAgent retries nine times, the nth time after 9 * 2^n seconds. */
    private const MOST_RETRIES = 9;
    private const WAIT_UNIT_MS = 9000;
    private const TIMEOUT_MS = 3600000;
    private const UNANSWERED_TIMEOUT_MS = 1000;
    private const MOST_LABEL_BYTES = 256;
    private const MOST_CALLER_BYTES = 100;

    /** As a notify that is due now. Its time and its fKey hold nothing, and are kept as labels. */
    public static function atOnce(array $row): array
    {
        return self::request($row) + self::terms($row) + self::labels($row, ['fKey', 'timeDelayedSend']);
    }

    /**
     * As a notify that waits for its time, its fKey, or whichever comes first. `$data` is what the row's text was made of; a trigger's can be
     * merged into it.
     */
    public static function waiting(array $row, array $data): array
    {
        $when = [];
        if (!empty($row['timeDelayedSend'])) {
            $time = strtotime($row['timeDelayedSend']);
            if ($time === false) {
                throw new Exception('unacceptable', "\"{$row['timeDelayedSend']}\" is no time", 22007);
            }
            $when['due_at'] = date(DATE_RFC3339, $time);
        }
        if (empty($row['fKey'])) {
            return self::request($row) + self::terms($row) + $when + self::labels($row, []);
        }
        return self::mergeable($row, $data) + self::terms($row) + $when + ['fkey' => (string) $row['fKey']] + self::labels($row, []);
    }

    /** The patch that gives a held notify what it sends with `$mergeData` merged in, as NotifyAgent did it. */
    public static function merged(array $held, array $mergeData): array
    {
        $type = $held['content_type'];
        $text = isset($held['body_base64']) ? base64_decode($held['body_base64']) : ($held['body'] ?? null);
        $data = $text === null ? ($held['data'] ?? []) : NotifyMessage::parse($text, $type);
        return ['body' => NotifyMessage::stringify(array_merge((array) $data, $mergeData), $type)];
    }

    /** The number that an id of the API is written from. */
    public static function decimalId(string $id): string
    {
        return preg_match('/^n[0-7][0-9a-f]{15}$/D', $id) ? (string) hexdec(substr($id, 1)) : $id;
    }

    /** Where and what, byte for byte. */
    private static function request(array $row): array
    {
        $data = self::text($row);
        if (!self::isPost($row)) {
            return ['url' => self::withQuery(self::url($row), $data), 'method' => 'GET'];
        }
        $type = empty($row['contentType']) ? NotifyMessage::CONTENT_TYPE_FORM : $row['contentType'];
        if ($data === '' && $type === NotifyMessage::CONTENT_TYPE_JSON) {
            $data = '[]';
        }
        $body = preg_match('//u', $data) ? ['body' => $data] : ['body_base64' => base64_encode($data)];
        return ['url' => self::url($row), 'method' => 'POST', 'content_type' => $type] + $body;
    }

    /** Where and what, as `data` where the broker makes the same bytes of it: only into that it merges what a trigger brings. */
    private static function mergeable(array $row, array $data): array
    {
        $text = self::text($row);
        $form = $row['contentType'] === NotifyMessage::CONTENT_TYPE_FORM;
        $value = json_decode($form ? (string) json_encode($data) : $text);
        if (!$value instanceof \stdClass || ($form && http_build_query(json_decode((string) json_encode($data), true)) !== $text)) {
            return self::request($row);
        }
        return ['url' => self::url($row), 'data' => $value]
            + (self::isPost($row) ? ['method' => 'POST', 'content_type' => $row['contentType']] : ['method' => 'GET']);
    }

    /** Which lane, how often, what answer counts, who; and five redirects, as NotifyAgent followed them. */
    private static function terms(array $row): array
    {
        $terms = ['lane' => (string) $row['queueName'], 'mode' => 'fifo', 'caller' => self::isCaller($row) ? (string) $row['caller'] : null,
            'follow_redirects' => true];
        if ((int) ($row['needResponse'] ?? 1) === NotifyMessage::NEED_RESPONSE_NO) {
            return array_filter($terms) + ['reply' => 'none', 'timeout_ms' => self::UNANSWERED_TIMEOUT_MS];
        }
        $expect = ['status' => ['1xx', '2xx', '3xx', '4xx', '5xx']];
        if ((string) ($row['expectResponse'] ?? '') !== '') {
            $expect['contains'] = $row['expectResponse'];
        }
        return array_filter($terms) + ['timeout_ms' => self::TIMEOUT_MS, 'expect' => $expect, 'retry' => self::retry($row)];
    }

    private static function retry(array $row): array
    {
        $once = (int) ($row['runOnce'] ?? 0) === NotifyMessage::RUN_ONCE_YES;
        $made = $once ? self::MOST_RETRIES : max(0, min(self::MOST_RETRIES, (int) ($row['retryTimes'] ?? 0)));
        $retry = ['max_attempts' => self::MOST_RETRIES + 1 - $made];
        for ($n = $made + 1; $n <= self::MOST_RETRIES; ++$n) {
            $retry['schedule_ms'][] = self::WAIT_UNIT_MS * 2 ** $n;
            $retry['jitter'] = 0;
        }
        return $retry;
    }

    private static function text(array $row): string
    {
        if (!is_string($row['data'] ?? '')) {
            throw new Exception('unacceptable', 'the data cannot be written as JSON');
        }
        return $row['data'] ?? '';
    }

    private static function isPost(array $row): bool
    {
        return strtoupper((string) $row['method']) === 'POST';
    }

    /** The data behind the URL, in front of a fragment; what may not stand in a query (RFC 3986 section 3.4) is percent-encoded. */
    private static function withQuery(string $url, string $data): string
    {
        [$url, $fragment] = explode('#', $url, 2) + [1 => null];
        $query = preg_replace_callback("/%(?![0-9A-Fa-f]{2})|[^A-Za-z0-9\\-._~!$&'()*+,;=:@\\/?%]/", static function (array $found): string {
            return rawurlencode($found[0]);
        }, $data);
        return $url . (strpos($url, '?') === false ? '?' : '&') . $query . ($fragment === null ? '' : '#' . $fragment);
    }

    /** The URL, what curl sent as it was and a URL may not hold percent-encoded: its host stays, for that cannot be. */
    private static function url(array $row): string
    {
        preg_match('#^([a-z]+://[^/?\#]*)?(.*)$#Dis', (string) $row['url'], $parts);
        return $parts[1] . preg_replace_callback('/[^\x21-\x7e]|\\\\/', static function (array $found): string {
            return rawurlencode($found[0]);
        }, $parts[2]);
    }

    private static function isCaller(array $row): bool
    {
        return !empty($row['caller']) && strlen((string) $row['caller']) <= self::MOST_CALLER_BYTES;
    }

    /** What holds nothing, and a caller who is too long to be one: to be found by. */
    private static function labels(array $row, array $names): array
    {
        $labels = [];
        foreach (array_merge($names, self::isCaller($row) ? [] : ['caller']) as $name) {
            $value = (string) ($row[$name] ?? '');
            if ($value !== '' && strlen($value) <= self::MOST_LABEL_BYTES) {
                $labels[$name] = $value;
            }
        }
        return $labels ? ['labels' => $labels] : [];
    }
}
