<?php

/** Loads the client's classes where Composer does not: `require '…/clients/php/autoload.php';`. */

require_once __DIR__ . '/notifyagent/register.php';

spl_autoload_register(static function (string $class): void {
    if (strncmp($class, 'Notifyd\\', 8) === 0) {
        $file = __DIR__ . '/src/' . strtr(substr($class, 8), '\\', '/') . '.php';
        if (is_file($file)) {
            require $file;
        }
    }
});
