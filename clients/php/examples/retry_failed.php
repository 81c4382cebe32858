<?php

require __DIR__ . '/../autoload.php';

// docs: begin
$client = new Notifyd\Client();
foreach ($client->list(['state' => 'failed', 'lane' => 'orders']) as $notify) {
    echo $notify['id'], ' ', $notify['reason'], "\n";
}
echo $client->retryMatching(['state' => 'failed', 'lane' => 'orders']), " are sent again\n";
// docs: end
