package engines_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/scaler/engines"
)

var chat = types.NamespacedName{Namespace: "app", Name: "chat"}

// network has Pods with real HTTP servers, on pipes: time does not pass while something moves. Its methods are safe for concurrent use.
type network struct {
	t *testing.T

	mu sync.Mutex
	// pods by address.
	pods map[string]*pod
	// open connections and those of the fullest moment, of all and by namespace.
	open, most map[string]int
}

// pod is a server of metrics.
type pod struct {
	network   *network
	namespace string
	name      string
	address   netip.AddrPort
	accepted  chan net.Conn
	gone      chan struct{} // closed when it listens no more
	leave     func()
	server    *http.Server

	mu      sync.Mutex
	answer  http.HandlerFunc
	refuses bool
	reads   []time.Time
	last    *http.Request
}

func newNetwork(t *testing.T) *network {
	n := &network{t: t, pods: map[string]*pod{}, open: map[string]int{}, most: map[string]int{}}
	t.Cleanup(func() {
		for _, p := range n.pods {
			p.server.Close()
		}
		synctest.Wait()
	})
	return n
}

// pod adds a Pod of a namespace that says how many requests wait and how full its cache is.
func (n *network) pod(namespace, name string, waiting, cache float64) *pod {
	n.mu.Lock()
	defer n.mu.Unlock()
	number := len(n.pods)
	p := &pod{
		network: n, namespace: namespace, name: name, accepted: make(chan net.Conn), gone: make(chan struct{}),
		address: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 1, byte(number >> 8), byte(number)}), 8000),
	}
	p.leave = sync.OnceFunc(func() { close(p.gone) })
	p.says(waiting, cache)
	p.server = &http.Server{Handler: http.HandlerFunc(p.serve)}
	n.pods[p.address.String()] = p
	go p.server.Serve(listener{p})
	return p
}

func (p *pod) serve(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	answer := p.answer
	p.reads, p.last = append(p.reads, time.Now()), r
	p.mu.Unlock()
	answer(w, r)
}

// says has the Pod answer as vLLM does.
func (p *pod) says(waiting, cache float64) {
	p.answers(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, "# TYPE vllm:num_requests_waiting gauge\nvllm:num_requests_waiting{engine=\"0\"} %v\n"+
			"vllm:kv_cache_usage_perc{engine=\"0\"} %v\n", waiting, cache)
	})
}

func (p *pod) answers(with http.HandlerFunc) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answer, p.refuses = with, false
}

func (p *pod) refuse() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuses = true
}

// hang has the Pod take requests and answer none.
func (p *pod) hang() {
	p.answers(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
}

// rest is a pause in an answer that ends with its connection.
func rest(r *http.Request, pause time.Duration) {
	select {
	case <-r.Context().Done():
	case <-time.After(pause):
	}
}

// read returns when the Pod was read so far, and forgets it.
func (p *pod) read() []time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	reads := p.reads
	p.reads = nil
	return reads
}

// dial connects to a Pod.
func (n *network) dial(ctx context.Context, _, address string) (net.Conn, error) {
	n.mu.Lock()
	p := n.pods[address]
	n.mu.Unlock()
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
	if p == nil {
		return nil, refused
	}
	p.mu.Lock()
	refuses := p.refuses
	p.mu.Unlock()
	if refuses {
		return nil, refused
	}
	client, server := net.Pipe()
	select {
	case p.accepted <- server:
	case <-p.gone:
		return nil, refused
	case <-ctx.Done():
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: ctx.Err()}
	}
	n.count(p.namespace, 1)
	return &connection{Conn: client, closed: sync.OnceFunc(func() { n.count(p.namespace, -1) })}, nil
}

func (n *network) count(namespace string, change int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, of := range []string{"", namespace} {
		n.open[of] += change
		n.most[of] = max(n.most[of], n.open[of])
	}
}

// connections returns how many are open, of a namespace or of all, and how many were at once.
func (n *network) connections(of string) (open, most int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.open[of], n.most[of]
}

// connection counts until it is closed.
type connection struct {
	net.Conn
	closed func()
}

func (c *connection) Close() error {
	c.closed()
	return c.Conn.Close()
}

// listener is that of a Pod. Its end is that of the server's connections: Accept waits for the network alone.
type listener struct{ pod *pod }

func (l listener) Accept() (net.Conn, error) {
	select {
	case connection := <-l.pod.accepted:
		return connection, nil
	case <-l.pod.gone:
		return nil, net.ErrClosed
	}
}

func (l listener) Close() error {
	l.pod.leave()
	return nil
}

func (l listener) Addr() net.Addr { return net.TCPAddrFromAddrPort(l.pod.address) }

// podsOf are ready Pods of one trigger.
func podsOf(pods ...*pod) *scaler.ModelPods {
	all := &scaler.ModelPods{Engine: "auto", Path: "/metrics"}
	for _, p := range pods {
		all.Pods = append(all.Pods, scaler.ModelPod{Name: p.name, ID: p.namespace + "-" + p.name, Address: p.address})
	}
	return all
}

// replica is a Reader that runs.
type replica struct {
	*engines.Reader
	name string
	stop func()
}

// replica starts a reader that knows all Pods that exist.
func (n *network) replica(name string) *replica {
	ctx, cancel := context.WithCancel(n.t.Context())
	r := &replica{Reader: engines.New(engines.Options{Replica: name, Dial: n.dial}), name: name}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := r.Run(ctx); err != nil {
			n.t.Error(err)
		}
	}()
	r.stop = func() { cancel(); <-done }
	n.t.Cleanup(r.stop)
	r.SetComplete()
	return r
}

// tells carries what one replica says to another, as text, until the returned function is called: then the stream has ended, or
// it hangs without a word.
func (n *network) tells(from, to *replica) (end func(lost bool)) {
	stop, done := make(chan struct{}), make(chan struct{})
	follower := from.Follow()
	go func() {
		defer close(done)
		for {
			if delta := follower.Take(); delta != nil {
				text, err := json.Marshal(delta)
				heard := engines.Delta{}
				if err = errors.Join(err, json.Unmarshal(text, &heard)); err != nil {
					n.t.Error(err)
				}
				to.Merge(from.name, heard)
			}
			select {
			case <-follower.Wake():
			case <-stop:
				return
			}
		}
	}()
	ended := false
	end = func(lost bool) {
		if !ended {
			ended = true
			close(stop)
			<-done
			follower.Leave()
		}
		if lost {
			to.Lost(from.name)
		}
	}
	n.t.Cleanup(func() { end(false) })
	return end
}

// knows compares what a replica knows of the trigger.
func (r *replica) knows(t *testing.T, when string, waiting, cache float64) {
	t.Helper()
	w, errW := r.Waiting(chat)
	c, errC := r.CacheUsage(chat)
	if errW != nil || errC != nil || w != waiting || c < cache-1e-9 || c > cache+1e-9 {
		t.Errorf("%s, %s: %v wait, %v; %v of the cache, %v; want %v and %v", r.name, when, w, errW, c, errC, waiting, cache)
	}
}
