package keda

import (
	"context"
	"net"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
)

// fromAddress is a stream of an address.
type fromAddress struct {
	grpc.ServerStream
	address string
}

func (s fromAddress) Context() context.Context {
	return peer.NewContext(context.Background(), &peer.Peer{Addr: &net.TCPAddr{IP: net.ParseIP(s.address), Port: 1}})
}

// TestX4StreamsOfAnAddress: an address has as many streams as KEDA needs for the triggers in force, and no more; other
// addresses are not touched, and streams that end make room.
func TestX4StreamsOfAnAddress(t *testing.T) {
	triggers := 0
	p := newPeers(func() int { return triggers })
	release := make(chan struct{})
	ended := make(chan error)
	opened := make(chan struct{})
	open := func(address string) error {
		go func() {
			ended <- p.stream(nil, fromAddress{address: address}, nil, func(any, grpc.ServerStream) error {
				opened <- struct{}{}
				<-release
				return nil
			})
		}()
		select {
		case <-opened:
			return nil
		case err := <-ended:
			return err
		}
	}
	count := 0
	fill := func() {
		t.Helper()
		for err := open("10.0.0.1"); ; err = open("10.0.0.1") {
			if err != nil {
				if status.Code(err) != codes.ResourceExhausted {
					t.Fatal(err)
				}
				return
			}
			if count++; count > streamsOfPeer+100*streamsOfTrigger {
				t.Fatalf("%d streams are open, and the next one is too", count) // without a bound the test would take all memory
			}
		}
	}
	if fill(); count != streamsOfPeer {
		t.Errorf("%d streams", count)
	}
	if triggers = 100; open("10.0.0.2") != nil {
		t.Error("another address pays")
	}
	if fill(); count != streamsOfPeer+100*streamsOfTrigger {
		t.Errorf("%d streams with 100 triggers", count)
	}
	close(release)
	for range count + 1 {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	if len(p.open) > 0 {
		t.Errorf("%v are remembered", p.open)
	}
}
