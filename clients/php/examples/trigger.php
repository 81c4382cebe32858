<?php

require __DIR__ . '/../autoload.php';

// docs: begin
$client = new Notifyd\Client();
$client->submit(['url' => getenv('ORDERS_URL'), 'data' => ['order' => 17], 'fkey' => 'order-17', 'ttl_ms' => 86400000]);
// Later, and somewhere else:
$client->trigger('order-17', ['data' => ['paid' => true]]);
// docs: end
