<?php

namespace Notifyd;

/**
 * Requests over ext-curl: one after the other, over one connection that is kept, with attempts, waits and time limits. Not what is asked: Client.
 * A process that forks gets a connection of its own. @internal
 */
final class Transport
{
    public const VERSION = '0.1.0';
    private const DEFAULTS = [
        'url' => null,
        'token' => null,
        'namespace' => null,
        'timeout_ms' => 30000,
        'connect_timeout_ms' => 5000,
        'attempts' => 4,
        'initial_wait_ms' => 200,
        'max_wait_ms' => 10000,
        'max_retry_after_ms' => 60000,
        'idempotency_keys' => true,
        'lines_per_request' => 1000,
        'ca_file' => null,
        'json_flags' => JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_PRESERVE_ZERO_FRACTION,
        'user_agent' => 'notifyd-php/' . self::VERSION,
        'sleep' => null,
    ];

    /** What counts where more is asked for, in every language alike. */
    private const MOST_RETRY_AFTER_S = 2147483647;

    /** No answer of a broker is so long: what is gets not read to its end. */
    private const MOST_ANSWER_BYTES = 256 << 20;

    /** @var array */
    private $options;
    /** @var string what every target begins with */
    private $base;
    /** @var string|null of a socket in the file system */
    private $socket;
    /** @var resource|\CurlHandle|null */
    private $curl;
    /** @var int the process that $curl is of */
    private $process = 0;

    /** The options are those of Client. Throws InvalidArgumentException at one that is unknown, and where the address is none. */
    public function __construct(array $options)
    {
        $unknown = array_diff_key($options, self::DEFAULTS);
        if ($unknown) {
            throw new \InvalidArgumentException('there is no option ' . implode(', ', array_keys($unknown)));
        }
        $options = array_filter($options, static function ($value) {
            return $value !== null;
        });
        foreach (['url' => 'NOTIFYD_URL', 'token' => 'NOTIFYD_TOKEN', 'namespace' => 'NOTIFYD_NAMESPACE'] as $name => $variable) {
            $value = getenv($variable);
            if (!isset($options[$name]) && is_string($value) && $value !== '') {
                $options[$name] = $value;
            }
        }
        $this->options = $options + self::DEFAULTS;
        $url = $this->options['url'] ?? 'http://127.0.0.1:7300';
        if (strncmp($url, 'unix:/', 6) === 0) {
            $this->socket = substr($url, 5);
            $url = 'http://localhost';
        }
        if (!preg_match('#^https?://[^/?\#\s@]+(/[\x21-\x7e]*)?$#Di', $url) || strpbrk($url, '?#') !== false) {
            $shown = preg_replace('#//.*@#s', '//***@', $url);
            throw new \InvalidArgumentException("\"$shown\" is no address of a broker: http://HOST:PORT, https://HOST:PORT or unix:/PATH");
        }
        $this->base = rtrim($url, '/');
        $token = $this->options['token'];
        if ($token !== null && !preg_match('/^[\x21-\x7e]+$/D', $token)) {
            throw new \InvalidArgumentException('the token holds what a header cannot, as a line end');
        }
        self::headerValue($this->options['user_agent'], 'the user agent');
    }

    /** What var_dump and the like show: no token. */
    public function __debugInfo(): array
    {
        return ['base' => $this->base, 'options' => ['token' => $this->options['token'] === null ? null : '***'] + $this->options];
    }

    private static function headerValue(string $text, string $what): string
    {
        if (!preg_match('/^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/D', $text)) {
            throw new \InvalidArgumentException("$what holds what a header cannot, as a line end");
        }
        return $text;
    }

    /** Throws InvalidArgumentException where a request line cannot have them, or where the path would lead elsewhere. */
    public static function checkTarget(string $method, string $path): void
    {
        if (!preg_match('/^[A-Za-z]+$/D', $method)) {
            throw new \InvalidArgumentException('that is no method');
        }
        if (in_array(strtoupper($method), ['CONNECT', 'TRACE'], true)) {
            throw new \InvalidArgumentException('CONNECT makes a tunnel, and TRACE would show the token');
        }
        if (!preg_match('#^/v1/[\x21-\x7e]*$#D', $path) || strpbrk($path, '#\\') !== false) {
            throw new \InvalidArgumentException('a path begins with /v1/ and is percent-encoded');
        }
        if (preg_match('#/(\.|%2e){1,2}(/|\?|$)#Di', $path)) {
            throw new \InvalidArgumentException('a path has no dots as a segment');
        }
    }

    /** @return mixed */
    public function option(string $name)
    {
        return $this->options[$name];
    }

    /** A path of segments and what stands between them: `Transport::path('/v1/fkeys/', $fkey, '/trigger')`; every second one is encoded. */
    public static function path(string ...$parts): string
    {
        foreach ($parts as $i => $part) {
            if ($i % 2 === 0) {
                continue;
            }
            if ($part === '' || $part === '.' || $part === '..') {
                throw new \InvalidArgumentException("\"$part\" cannot stand in a path");
            }
            $parts[$i] = self::encoded($part);
        }
        return implode('', $parts);
    }

    /** Percent-encodes all but unreserved characters (RFC 3986). */
    private static function encoded(string $text): string
    {
        if (!preg_match('//u', $text)) {
            throw new \InvalidArgumentException('a text of the URL is not UTF-8');
        }
        return rawurlencode($text);
    }

    /**
     * Asks until an answer stands. `$path` begins with /v1/; the namespace's prefix goes in. `$more`: `query` (an array), `body`, `type` (its
     * Content-Type), `if_match`, `wait_ms` (what the broker is asked to wait; it is added to the time limit), `safe`: may it be repeated though it
     * may have been done? `counted`: curl repeats nothing by itself, so that Answer::$mayBeRepeat tells it. Throws Refused and NoAnswer.
     */
    public function send(string $method, string $path, array $more = []): Answer
    {
        $mayBeDone = false;
        for ($attempt = 1;; ++$attempt) {
            try {
                $answer = $this->attempt($method, $path, $more);
                $answer->mayBeRepeat = $mayBeDone;
                return $answer;
            } catch (Exception $error) {
                $mayBeDone = $mayBeDone || !self::isUndone($error);
                $this->waitAfter($error->countAttempts($attempt), $attempt, $more['safe'] ?? $method === 'GET');
            }
        }
    }

    /**
     * Waits until the attempt behind the one with this number, or throws its error where there is to be none:
     * the attempts are used up, it is not safe to repeat, or Retry-After is too far.
     */
    public function waitAfter(Exception $error, int $attempt, bool $safe): void
    {
        $undone = self::isUndone($error);
        $unknown = $error instanceof NoAnswer || in_array($error->getStatus(), [502, 504], true);
        if ($attempt >= $this->options['attempts'] || !($undone || ($unknown && $safe))) {
            throw $error;
        }
        $wait = $this->pauseAfter($attempt);
        if ($error instanceof Refused && $error->getRetryAfterMs() !== null) {
            if ($error->getRetryAfterMs() > $this->options['max_retry_after_ms']) {
                throw $error;
            }
            $wait = max($wait, $error->getRetryAfterMs());
        }
        $this->sleep($wait);
    }

    /** Was nothing of it done, for certain? */
    private static function isUndone(Exception $error): bool
    {
        return $error instanceof NoAnswer ? !$error->wasSent() : in_array($error->getStatus(), [429, 503], true);
    }

    /** How many milliseconds one waits after the attempt with this number. */
    public function pauseAfter(int $attempt): int
    {
        $wait = min($this->options['max_wait_ms'], $this->options['initial_wait_ms'] * 2 ** ($attempt - 1));
        return (int) round($wait * random_int(500, 1000) / 1000);
    }

    public function sleep(int $ms): void
    {
        if ($this->options['sleep'] !== null) {
            ($this->options['sleep'])($ms);
        } else {
            // Of usleep 32 bits count, which are 71 minutes.
            time_nanosleep(intdiv($ms, 1000), $ms % 1000 * 1000000);
        }
    }

    /** Asks once. `$partial`, where it is given, is filled with what came of the body, also where it then breaks off. */
    public function attempt(string $method, string $path, array $more, ?string &$partial = null): Answer
    {
        $partial = '';
        $lines = [];
        $curl = $this->handle();
        $body = $more['body'] ?? null;
        curl_setopt_array($curl, [
            CURLOPT_URL => $this->base . $this->target($path) . self::query($more['query'] ?? []),
            CURLOPT_CUSTOMREQUEST => $method,
            CURLOPT_NOBODY => $method === 'HEAD',
            CURLOPT_HTTPHEADER => $this->headers($more),
            CURLOPT_TIMEOUT_MS => $this->options['timeout_ms'] + ($more['wait_ms'] ?? 0),
            CURLOPT_CONNECTTIMEOUT_MS => min($this->options['connect_timeout_ms'], $this->options['timeout_ms']),
            // Curl repeats by itself what it sent over a kept connection that turns out to be closed.
            CURLOPT_FRESH_CONNECT => !($more['safe'] ?? $method === 'GET') || ($more['counted'] ?? false),
            CURLOPT_HEADERFUNCTION => static function ($curl, string $line) use (&$lines): int {
                if (strncmp($line, 'HTTP/', 5) === 0) {
                    $lines = [];  // of answers of 1xx there may be many
                }
                $lines[] = $line;
                return strlen($line);
            },
            CURLOPT_WRITEFUNCTION => static function ($curl, string $bytes) use (&$partial): int {
                if (strlen($partial) + strlen($bytes) > self::MOST_ANSWER_BYTES) {
                    return 0;
                }
                $partial .= $bytes;
                return strlen($bytes);
            },
        ] + ($body !== null ? [CURLOPT_POSTFIELDS => $body] : []));
        $done = curl_exec($curl);
        [$code, $why] = [curl_errno($curl), curl_error($curl)];
        $status = (int) curl_getinfo($curl, CURLINFO_RESPONSE_CODE);
        $sent = curl_getinfo($curl, CURLINFO_PRETRANSFER_TIME) > 0;
        curl_reset($curl);
        $headers = self::headersOf($lines);
        if ($code === CURLE_WRITE_ERROR && $status >= 200 && $status < 300) {
            throw new BadAnswer('the answer has no end', $status);
        }
        if ($status < 200 || $status > 299) {
            // Not the lines of a stream, whatever they look like.
            [$refusal, $partial] = [$partial, ''];
        }
        if ($done === false || $status < 200 || $headers === null) {
            $kind = $code === CURLE_OPERATION_TIMEDOUT ? 'timeout' : 'connection';
            throw new NoAnswer($kind, "no answer from {$this->base}: " . ($why === '' ? 'what came is no whole answer of HTTP' : $why), $sent);
        }
        if ($status > 299) {
            throw Refused::of($status, Json::object($refusal), self::retryAfterMs($headers['retry-after'] ?? ''));
        }
        return new Answer($status, $headers, $partial);
    }

    /** @return resource|\CurlHandle */
    private function handle()
    {
        if ($this->process !== getmypid()) {
            $this->process = getmypid();
            $this->curl = curl_init();
        }
        curl_setopt_array($this->curl, [
            CURLOPT_PROTOCOLS => CURLPROTO_HTTP | CURLPROTO_HTTPS,
            CURLOPT_FOLLOWLOCATION => false,  // the token would go along
            CURLOPT_PATH_AS_IS => true,
            CURLOPT_NOSIGNAL => true,
            CURLOPT_PROXY => '',
        ]);
        if ($this->socket !== null) {
            curl_setopt($this->curl, CURLOPT_UNIX_SOCKET_PATH, $this->socket);
        }
        if ($this->options['ca_file'] !== null) {
            curl_setopt($this->curl, CURLOPT_CAINFO, $this->options['ca_file']);
        }
        return $this->curl;
    }

    /**
     * The headers of the answer that counts, which is the last one, by their names in lower case. Null where its head broke off, which curl takes
     * for an answer without a body: a whole one has an empty line at its end.
     */
    private static function headersOf(array $lines): ?array
    {
        $headers = null;
        $whole = false;
        foreach ($lines as $line) {
            if (strncmp($line, 'HTTP/', 5) === 0) {
                $headers = [];
                $whole = false;
            } elseif (trim($line) === '') {
                $whole = true;
            } elseif (!$whole && strpos($line, ':') !== false) {
                [$name, $value] = explode(':', $line, 2);
                $headers[strtolower(trim($name))] = trim($value);
            }
        }
        return $whole ? $headers : null;
    }

    private function target(string $path): string
    {
        $namespace = $this->options['namespace'];
        return $namespace === null ? $path : self::path('/v1/namespaces/', $namespace, substr($path, 3));
    }

    /** Lists become one parameter each, what is true `true`; null is left out. */
    private static function query(array $query): string
    {
        $pairs = [];
        foreach ($query as $name => $values) {
            foreach (is_array($values) ? $values : [$values] as $value) {
                if ($value !== null) {
                    $pairs[] = self::encoded($name) . '=' . self::encoded(is_bool($value) ? ($value ? 'true' : 'false') : (string) $value);
                }
            }
        }
        return $pairs ? '?' . implode('&', $pairs) : '';
    }

    private function headers(array $more): array
    {
        $headers = ['Accept: application/json', 'User-Agent: ' . $this->options['user_agent'], 'Expect:'];
        // Without a body curl would name a type of its own.
        $headers[] = isset($more['body']) ? 'Content-Type: ' . ($more['type'] ?? 'application/json') : 'Content-Type:';
        if (isset($more['if_match'])) {
            $headers[] = 'If-Match: ' . self::headerValue($more['if_match'], 'ifMatch');
        }
        if ($this->options['token'] !== null) {
            $headers[] = 'Authorization: Bearer ' . $this->options['token'];
        }
        return $headers;
    }

    /** Seconds, or a date (RFC 9110 section 10.2.3), MOST_RETRY_AFTER_S at most; null where it is neither. */
    private static function retryAfterMs(string $text): ?int
    {
        $seconds = null;
        if (preg_match('/^\d+$/D', $text)) {
            $seconds = (float) $text;
        } elseif ($date = \DateTimeImmutable::createFromFormat('D, d M Y H:i:s \G\M\T', $text, new \DateTimeZone('UTC'))) {
            $seconds = $date->getTimestamp() - microtime(true);
        }
        return $seconds === null ? null : (int) (max(0, min($seconds, self::MOST_RETRY_AFTER_S)) * 1000);
    }
}
