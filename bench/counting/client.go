package main

import (
	"context"
	"fmt"
	"io"
	"net/rpc"
	"os"
	"os/exec"
	"time"
)

// client is the control plane in its process.
type client struct {
	*rpc.Client
	stop func()
}

// startPlane starts this program once more. It ends when its standard input does.
func startPlane(ctx context.Context) (*client, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self, "-plane")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	c := rpc.NewClient(struct {
		io.Reader
		io.WriteCloser
	}{out, in})
	return &client{Client: c, stop: func() {
		_ = c.Close()
		_ = cmd.Wait()
	}}, nil
}

func (c *client) start(place Place) (ports map[string]uint32, err error) {
	err = c.Call("Plane.Start", place, &ports)
	return ports, err
}

func (c *client) read(keys ...int) (samples []Sample, err error) {
	err = c.Call("Plane.Read", keys, &samples)
	return samples, err
}

func (c *client) count(keys ...int) (samples []Sample, err error) {
	err = c.Call("Plane.Count", keys, &samples)
	return samples, err
}

func (c *client) cost() (cost Cost, err error) {
	err = c.Call("Plane.Cost", 0, &cost)
	return cost, err
}

func (c *client) cut(pause time.Duration) error { return c.Call("Plane.Break", pause, new(int)) }

// synced waits until the proxy of a gateway has taken everything.
func (c *client) synced(ctx context.Context, gateway string) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	for {
		var yes bool
		if err := c.Call("Plane.Synced", gateway, &yes); err != nil || yes {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the proxy of %s has not taken its configuration: %w", gateway, ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}
