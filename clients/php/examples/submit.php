<?php

require __DIR__ . '/../autoload.php';

// docs: begin
$client = new Notifyd\Client();
$accepted = $client->submit(['url' => getenv('ORDERS_URL'), 'data' => ['order' => 17]]);
echo $accepted['id'], "\n";
// docs: end
