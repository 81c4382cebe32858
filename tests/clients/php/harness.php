<?php

/** What the tests of the PHP client share: checks, cases that are named, processes that end with the test. */

namespace Notifyd\Tests;

require __DIR__ . '/../../../clients/php/autoload.php';

error_reporting(E_ALL);
// What PHP only warns of is a fault of ours.
set_error_handler(static function (int $level, string $message, string $file, int $line): bool {
    if (error_reporting() & $level) {
        throw new \ErrorException($message, 0, $level, $file, $line);
    }
    return false;
});

/** For whatever a busy machine may take; nothing waits so long where all is well. */
define('PATIENCE_S', 60 * (int) (getenv('NOTIFYD_TEST_SLOWNESS') ?: 1));

function same($seen, $wanted, string $what): void
{
    if ($seen !== $wanted) {
        throw new \Exception("$what: " . shown($seen) . ' instead of ' . shown($wanted));
    }
}

function check(bool $holds, string $what): void
{
    if (!$holds) {
        throw new \Exception($what);
    }
}

function shown($value): string
{
    return (string) json_encode($value, JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_PARTIAL_OUTPUT_ON_ERROR);
}

/** What `$work` throws; fails where it throws nothing, or nothing of this class. */
function thrown(string $class, callable $work): \Throwable
{
    try {
        $work();
    } catch (\Throwable $error) {
        check($error instanceof $class, get_class($error) . " instead of $class: " . $error->getMessage());
        return $error;
    }
    throw new \Exception("no $class was thrown");
}

/** Asks again until `$there` gives something true, and gives that. */
function until(callable $there, string $what)
{
    $end = microtime(true) + PATIENCE_S;
    do {
        $found = $there();
        if ($found) {
            return $found;
        }
        usleep(20000);
    } while (microtime(true) < $end);
    throw new \Exception('waited in vain: ' . $what);
}

/** Runs named cases; exits 1 where one fails, and says all that did. With an argument only those whose names hold it. */
function run(array $cases): void
{
    $only = $GLOBALS['only'] ?? '';
    $failed = $ran = 0;
    foreach ($cases as $name => $case) {
        if ($only !== '' && strpos($name, $only) === false) {
            continue;
        }
        ++$ran;
        try {
            $case();
        } catch (\Throwable $error) {
            ++$failed;
            fwrite(STDERR, "FAILED $name: " . $error->getMessage() . ' (' . basename($error->getFile()) . ':' . $error->getLine() . ")\n");
        }
    }
    check($ran > 0, 'there is no such case');
    echo $ran - $failed, " of $ran cases hold\n";
    exit($failed ? 1 : 0);
}

/** A process that ends with the test, whatever happens. */
final class Process
{
    public $stdin;
    public $stdout;
    private $process;

    /** `$stderr`: a file. */
    public function __construct(array $command, string $stderr = '/dev/null', ?array $environment = null)
    {
        $pipes = [];
        $this->process = proc_open($command, [['pipe', 'r'], ['pipe', 'w'], ['file', $stderr, 'w']], $pipes, null, $environment);
        check(is_resource($this->process), 'cannot run ' . implode(' ', $command));
        [$this->stdin, $this->stdout] = $pipes;
        register_shutdown_function([$this, 'end']);
    }

    public function running(): bool
    {
        return is_resource($this->process) && proc_get_status($this->process)['running'];
    }

    public function signal(int $number): void
    {
        proc_terminate($this->process, $number);
    }

    /** Ends it, and gives what it wrote that nobody read. */
    public function end(int $signal = SIGTERM): string
    {
        if (!is_resource($this->process)) {
            return '';
        }
        fclose($this->stdin);
        proc_terminate($this->process, $signal);
        $rest = stream_get_contents($this->stdout);
        fclose($this->stdout);
        proc_close($this->process);
        return (string) $rest;
    }
}

/** A directory that goes with the test, once the processes that write into it have ended: what is registered at the end comes last. */
function temporaryDirectory(): string
{
    $directory = sys_get_temp_dir() . '/notifyd-php-' . bin2hex(random_bytes(8));
    mkdir($directory, 0700);
    register_shutdown_function('register_shutdown_function', static function () use ($directory): void {
        removeTree($directory);
    });
    return $directory;
}

function removeTree(string $path): void
{
    if (is_dir($path) && !is_link($path)) {
        foreach (array_diff(scandir($path), ['.', '..']) as $name) {
            removeTree("$path/$name");
        }
        rmdir($path);
    } elseif (file_exists($path) || is_link($path)) {
        unlink($path);
    }
}
