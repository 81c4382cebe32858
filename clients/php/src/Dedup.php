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
    /** @var array<string, string> id => the answer to it, where there is one; the oldest first */
    private $answers = [];
    /** @var int for so many bytes more of answers */
    private $room;

    /**
     * Remembers so many ids, the oldest goes first, each for `$ttlMs` from its claim or finish: longer than the broker goes on trying. Of their answers
     * `$answerBytes` in all, the latest ones.
     */
    public function __construct(int $capacity = 100000, int $ttlMs = 86400000, ?callable $nowMs = null, int $answerBytes = 16 << 20)
    {
        $this->capacity = max(1, $capacity);
        $this->ttlMs = $ttlMs;
        $this->room = $answerBytes;
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

    public function finish(string $id, string $answer = ''): void
    {
        $this->put('#' . $id, true);
        if ($answer !== '') {
            $this->answers['#' . $id] = $answer;
            $this->room -= strlen($answer);
        }
        // An id stays where its answer goes: that work is done twice would be worse than that its repeat is answered otherwise.
        while ($this->room < 0) {
            reset($this->answers);
            $this->forgetAnswer(key($this->answers));
        }
    }

    public function release(string $id): void
    {
        if (!($this->known['#' . $id][0] ?? true)) {
            $this->forget('#' . $id);
        }
    }

    public function answer(string $id): string
    {
        return $this->answers['#' . $id] ?? '';
    }

    private function put(string $key, bool $done): void
    {
        $this->forget($key);
        $this->known[$key] = [$done, ($this->nowMs)()];
        if (count($this->known) > $this->capacity) {
            reset($this->known);
            $this->forget(key($this->known));
        }
    }

    private function forget(string $key): void
    {
        unset($this->known[$key]);
        $this->forgetAnswer($key);
    }

    private function forgetAnswer(string $key): void
    {
        $this->room += strlen($this->answers[$key] ?? '');
        unset($this->answers[$key]);
    }

    private function forgetOld(): void
    {
        $before = ($this->nowMs)() - $this->ttlMs;
        reset($this->known);
        while (($entry = current($this->known)) && $entry[1] <= $before) {
            $this->forget(key($this->known));
            reset($this->known);
        }
    }
}
