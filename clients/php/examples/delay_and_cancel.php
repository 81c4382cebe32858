<?php

require __DIR__ . '/../autoload.php';

// docs: begin
$client = new Notifyd\Client();
$accepted = $client->submit(['url' => getenv('ORDERS_URL'), 'data' => ['order' => 17], 'delay_ms' => 3600000]);
try {
    $client->cancel($accepted['id']);
} catch (Notifyd\Refusal\Conflict $error) {
    echo "too late: it was sent\n";
}
// docs: end
