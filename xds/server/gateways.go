package server

import (
	"context"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"k8s.io/apimachinery/pkg/types"
)

// Gateways are the Gateways of which proxies may call, as far as this replica knows. A certificate is good for one
// object: that of a Gateway which was deleted opens nothing for the next one of its name. It is safe for concurrent
// use.
type Gateways struct {
	mu sync.Mutex
	// complete: a Gateway that is not known does not exist.
	complete bool
	known    map[types.NamespacedName]*admitted
	// unproven have called before complete; what they may know is decided then.
	unproven map[GatewayIdentity]*admitted
	// news is closed, and replaced, when a Gateway came.
	news chan struct{}
}

// newsDelay is how long a replica may take to hear of a Gateway of which a proxy already calls.
const newsDelay = 2 * time.Second

// admitted is one Gateway whose proxies may call until it ends.
type admitted struct {
	uid   types.UID
	until chan struct{}
}

func newAdmitted(uid types.UID) *admitted { return &admitted{uid: uid, until: make(chan struct{})} }

// NewGateways returns a set that knows no Gateway. Until Complete, every certificate is believed.
func NewGateways() *Gateways {
	return &Gateways{known: map[types.NamespacedName]*admitted{}, unproven: map[GatewayIdentity]*admitted{}, news: make(chan struct{})}
}

// Set notes that a Gateway exists. It returns true when proxies of another object of its name were admitted: they are
// no longer.
func (g *Gateways) Set(key types.NamespacedName, uid types.UID) (replaced bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	last := g.known[key]
	if last != nil && last.uid == uid {
		return false
	}
	if last != nil {
		close(last.until)
	}
	now := g.unproven[GatewayIdentity{key, uid}]
	if now == nil {
		now = newAdmitted(uid)
	}
	delete(g.unproven, GatewayIdentity{key, uid})
	g.known[key] = now
	refused := g.refuse(func(other GatewayIdentity) bool { return other.Gateway == key })
	close(g.news)
	g.news = make(chan struct{})
	return last != nil || refused
}

// Remove notes that a Gateway is gone.
func (g *Gateways) Remove(key types.NamespacedName) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if last := g.known[key]; last != nil {
		close(last.until)
		delete(g.known, key)
	}
}

// SetComplete says that every Gateway that existed when this replica started was set.
func (g *Gateways) SetComplete() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.complete = true
	g.refuse(func(GatewayIdentity) bool { return true })
}

// refuse ends what was not proven, and reports whether there was something. mu is held.
func (g *Gateways) refuse(selected func(GatewayIdentity) bool) (any bool) {
	for identity, one := range g.unproven {
		if selected(identity) {
			any = true
			close(one.until)
			delete(g.unproven, identity)
		}
	}
	return any
}

// await returns a channel that is closed when the proxies of a Gateway may call no longer. For a Gateway that is not
// known it waits a moment.
func (g *Gateways) await(ctx context.Context, from GatewayIdentity) (until <-chan struct{}, err error) {
	patience := time.NewTimer(newsDelay)
	defer patience.Stop()
	for {
		until, news := g.admit(from)
		if until != nil {
			return until, nil
		}
		select {
		case <-news:
		case <-patience.C:
			return nil, errNoGateway
		case <-ctx.Done():
			return nil, status.FromContextError(ctx.Err()).Err()
		}
	}
}

// admit returns the channel of await; nil: the Gateway is not known, and news is closed when another one is.
func (g *Gateways) admit(from GatewayIdentity) (until, news <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	known := g.known[from.Gateway]
	switch {
	case known != nil && known.uid == from.UID:
		return known.until, g.news
	case known != nil || g.complete:
		return nil, g.news
	case g.unproven[from] == nil:
		g.unproven[from] = newAdmitted(from.UID)
	}
	return g.unproven[from].until, g.news
}

var errNoGateway = status.Error(codes.PermissionDenied, "the Gateway of the certificate does not exist (any more)")
