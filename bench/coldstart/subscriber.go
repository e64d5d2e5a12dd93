package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	pb "github.com/kedacore/keda/v2/pkg/scalers/externalscaler"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// scalerPort is where the product answers KEDA.
const scalerPort = 9090

// subscriber is a client of KEDA's external scaler protocol at one replica, with a
// StreamIsActive for every trigger on one connection, as KEDA's operator has them.
type subscriber struct {
	replica string

	mu      sync.Mutex
	streams map[string]*subscription // by ScaledObject
}

// subscription is one stream.
type subscription struct {
	active  bool // what was said last
	waiting chan time.Time
}

// activation is one waking as one replica told it.
type activation struct {
	replica string
	took    time.Duration
}

// subscribe opens the streams and waits until each of them has spoken.
func subscribe(ctx context.Context, replica, address string, refs map[string]kedav1alpha1.ScaleTriggers) (*subscriber, error) {
	conn, err := grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, func() { conn.Close() })
	s := &subscriber{replica: replica, streams: map[string]*subscription{}}
	spoke := make(chan error, len(refs))
	for key, trigger := range refs {
		namespace, name, _ := strings.Cut(key, "/")
		s.streams[name] = &subscription{}
		stream, err := pb.NewExternalScalerClient(conn).StreamIsActive(ctx, &pb.ScaledObjectRef{
			Namespace: namespace, Name: name, ScalerMetadata: trigger.Metadata,
		})
		if err != nil {
			return nil, err
		}
		go s.read(name, stream, spoke)
	}
	limit := time.After(time.Minute)
	for n := range len(refs) {
		select {
		case err := <-spoke:
			if err != nil {
				return nil, fmt.Errorf("%s: %w", replica, err)
			}
		case <-limit:
			return nil, fmt.Errorf("%s spoke of %d of %d triggers", replica, n, len(refs))
		}
	}
	return s, nil
}

// read takes what one stream says.
func (s *subscriber) read(name string, stream grpc.ServerStreamingClient[pb.IsActiveResponse], spoke chan<- error) {
	for first := true; ; first = false {
		response, err := stream.Recv()
		now := time.Now()
		if first {
			spoke <- err
		}
		if err != nil {
			return
		}
		s.mu.Lock()
		subscription := s.streams[name]
		if response.GetResult() && !subscription.active && subscription.waiting != nil {
			subscription.waiting <- now
			subscription.waiting = nil
		}
		subscription.active = response.GetResult()
		s.mu.Unlock()
	}
}

// expect returns where the moment is sent at which a trigger at rest is said to be active.
func (s *subscriber) expect(name string) <-chan time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	pushed := make(chan time.Time, 1)
	s.streams[name].waiting = pushed
	return pushed
}
