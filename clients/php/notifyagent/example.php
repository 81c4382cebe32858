<?php

require __DIR__ . '/../autoload.php';

use Walle\Modules\Notify\NotifyAgent;
use Walle\Modules\Notify\NotifyMessage;

NotifyAgent::configure(getenv('NOTIFYD_URL'));  // or define('NOTIFYD_URL', …), or the variable alone

$message = NotifyMessage::create(getenv('ORDERS_URL'))
    ->setData(['order' => 17])
    ->setSendImmediate(false)
    ->setFKey('order-17');
try {
    $id = NotifyAgent::getInstance()->addNotify($message);
} catch (Notifyd\Exception $error) {
    echo $error->getCode() === 23000 ? 'it is held already' : $error->getMessage(), "\n";
}
NotifyAgent::getInstance()->triggerNotify('order-17', ['paid' => true]);
