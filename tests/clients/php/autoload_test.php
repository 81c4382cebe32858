<?php

/**
 * Whose NotifyAgent an application gets that has a tree `Walle\` of its own, with the old classes in it: Composer's autoloader as it is made by
 * default, optimised and authoritative, and the client's own. Composer asks nobody: the package is a path, and its network is off.
 */

namespace Notifyd\Tests;

require __DIR__ . '/harness.php';

const PACKAGE = __DIR__ . '/../../../clients/php';
$only = $argv[1] ?? '';

/** Runs a command in a directory; gives what it printed, and throws it where it fails. */
function ran(array $command, string $directory): string
{
    $environment = ['COMPOSER_HOME' => "$directory/home", 'COMPOSER_DISABLE_NETWORK' => '1', 'COMPOSER_ALLOW_SUPERUSER' => '1',
        'PATH' => getenv('PATH')];
    $process = proc_open($command, [['file', '/dev/null', 'r'], ['pipe', 'w'], ['redirect', 1]], $pipes, $directory, $environment);
    $text = stream_get_contents($pipes[1]);
    check(proc_close($process) === 0, implode(' ', $command) . ": $text");
    return $text;
}

function written(string $file, string $text): void
{
    if (!is_dir(dirname($file))) {
        mkdir(dirname($file), 0700, true);
    }
    file_put_contents($file, $text);
}

/** An application with the old classes in its tree, which say who they are. */
function application(array $autoload): string
{
    $directory = temporaryDirectory();
    $own = static function (string $namespace, string $class): string {
        return "<?php\nnamespace $namespace;\nclass $class { const OF = 'the application'; }\n";
    };
    foreach (['Modules\Notify' => ['NotifyAgent', 'NotifyMessage', 'NotifyReport'], 'Modules\Queue' => ['BeanstalkdQueue'],
        'Modules\Log' => ['Log']] as $namespace => $classes) {
        foreach ($classes as $class) {
            written("$directory/walle/" . strtr($namespace, '\\', '/') . "/$class.php", $own("Walle\\$namespace", $class));
        }
    }
    written("$directory/model/Notify.php", $own('Walle\Model', 'Notify'));
    written("$directory/composer.json", json_encode([
        'name' => 'some/application',
        'repositories' => [['packagist.org' => false], ['type' => 'path', 'url' => realpath(PACKAGE), 'options' => ['symlink' => false]]],
        'require' => ['notifyd/client' => '*'],
        'autoload' => $autoload,
    ]));
    written("$directory/main.php", '<?php
        require $argv[1];
        $file = (new ReflectionClass("Walle\Modules\Notify\NotifyAgent"))->getFileName();
        $old = ["Walle\Modules\Queue\BeanstalkdQueue", "Walle\Modules\Log\Log", "Walle\Model\Notify", "Walle\Modules\Notify\NotifyReport"];
        echo json_encode([
            method_exists("Walle\Modules\Notify\NotifyAgent", "configure"),
            method_exists("Walle\Modules\Notify\NotifyMessage", "getNotify"),
            array_map(function ($class) { return defined("$class::OF") ? constant("$class::OF") : null; }, $old),
            class_exists("Notifyd\Client") && class_exists("Notifyd\Refusal\Conflict") && interface_exists("Notifyd\Remembers"),
        ]);
    ');
    return $directory;
}

function ours(string $directory, string $autoloader): void
{
    $seen = json_decode(ran([PHP_BINARY, 'main.php', $autoloader], $directory));
    same($seen, [true, true, array_fill(0, 4, 'the application'), true], 'NotifyAgent, NotifyMessage, what is left alone, the client');
}

const TREE = ['psr-4' => ['Walle\\' => 'walle/', 'Walle\\Model\\' => 'model/']];
const AUTOLOADS = [
    'a tree by PSR-4, as NotifyAgent has it' => TREE,
    'a tree by PSR-4 that names the folder, too' => ['psr-4' => TREE['psr-4'] + ['Walle\\Modules\\Notify\\' => 'walle/Modules/Notify/']],
    'a class map' => ['classmap' => ['walle/', 'model/']],
];
$cases = [];
foreach (AUTOLOADS as $name => $autoload) {
    foreach (['' => 'plain', '--optimize' => 'optimised', '--classmap-authoritative' => 'authoritative',
        '--apcu' => 'with APCu, where there is one'] as $flag => $how) {
        $cases["$name: $how"] = static function () use ($autoload, $flag): void {
            $directory = application($autoload);
            ran(['composer', 'install', '--no-interaction', '--no-plugins', '--no-progress'], $directory);
            ran(array_merge(['composer', 'dump-autoload', '--no-interaction', '--no-plugins'], $flag === '' ? [] : [$flag]), $directory);
            ours($directory, 'vendor/autoload.php');
        };
    }
}
$cases['without Composer, behind an autoloader that was there before'] = static function (): void {
    $directory = application(TREE);
    written("$directory/autoload.php", '<?php
        spl_autoload_register(function ($class) {
            foreach (["Walle\\\\Model\\\\" => "model/", "Walle\\\\" => "walle/"] as $prefix => $folder) {
                $file = __DIR__ . "/$folder" . strtr(substr($class, strlen($prefix)), "\\\\", "/") . ".php";
                if (strpos($class, $prefix) === 0 && is_file($file)) {
                    require $file;
                    return;
                }
            }
        });
        require ' . var_export(realpath(PACKAGE) . '/autoload.php', true) . ';');
    ours($directory, 'autoload.php');
};
$cases['the package is valid'] = static function (): void {
    ran(['composer', 'validate', '--no-interaction', '--no-plugins', '--no-check-publish', '--no-check-version',
        realpath(PACKAGE) . '/composer.json'], temporaryDirectory());
};
run($cases);
