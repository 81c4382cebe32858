<?php

/** What the READMEs of the PHP client show is part of a file that a test runs: an example, or notifyagent/example.php. Their links lead somewhere. */

namespace Notifyd\Tests;

require __DIR__ . '/harness.php';

$only = $argv[1] ?? '';
$root = realpath(__DIR__ . '/../../../clients/php');
$examples = implode("\n", array_map('file_get_contents', array_merge(glob("$root/examples/*.php"), ["$root/notifyagent/example.php"])));
$cases = [];
foreach (['README.md', 'notifyagent/README.md'] as $readme) {
    $text = file_get_contents("$root/$readme");
    $cases["$readme: its code"] = static function () use ($text, $examples): void {
        check(preg_match_all('/^```php\n(.*?)^```$/ms', $text, $blocks) > 0, 'there is none');
        foreach ($blocks[1] as $block) {
            check(strpos($examples, $block) !== false, "no example has this: $block");
        }
    };
    $cases["$readme: its links"] = static function () use ($text, $root, $readme): void {
        preg_match_all('/\]\((?!https?:)([^)#]+)/', $text, $links);
        foreach ($links[1] as $link) {
            check(file_exists(dirname("$root/$readme") . "/$link"), "there is no $link");
        }
    };
    $cases["$readme: methods that it names"] = static function () use ($text): void {
        preg_match_all('/`([a-z][A-Za-z]+)(?:\([^`]*)?`/', $text, $names);
        foreach (array_unique($names[1]) as $name) {
            $there = method_exists('Notifyd\Client', $name) || method_exists('Walle\Modules\Notify\NotifyAgent', $name)
                || method_exists('Walle\Modules\Notify\NotifyMessage', $name);
            check($there || !preg_match('/^(set|get|submit|add|trigger|cancel)[A-Z]/', $name), "there is no method $name");
        }
    };
}
run($cases);
