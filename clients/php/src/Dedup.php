<?php

namespace Notifyd;

/** In the memory of one process that serves many calls (a worker). Processes that serve one each share a DirectoryDedup. */
final class Dedup implements Remembers
{
    /** @var int */
    private $capacity;
    /** @var int */
    private $ttlMs;
    /** @var callable(): int */
    private $nowMs;
    /** @var array<string, array{bool, int}> id => is it done?, since when; the oldest first */
    private $known = [];

    /** Remembers so many ids, the oldest goes first, each for `$ttlMs` from its claim or finish: longer than the broker goes on trying. */
    public function __construct(int $capacity = 100000, int $ttlMs = 86400000, ?callable $nowMs = null)
    {
        $this->capacity = max(1, $capacity);
        $this->ttlMs = $ttlMs;
        $this->nowMs = $nowMs ?? static function (): int {
            return (int) (microtime(true) * 1000);
        };
    }

    public function claim(string $id): string
    {
        $this->forgetOld();
        $key = '#' . $id;  // PHP would make a number of a key that looks like one
        if (isset($this->known[$key])) {
            return $this->known[$key][0] ? self::DONE : self::BUSY;
        }
        $this->put($key, false);
        return self::NEW;
    }

    public function finish(string $id): void
    {
        $this->put('#' . $id, true);
    }

    public function release(string $id): void
    {
        if (!($this->known['#' . $id][0] ?? true)) {
            unset($this->known['#' . $id]);
        }
    }

    private function put(string $key, bool $done): void
    {
        unset($this->known[$key]);
        $this->known[$key] = [$done, ($this->nowMs)()];
        if (count($this->known) > $this->capacity) {
            unset($this->known[key($this->known)]);
        }
    }

    private function forgetOld(): void
    {
        $before = ($this->nowMs)() - $this->ttlMs;
        reset($this->known);
        while (($entry = current($this->known)) && $entry[1] <= $before) {
            unset($this->known[key($this->known)]);
            reset($this->known);
        }
    }
}
