<?php

namespace Notifyd;

/** Files in a directory of its own, a file an id, for all processes of a machine: those of PHP-FPM, say. It outlives them. */
final class DirectoryDedup implements Remembers
{
    /** How many changes there are between two sweeps, about. */
    private const SWEEP_EVERY = 500;

    /** @var string */
    private $directory;
    /** @var int */
    private $ttlMs;
    /** @var int */
    private $claimMs;
    /** @var callable(): int */
    private $nowMs;

    /**
     * `$directory` is made where it is missing, for its user alone. What was done is remembered for `$ttlMs`: longer than the broker goes on trying.
     * What was claimed and not finished is given up after `$claimMs`: longer than the work takes, for the process may have died at it. RuntimeException
     * where the directory cannot be written to.
     */
    public function __construct(string $directory, int $ttlMs = 86400000, int $claimMs = 300000, ?callable $nowMs = null)
    {
        if (!is_dir($directory) && !@mkdir($directory, 0700, true) && !is_dir($directory)) {
            throw new \RuntimeException("cannot make the directory $directory");
        }
        $this->directory = $directory;
        $this->ttlMs = $ttlMs;
        $this->claimMs = $claimMs;
        $this->nowMs = $nowMs ?? static function (): int {
            return (int) (microtime(true) * 1000);
        };
    }

    public function claim(string $id): string
    {
        return $this->locked(function (int $now) use ($id): string {
            [$known] = $this->read($this->file($id), $now);
            if ($known !== null) {
                return $known;
            }
            $this->write($id, self::BUSY, $now);
            return self::NEW;
        });
    }

    public function finish(string $id, string $answer = ''): void
    {
        $this->locked(function (int $now) use ($id, $answer): void {
            $this->write($id, self::DONE, $now, $answer);
        });
    }

    public function release(string $id): void
    {
        $this->locked(function (int $now) use ($id): void {
            if ($this->read($this->file($id), $now)[0] === self::BUSY) {
                unlink($this->file($id));
            }
        });
    }

    public function answer(string $id): string
    {
        return $this->locked(function (int $now) use ($id): string {
            return $this->read($this->file($id), $now)[1];
        });
    }

    /** @return mixed what `$work` returns, which no other process runs meanwhile */
    private function locked(callable $work)
    {
        $lock = @fopen($this->directory . '/lock', 'c');
        if (!$lock || !flock($lock, LOCK_EX)) {
            throw new \RuntimeException("cannot write to {$this->directory}");
        }
        try {
            $now = ($this->nowMs)();
            if (random_int(1, self::SWEEP_EVERY) === 1) {
                $this->sweep($now);
            }
            return $work($now);
        } finally {
            fclose($lock);
        }
    }

    /** Removes what is forgotten. */
    private function sweep(int $now): void
    {
        // Not glob: the directory's name may hold what is a pattern to it.
        foreach (scandir($this->directory) ?: [] as $name) {
            $file = $this->directory . '/' . $name;
            if (substr($name, -3) === '.id' && $this->read($file, $now)[0] === null) {
                unlink($file);
            }
        }
    }

    private function file(string $id): string
    {
        return $this->directory . '/' . hash('sha256', $id) . '.id';
    }

    /** `busy` or `done`, and the answer; null and an empty one where there is nothing, or it is forgotten. */
    private function read(string $file, int $now): array
    {
        $text = is_file($file) ? (string) file_get_contents($file) : '';
        [$state, $since, $answer] = explode(' ', $text, 3) + ['', '0', ''];
        $keptMs = $state === self::BUSY ? $this->claimMs : $this->ttlMs;
        return $state !== '' && (int) $since > $now - $keptMs ? [$state, $answer] : [null, ''];
    }

    private function write(string $id, string $state, int $now, string $answer = ''): void
    {
        $file = $this->file($id);
        // Another file takes its place whole, so that a process that dies in the middle leaves no half one.
        if (file_put_contents("$file.new", "$state $now $answer") === false || !rename("$file.new", $file)) {
            throw new \RuntimeException("cannot write to {$this->directory}");
        }
    }
}
