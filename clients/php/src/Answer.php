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
    /** @var bool whether an earlier attempt may have done it already */
    public $mayBeRepeat = false;

    public function __construct(int $status, array $headers, string $body)
    {
        $this->status = $status;
        $this->headers = $headers;
        $this->body = $body;
    }

    /** The object that it holds. Throws BadAnswer where it holds none. */
    public function json(): array
    {
        $value = Json::object($this->body);
        if ($value === null) {
            throw new BadAnswer("what answered {$this->status} is no object of JSON: is that a broker's address?", $this->status);
        }
        return $value;
    }

    /** As json, of what the broker takes: it has an id. Whatever answers without one took nothing. */
    public function taken(): array
    {
        return $this->with('id', 'is_string');
    }

    /** As json, with the items of a batch, `$count` where that is given, each with its id; of a page whatever there is. */
    public function items(?int $count = null): array
    {
        $value = $this->with('items', 'is_array');
        if ($count !== null) {
            $ids = array_filter($value['items'], static function ($item): bool {
                return is_array($item) && is_string($item['id'] ?? null);
            });
            if (count($ids) !== $count || count($value['items']) !== $count) {
                throw new BadAnswer("what answered {$this->status} has not an id for each", $this->status);
            }
        }
        return $value;
    }

    /** As json, with such a member. */
    public function with(string $member, callable $is): array
    {
        $value = $this->json();
        if (!$is($value[$member] ?? null)) {
            throw new BadAnswer("what answered {$this->status} has no $member: is that a broker's address?", $this->status);
        }
        return $value;
    }

    public function etag(): ?string
    {
        return $this->headers['etag'] ?? null;
    }
}
