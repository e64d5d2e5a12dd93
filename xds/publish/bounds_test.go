package publish

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"

	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/resource"
)

// names are as many made-up names.
func names(count int, prefix string) []string {
	all := make([]string, count)
	for i := range all {
		all[i] = fmt.Sprint(prefix, i)
	}
	return all
}

// X10: what the proxies of a gateway make a replica remember is bounded, and is given back when their streams end.
// Another gateway is not affected.
func TestX10WhatProxiesNameIsBounded(t *testing.T) {
	p := New(Options{})
	evil, good := ir.Key{Namespace: "evil", Name: "edge"}, ir.Key{Namespace: "shop", Name: "edge"}
	p.Ready(evil)
	p.Ready(good)
	send := func(*discovery.DeltaDiscoveryResponse) error { return nil }
	ask := func(s *Session, subscribe []string) error {
		_ = s.Receive(&discovery.DeltaDiscoveryRequest{TypeUrl: string(resource.Endpoint), ResourceNamesSubscribe: subscribe})
		return s.Err()
	}
	s := p.Connect(evil, "many", send)
	if err := ask(s, names(maxUnknownNames, "a")); err != nil {
		t.Fatal(err)
	}
	if err := ask(s, []string{"one more"}); !errors.Is(err, ErrTooManyNames) {
		t.Errorf("one more: %v", err)
	}
	<-s.Done()
	g := p.existing(evil)
	if n := len(g.resources[endpoint]); n > sweepFloor || g.unknown != 0 {
		t.Errorf("%d names are remembered, %d counted", n, g.unknown)
	}
	versions := map[string]string{}
	for _, name := range names(maxUnknownNames+1, "v") {
		versions[name] = "1"
	}
	s = p.Connect(evil, "versions", send)
	_ = s.Receive(&discovery.DeltaDiscoveryRequest{TypeUrl: string(resource.Endpoint), InitialResourceVersions: versions})
	if err := s.Err(); !errors.Is(err, ErrTooManyNames) {
		t.Errorf("versions: %v", err)
	}
	s = p.Connect(evil, "long", send)
	if err := ask(s, []string{strings.Repeat("x", maxName+1)}); !errors.Is(err, ErrLongName) {
		t.Errorf("a long name: %v", err)
	}
	g.unknown = maxUnknownNamesOfAll
	s = p.Connect(evil, "all", send)
	if err := ask(s, []string{"x"}); !errors.Is(err, ErrTooManyNames) {
		t.Errorf("all sessions: %v", err)
	}
	s = p.Connect(good, "other", send)
	if err := ask(s, []string{"x"}); err != nil {
		t.Errorf("another gateway: %v", err)
	}
	s.Close()
}

// X10: proxies of a gateway, and what they may ask before it is ready, are bounded.
func TestX10SessionsAreBounded(t *testing.T) {
	p := New(Options{})
	key := ir.Key{Namespace: "evil", Name: "edge"}
	send := func(*discovery.DeltaDiscoveryResponse) error { return nil }
	var open []*Session
	for i := range maxSessions {
		open = append(open, p.Connect(key, fmt.Sprint(i), send))
	}
	if err := p.Connect(key, "one more", send).Err(); !errors.Is(err, ErrTooManySessions) {
		t.Errorf("one more: %v", err)
	}
	request := &discovery.DeltaDiscoveryRequest{TypeUrl: string(resource.Endpoint),
		ResourceNamesSubscribe: []string{strings.Repeat("x", maxBacklog/4)}}
	for range 5 {
		_ = open[0].Receive(request)
	}
	if err := open[0].Err(); !errors.Is(err, ErrTooMuchBacklog) {
		t.Errorf("backlog: %v", err)
	}
	for _, s := range open {
		s.Close()
		<-s.Done()
	}
	if s := p.Connect(key, "again", send); s.Err() != nil {
		t.Errorf("after they are gone: %v", s.Err())
	} else {
		s.Close()
	}
}
