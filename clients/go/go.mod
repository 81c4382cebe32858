module notifyd

go 1.19
