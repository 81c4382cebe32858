module notifydtest

go 1.19

require notifyd v0.1.0

replace notifyd => ../../../clients/go
