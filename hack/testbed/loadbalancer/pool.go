// Package loadbalancer gives Services of type LoadBalancer their addresses.
// The range is routed to the node and kube-proxy does the forwarding, so all
// there is to do is to choose an address and to write it into the status.
package loadbalancer

import (
	"errors"
	"fmt"
	"net/netip"
	"time"
)

// idle is how long a released address rests before another Service may get it:
// longer than a client keeps talking to a name or connection it has cached.
const idle = 10 * time.Second

// Errors of Take.
var (
	ErrOutside   = errors.New("address is outside of the load balancer's range")
	ErrTaken     = errors.New("address belongs to another Service")
	ErrExhausted = errors.New("no address is free")
)

// Pool is the range of addresses. It is owned by one goroutine.
//
// Addresses are handed out in order over the whole range before a released one
// is used again, and then the one released longest ago comes first.
type Pool struct {
	network netip.Prefix
	static  netip.Prefix // never chosen, only given to a Service that asks for the address
	next    netip.Addr
	owners  map[netip.Addr]string
	queue   []released
	now     func() time.Time
}

type released struct {
	address netip.Addr
	at      time.Time
}

// NewPool is a pool over network; addresses of static are given only on demand.
func NewPool(network, static netip.Prefix, now func() time.Time) *Pool {
	network = network.Masked()
	return &Pool{network: network, static: static.Masked(), next: network.Addr().Next(), owners: map[netip.Addr]string{}, now: now}
}

// Take gives the owner an address: the wanted one, if any is wanted.
func (p *Pool) Take(owner, wanted string) (netip.Addr, error) {
	if wanted != "" {
		address, err := netip.ParseAddr(wanted)
		if err != nil {
			return netip.Addr{}, fmt.Errorf("%q: %w", wanted, err)
		}
		return address, p.Claim(owner, address)
	}
	for p.network.Contains(p.next) {
		address := p.next
		p.next = p.next.Next()
		if p.usable(address) && p.owners[address] == "" {
			p.owners[address] = owner
			return address, nil
		}
	}
	for i, r := range p.queue {
		if p.now().Sub(r.at) < idle {
			break // the rest was released later
		}
		if p.static.Contains(r.address) {
			continue
		}
		p.queue = append(p.queue[:i:i], p.queue[i+1:]...)
		p.owners[r.address] = owner
		return r.address, nil
	}
	return netip.Addr{}, ErrExhausted
}

// Claim gives the owner exactly this address.
func (p *Pool) Claim(owner string, address netip.Addr) error {
	if !p.network.Contains(address) {
		return fmt.Errorf("%s: %w", address, ErrOutside)
	}
	if holder := p.owners[address]; holder != "" && holder != owner {
		return fmt.Errorf("%s (%s): %w", address, holder, ErrTaken)
	}
	for i, r := range p.queue {
		if r.address == address {
			p.queue = append(p.queue[:i:i], p.queue[i+1:]...)
			break
		}
	}
	p.owners[address] = owner
	return nil
}

// Release returns all addresses of the owner.
func (p *Pool) Release(owner string) {
	for address, holder := range p.owners {
		if holder == owner {
			delete(p.owners, address)
			p.queue = append(p.queue, released{address, p.now()})
		}
	}
}

// usable leaves out addresses that end in 0 or 255, which some software takes
// for a network's or a broadcast address even if the prefix length says otherwise.
func (p *Pool) usable(address netip.Addr) bool {
	bytes := address.AsSlice()
	last := bytes[len(bytes)-1]
	return last != 0 && last != 255 && !p.static.Contains(address)
}
