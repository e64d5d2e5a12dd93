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

// subscribe opens the streams. Nothing is said on them before the product knows for a minute
// what the proxies of a new Gateway do, so there is nothing to wait for; that the replica knows
// every trigger shows in the answer about its metric.
func subscribe(ctx context.Context, replica, address string, refs map[string]kedav1alpha1.ScaleTriggers) (*subscriber, error) {
	conn, err := grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, func() { conn.Close() })
	s := &subscriber{replica: replica, streams: map[string]*subscription{}}
	for key := range refs {
		_, name, _ := strings.Cut(key, "/")
		s.streams[name] = &subscription{}
	}
	scaler := pb.NewExternalScalerClient(conn)
	for key, trigger := range refs {
		namespace, name, _ := strings.Cut(key, "/")
		ref := &pb.ScaledObjectRef{Namespace: namespace, Name: name, ScalerMetadata: trigger.Metadata}
		stream, err := scaler.StreamIsActive(ctx, ref)
		if err != nil {
			return nil, err
		}
		go s.read(name, stream)
		if _, err := scaler.GetMetricSpec(ctx, ref); err != nil {
			return nil, fmt.Errorf("%s does not know %s: %w", replica, key, err)
		}
	}
	return s, nil
}

// read takes what one stream says. A stream that ends says nothing more, which shows.
func (s *subscriber) read(name string, stream grpc.ServerStreamingClient[pb.IsActiveResponse]) {
	for {
		response, err := stream.Recv()
		now := time.Now()
		if err != nil {
			return
		}
		s.take(name, response.GetResult(), now)
	}
}

func (s *subscriber) take(name string, active bool, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	subscription := s.streams[name]
	if active && !subscription.active && subscription.waiting != nil {
		subscription.waiting <- now
		subscription.waiting = nil
	}
	subscription.active = active
}

// expect returns where the moment is sent at which a trigger at rest is said to be active.
func (s *subscriber) expect(name string) <-chan time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	pushed := make(chan time.Time, 1)
	s.streams[name].waiting = pushed
	return pushed
}
