<?php

namespace Notifyd;

/** An answer of 2xx. @internal */
final class Answer
{
    /** @var int */
    public $status;
    /** @var array<string, string> by their names in lower case */
    public $headers;
    /** @var string */
    public $body;
    /** @var int how often it was asked */
    public $attempts = 1;

    public function __construct(int $status, array $headers, string $body)
    {
        $this->status = $status;
        $this->headers = $headers;
        $this->body = $body;
    }

    /** The object that it holds. Throws BadAnswer where it holds none. */
    public function json(): array
    {
        $value = self::object($this->body);
        if ($value === null) {
            throw new BadAnswer("what answered {$this->status} is no object of JSON: is that a broker's address?", $this->status);
        }
        return $value;
    }

    /** A JSON text's object, as an array; null where it is none. Integers beyond 64 bits become strings, so that no digit is lost. */
    public static function object(string $text): ?array
    {
        $value = json_decode($text, true, 512, JSON_BIGINT_AS_STRING);
        return is_array($value) && strncmp(ltrim($text), '{', 1) === 0 ? $value : null;
    }

    public function etag(): ?string
    {
        return $this->headers['etag'] ?? null;
    }
}
