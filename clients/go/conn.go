package notifyd

import (
	"context"
	"net"
	"sync"
	"time"
)

// mostPatience bounds how long what came is waited for once nothing can be written any more.
const mostPatience = time.Second

// A patientConn says that nobody takes what is written only once what came is read: who refuses a body for its length may answer before its end, and
// go, and net/http gives up reading with the first write that fails.
type patientConn struct {
	net.Conn
	over  chan struct{} // closed once nothing more comes
	close sync.Once
}

// patient makes connections of dial patient.
func patient(dial func(context.Context, string, string) (net.Conn, error)) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &patientConn{Conn: conn, over: make(chan struct{})}, nil
	}
}

func (c *patientConn) Read(to []byte) (int, error) {
	n, err := c.Conn.Read(to)
	if err != nil {
		c.close.Do(func() { close(c.over) })
	}
	return n, err
}

func (c *patientConn) Write(from []byte) (int, error) {
	n, err := c.Conn.Write(from)
	if err != nil {
		timer := time.NewTimer(mostPatience)
		defer timer.Stop()
		select {
		case <-c.over:
		case <-timer.C:
		}
	}
	return n, err
}

func (c *patientConn) Close() error {
	c.close.Do(func() { close(c.over) })
	return c.Conn.Close()
}
