<?php

/**
 * Puts NotifyAgent and NotifyMessage in front of whatever else may know classes of these names: an application that maps its own tree `Walle\`
 * class by class would win over Composer's rule for our prefix. Nothing else of that tree is touched.
 */

spl_autoload_register(static function (string $class): void {
    if ($class === 'Walle\Modules\Notify\NotifyAgent' || $class === 'Walle\Modules\Notify\NotifyMessage') {
        require __DIR__ . substr(strtr($class, '\\', '/'), strlen('Walle/Modules/Notify')) . '.php';
    }
}, true, true);
