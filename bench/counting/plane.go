package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/rpc"
	"os"
	"syscall"
	"time"

	"github.com/kedify/inference-gateway/xds/ir"

	"google.golang.org/grpc"

	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/scaler/count"
	"github.com/kedify/inference-gateway/scaler/demand"
	"github.com/kedify/inference-gateway/xds/bootstrap"
	"github.com/kedify/inference-gateway/xds/publish"
	"github.com/kedify/inference-gateway/xds/server"
)

// Plane is the control plane as the process that measures sees it (net/rpc). Start is called
// once and before anything else, Break by one caller; the rest by any number at any time.
type Plane struct {
	catalog   *scaler.Catalog
	registry  *demand.Registry
	gateways  *server.Gateways
	publisher *publish.Publisher
	tls       *tls.Config
	doors     map[string]*door // by the name of the gateway
}

// Place is what the control plane begins with.
type Place struct {
	Layout layout
	// Directories take the key material of the proxies, by the name of the gateway.
	Directories map[string]string
}

// Sample is one reading of one key.
type Sample struct {
	At       time.Time
	Rate     float64
	InFlight uint64
	// Requests were counted since the control plane began.
	Requests uint64
	Unknown  string // why, when it is not known
}

// Cost is what the control plane has used since it began.
type Cost struct {
	CPU      time.Duration
	Received map[string]int64 // bytes on the wire, by the name of the gateway
}

// servePlane answers on the standard input and output until the other process ends.
func servePlane() error {
	s := rpc.NewServer()
	if err := s.Register(&Plane{}); err != nil {
		return err
	}
	s.ServeConn(struct {
		io.Reader
		io.WriteCloser
	}{os.Stdin, os.Stdout})
	return nil
}

// Start makes keys, renders the resources, and listens; it answers with the port for each
// gateway.
func (p *Plane) Start(place Place, ports *map[string]uint32) error {
	keys, err := newKeyring()
	if err != nil {
		return err
	}
	if p.tls, err = keys.server(); err != nil {
		return err
	}
	p.catalog = scaler.NewCatalog()
	p.registry = demand.New(demand.Options{Catalog: p.catalog})
	go func() { _ = p.registry.Run(context.Background()) }()
	for i := range place.Layout.Clusters {
		p.catalog.Set(demandKey(i), trigger(i))
	}
	p.catalog.SetComplete()
	p.publisher = publish.New(publish.Options{})
	p.doors, *ports = map[string]*door{}, map[string]uint32{}
	p.gateways = server.NewGateways()
	for gateway, directory := range place.Directories {
		p.gateways.Set(gatewayKey(gateway), "u")
		if err := keys.client(gateway, directory); err != nil {
			return err
		}
		change, err := place.Layout.resources(gateway)
		if err != nil {
			return err
		}
		p.publisher.Apply(ir.Key(gatewayKey(gateway)), change)
		p.publisher.Ready(ir.Key(gatewayKey(gateway)))
		d := &door{address: "127.0.0.1:0"}
		if err := d.open(p); err != nil {
			return err
		}
		p.doors[gateway] = d
		(*ports)[gateway] = uint32(d.listener.Addr().(*net.TCPAddr).Port)
	}
	return nil
}

// server is a new xDS server with the service for what proxies counted.
func (p *Plane) server(ctx context.Context) (*server.Server, error) {
	counts := count.New(count.Options{Registry: p.registry, Catalog: p.catalog})
	go func() { _ = counts.Run(ctx) }()
	return server.New(server.Options{
		Publisher: p.publisher, Gateways: p.gateways, TLS: p.tls, Register: func(s *grpc.Server) { counts.Register(s) },
	})
}

// Synced says whether the proxy of a gateway has taken everything.
func (p *Plane) Synced(gateway string, yes *bool) error {
	key := gatewayKey(gateway)
	if !p.publisher.Knows(ir.Key(key)) {
		return fmt.Errorf("gateway %s is not served", key)
	}
	*yes = p.publisher.Delivery(ir.Key(key)).Synced
	return nil
}

// Read returns what KEDA would be told, for keys by number.
func (p *Plane) Read(keys []int, samples *[]Sample) error {
	for _, i := range keys {
		r, err := p.registry.Read(demandKey(i))
		s := Sample{At: time.Now(), Rate: r.Rate, InFlight: r.InFlight}
		if errors.Is(err, demand.ErrUnknown) {
			s.Unknown = err.Error()
		} else if err != nil {
			return err
		}
		*samples = append(*samples, s)
	}
	return nil
}

// Count is Read with Requests, which takes longer.
func (p *Plane) Count(keys []int, samples *[]Sample) error {
	if err := p.Read(keys, samples); err != nil {
		return err
	}
	for n, i := range keys {
		(*samples)[n].Requests = p.registry.Dump(demandKey(i)).Requests
	}
	return nil
}

// Cost says what was used until now.
func (p *Plane) Cost(_ int, cost *Cost) error {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return err
	}
	cost.CPU = time.Duration(used.Utime.Nano() + used.Stime.Nano())
	cost.Received = map[string]int64{}
	for gateway, d := range p.doors {
		cost.Received[gateway] = d.received.Load()
	}
	return nil
}

// Break cuts the connections of the proxy with the sink as a crash would, and refuses new ones
// for a while. What was counted stays.
func (p *Plane) Break(pause time.Duration, _ *int) error {
	d := p.doors[withSink]
	if err := d.close(); err != nil {
		return err
	}
	time.Sleep(pause)
	return d.open(p)
}

// replicaName is the name in the server's certificate.
const replicaName = bootstrap.ReplicaName
